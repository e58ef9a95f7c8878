/*
 * chat.h - users, rooms and subscribers, in memory; nothing is kept.
 *
 * Threads: all of it may be called by any thread. A room's lock is held while
 *          its subscribers are told, so all of them see one order.
 */
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "parla/v1/chat_service.pb.h"
#include "parla/v1/room_service.pb.h"

namespace reference
{

struct User {
    std::string name;
    std::uint64_t id;
};

/* One item of streams, as a message and as its bytes, which are made once and
 * shared by all who are sent them. */
struct Item {
    explicit Item(parla::v1::StreamMessagesResponse response);

    const parla::v1::StreamMessagesResponse message;
    const grpc::ByteBuffer bytes;
};

class Subscriber
{
  public:
    virtual ~Subscriber() = default;
    virtual void deliver(const std::shared_ptr<const Item> &item) = 0;
};

class Chat
{
  public:
    /* Returns the token of a new session. An empty name is made up. */
    std::string sign_in(std::string name, User *ret_user);

    void sign_out(const std::string &token);

    /* The user of a token, or nullptr. */
    std::shared_ptr<const User> user_of(const std::string &token) const;

    grpc::Status create(const User &user, const std::string &name);
    grpc::Status join(const User &user, const std::string &name, bool create_if_missing);

    /* Members only. Its streams get nothing more. */
    grpc::Status remove(const User &user, const std::string &name);

    /* The message reaches the room's subscribers before this returns. */
    grpc::Status send(const User &user, const parla::v1::SendMessageRequest &request,
                      parla::v1::SendMessageResponse *response);

    /* Without names: all rooms that the user has joined. */
    grpc::Status subscribe(const User &user, const std::vector<std::string> &names,
                           const std::shared_ptr<Subscriber> &subscriber);
    void unsubscribe(const std::shared_ptr<Subscriber> &subscriber);

  private:
    struct Room {
        std::mutex mutex;
        std::string name;
        std::uint64_t last_sequence = 0;
        std::unordered_set<std::uint64_t> members;
        std::unordered_set<std::shared_ptr<Subscriber>> subscribers;
    };

    std::shared_ptr<Room> find(const std::string &name) const;
    std::vector<std::shared_ptr<Room>> all() const;

    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const User>> sessions_;
    std::unordered_map<std::string, std::shared_ptr<Room>> rooms_;
    std::uint64_t last_user_ = 0;
    std::atomic<std::uint64_t> position_{0};
};

} // namespace reference
