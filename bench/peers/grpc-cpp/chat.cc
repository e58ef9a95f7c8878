/*
 * chat.cc - the tables have one lock, which is held to look up only; each room
 * has its own for what happens in it.
 */
#include "chat.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <chrono>
#include <stdexcept>
#include <utility>

namespace reference
{

using grpc::Status;
using grpc::StatusCode;

static grpc::ByteBuffer bytes_of(const parla::v1::StreamMessagesResponse &message)
{
    grpc::ByteBuffer bytes;
    bool own = false;

    if (!grpc::SerializationTraits<parla::v1::StreamMessagesResponse>::Serialize(message, &bytes,
                                                                                 &own)
             .ok())
        throw std::runtime_error("an item could not be serialised");
    return bytes;
}

Item::Item(parla::v1::StreamMessagesResponse response)
    : message(std::move(response)), bytes(bytes_of(message))
{
}

std::string Chat::sign_in(std::string name, User *ret_user)
{
    std::unique_lock lock(mutex_);
    const std::uint64_t id = ++last_user_;

    if (name.empty())
        name = "guest" + std::to_string(id);
    *ret_user = User{std::move(name), id};

    std::string token = "session-" + std::to_string(id);
    sessions_[token] = std::make_shared<const User>(*ret_user);
    return token;
}

void Chat::sign_out(const std::string &token)
{
    std::unique_lock lock(mutex_);

    sessions_.erase(token);
}

std::shared_ptr<const User> Chat::user_of(const std::string &token) const
{
    std::shared_lock lock(mutex_);
    const auto found = sessions_.find(token);

    return found == sessions_.end() ? nullptr : found->second;
}

std::shared_ptr<Chat::Room> Chat::find(const std::string &name) const
{
    std::shared_lock lock(mutex_);
    const auto found = rooms_.find(name);

    return found == rooms_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Chat::Room>> Chat::all() const
{
    std::vector<std::shared_ptr<Room>> rooms;
    std::shared_lock lock(mutex_);

    for (const auto &entry : rooms_)
        rooms.push_back(entry.second);
    return rooms;
}

Status Chat::create(const User &user, const std::string &name)
{
    std::unique_lock lock(mutex_);
    auto room = std::make_shared<Room>();

    if (name.empty())
        return {StatusCode::INVALID_ARGUMENT, "a room has a name"};
    room->name = name;
    room->members.insert(user.id);
    if (!rooms_.emplace(name, std::move(room)).second)
        return {StatusCode::ALREADY_EXISTS, "there is such a room"};
    return Status::OK;
}

Status Chat::join(const User &user, const std::string &name, bool create_if_missing)
{
    std::shared_ptr<Room> room = find(name);

    if (room == nullptr && create_if_missing) {
        Status status = create(user, name);
        if (status.error_code() != StatusCode::ALREADY_EXISTS)
            return status;
        room = find(name);
    }
    if (room == nullptr)
        return {StatusCode::NOT_FOUND, "there is no such room"};
    std::lock_guard lock(room->mutex);
    room->members.insert(user.id);
    return Status::OK;
}

Status Chat::remove(const User &user, const std::string &name)
{
    const std::shared_ptr<Room> room = find(name);

    if (room == nullptr)
        return {StatusCode::NOT_FOUND, "there is no such room"};
    {
        std::lock_guard lock(room->mutex);
        if (room->members.count(user.id) == 0)
            return {StatusCode::PERMISSION_DENIED, "not a member"};
        room->members.clear();
        room->subscribers.clear();
    }
    std::unique_lock lock(mutex_);
    rooms_.erase(name);
    return Status::OK;
}

static void set_now(google::protobuf::Timestamp *time)
{
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now);

    time->set_seconds(seconds.count());
    time->set_nanos(static_cast<std::int32_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds).count()));
}

Status Chat::send(const User &user, const parla::v1::SendMessageRequest &request,
                  parla::v1::SendMessageResponse *response)
{
    const std::shared_ptr<Room> room = find(request.room());
    parla::v1::ChatMessage *sent = response->mutable_message();

    if (room == nullptr)
        return {StatusCode::NOT_FOUND, "there is no such room"};
    std::lock_guard lock(room->mutex);
    if (room->members.count(user.id) == 0)
        return {StatusCode::PERMISSION_DENIED, "not a member"};

    sent->set_room(room->name);
    sent->set_sequence(++room->last_sequence);
    sent->set_sender(user.name);
    sent->set_sender_id(user.id);
    sent->set_text(request.text());
    set_now(sent->mutable_create_time());

    parla::v1::StreamMessagesResponse item;
    parla::v1::Event *event = item.mutable_event();
    item.set_cursor(std::to_string(++position_));
    event->set_room(sent->room());
    event->set_sequence(sent->sequence());
    *event->mutable_create_time() = sent->create_time();
    event->set_actor(user.name);
    event->set_actor_id(user.id);
    event->mutable_message_sent()->set_text(sent->text());

    const auto shared = std::make_shared<const Item>(std::move(item));
    for (const auto &subscriber : room->subscribers)
        subscriber->deliver(shared);
    return Status::OK;
}

Status Chat::subscribe(const User &user, const std::vector<std::string> &names,
                       const std::shared_ptr<Subscriber> &subscriber)
{
    std::vector<std::shared_ptr<Room>> wanted;
    parla::v1::StreamMessagesResponse caught_up;

    for (const auto &name : names) {
        wanted.push_back(find(name));
        if (wanted.back() == nullptr)
            return {StatusCode::NOT_FOUND, "there is no such room"};
        std::lock_guard lock(wanted.back()->mutex);
        if (wanted.back()->members.count(user.id) == 0)
            return {StatusCode::PERMISSION_DENIED, "not a member"};
    }
    if (names.empty())
        wanted = all();
    for (const auto &room : wanted) {
        std::lock_guard lock(room->mutex);
        if (room->members.count(user.id) != 0)
            room->subscribers.insert(subscriber);
    }
    caught_up.set_cursor(std::to_string(position_));
    caught_up.mutable_caught_up();
    subscriber->deliver(std::make_shared<const Item>(std::move(caught_up)));
    return Status::OK;
}

void Chat::unsubscribe(const std::shared_ptr<Subscriber> &subscriber)
{
    for (const auto &room : all()) {
        std::lock_guard lock(room->mutex);
        room->subscribers.erase(subscriber);
    }
}

} // namespace reference
