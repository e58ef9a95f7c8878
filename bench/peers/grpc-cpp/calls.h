/*
 * calls.h - calls of gRPC's asynchronous API: each step of a call is a tag on a
 * completion queue.
 */
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>

#include "chat.h"
#include "parla/v1/chat_service.grpc.pb.h"
#include "parla/v1/room_service.grpc.pb.h"
#include "parla/v1/session_service.grpc.pb.h"

namespace reference
{

/* What a completion queue hands back. */
class Tag
{
  public:
    virtual ~Tag() = default;
    virtual void done(bool ok) = 0;
};

using SessionService = parla::v1::SessionService::WithAsyncMethod_SignInAsGuest<
    parla::v1::SessionService::WithAsyncMethod_SignOut<parla::v1::SessionService::Service>>;
using RoomService = parla::v1::RoomService::WithAsyncMethod_CreateRoom<
    parla::v1::RoomService::WithAsyncMethod_JoinRoom<
        parla::v1::RoomService::WithAsyncMethod_DeleteRoom<parla::v1::RoomService::Service>>>;

/* The requests and items of streams stay bytes: so the same bytes go to all. */
using ChatService = parla::v1::ChatService::WithAsyncMethod_SendMessage<
    parla::v1::ChatService::WithRawMethod_StreamMessages<parla::v1::ChatService::Service>>;

struct Services {
    Chat chat;
    SessionService sessions;
    RoomService rooms;
    ChatService chats;

    /* Whether items are serialised once for all, and writes gathered while more wait. */
    bool tuned = false;
};

/* Waits for `len` calls of each method on the queue; each call that comes makes
 * place for the next. */
void accept_calls(Services *services, grpc::ServerCompletionQueue *queue, int len);

/* The same for messages. There should be more places than messages under way: without
 * a place gRPC sets calls aside, and later ones may come first. */
void accept_sends(Services *services, grpc::ServerCompletionQueue *queue, int len);

/* Until the queue is shut down and empty. */
void run(grpc::ServerCompletionQueue *queue);

} // namespace reference
