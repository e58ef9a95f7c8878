/*
 * calls.cc - unary calls answer at once, on the thread that got them. A stream
 * has a queue of items and at most one write under way: gRPC allows no more.
 */
#include "calls.h"

#include <deque>
#include <functional>
#include <utility>
#include <vector>

namespace reference
{

using grpc::ServerCompletionQueue;
using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;

static const Status unauthenticated(StatusCode::UNAUTHENTICATED, "sign in first");

/* Empty where there is none. */
static std::string token_of(const ServerContext &context)
{
    static const std::string bearer = "Bearer ";
    const auto found = context.client_metadata().find("authorization");

    if (found == context.client_metadata().end() || !found->second.starts_with(bearer))
        return {};
    return {found->second.data() + bearer.size(), found->second.size() - bearer.size()};
}

static std::shared_ptr<const User> caller_of(const Chat &chat, const ServerContext &context)
{
    return chat.user_of(token_of(context));
}

/* One call with one request and one answer. */
template <class Request, class Response> class Unary final : public Tag
{
  public:
    using Accept = std::function<void(ServerContext *, Request *,
                                      grpc::ServerAsyncResponseWriter<Response> *, void *tag)>;
    using Answer = std::function<Status(const ServerContext &, const Request &, Response *)>;

    Unary(Accept accept, Answer answer)
        : accept_(std::move(accept)), answer_(std::move(answer)), writer_(&context_)
    {
        accept_(&context_, &request_, &writer_, this);
    }

    void done(bool ok) override
    {
        if (!ok || answered_) {
            delete this;
            return;
        }
        new Unary(accept_, answer_);
        answered_ = true;

        Response response;
        const Status status = answer_(context_, request_, &response);
        if (status.ok())
            writer_.Finish(response, status, this);
        else
            writer_.FinishWithError(status, this);
    }

  private:
    const Accept accept_;
    const Answer answer_;
    ServerContext context_;
    Request request_;
    grpc::ServerAsyncResponseWriter<Response> writer_;
    bool answered_ = false;
};

/* One subscriber. Tags of gRPC are plain pointers, so it holds itself while any
 * of its steps is under way. */
class Stream final : public Subscriber, public std::enable_shared_from_this<Stream>
{
  public:
    static void accept(Services *services, ServerCompletionQueue *queue)
    {
        const auto stream = std::make_shared<Stream>(services, queue);
        stream->context_.AsyncNotifyWhenDone(stream->step(&Stream::on_gone));
        services->chats.RequestStreamMessages(&stream->context_, &stream->request_,
                                              &stream->writer_, queue, queue,
                                              stream->step(&Stream::on_call));
    }

    Stream(Services *services, ServerCompletionQueue *queue)
        : services_(services), queue_(queue), writer_(&context_), write_{this}
    {
    }

    void deliver(const std::shared_ptr<const Item> &item) override
    {
        std::lock_guard lock(mutex_);

        if (ended_)
            return;
        items_.push_back(item);
        if (!writing_)
            write();
    }

  private:
    using Handler = void (Stream::*)(bool ok);

    /* A step that happens once. */
    struct Step final : Tag {
        Step(std::shared_ptr<Stream> of, Handler handler) : stream(std::move(of)), on_done(handler)
        {
        }
        void done(bool ok) override
        {
            ((*stream).*on_done)(ok);
            delete this;
        }
        const std::shared_ptr<Stream> stream;
        const Handler on_done;
    };

    /* The step of each write; it needs no memory of its own. */
    struct Write final : Tag {
        explicit Write(Stream *of) : stream(of)
        {
        }
        void done(bool ok) override
        {
            const std::shared_ptr<Stream> keep = std::move(self);
            stream->on_written(ok);
        }
        Stream *const stream;
        std::shared_ptr<Stream> self;
    };

    Tag *step(Handler handler)
    {
        return new Step(shared_from_this(), handler);
    }

    void on_call(bool ok)
    {
        parla::v1::StreamMessagesRequest request;

        if (!ok)
            return;
        accept(services_, queue_);

        const std::shared_ptr<const User> user = caller_of(services_->chat, context_);
        Status status = grpc::SerializationTraits<parla::v1::StreamMessagesRequest>::Deserialize(
            &request_, &request);
        if (status.ok() && user == nullptr)
            status = unauthenticated;
        if (status.ok())
            status = services_->chat.subscribe(
                *user, {request.rooms().begin(), request.rooms().end()}, shared_from_this());
        if (!status.ok()) {
            std::lock_guard lock(mutex_);
            ended_ = true;
            writer_.Finish(status, step(&Stream::on_finished));
        }
    }

    void on_finished(bool)
    {
    }

    /* The client went, or the call ended. Of a call that never came this is not told. */
    void on_gone(bool)
    {
        services_->chat.unsubscribe(shared_from_this());
        std::lock_guard lock(mutex_);
        const bool finish = !ended_ && !writing_;
        ended_ = true;
        items_.clear();
        if (finish)
            writer_.Finish(Status::CANCELLED, step(&Stream::on_finished));
    }

    void on_written(bool ok)
    {
        std::lock_guard lock(mutex_);

        writing_ = false;
        if (ended_)
            writer_.Finish(Status::CANCELLED, step(&Stream::on_finished));
        else if (!ok)
            items_.clear();
        else if (!items_.empty())
            write();
    }

    /* With the lock held, an item waiting and no write under way. */
    void write()
    {
        const std::shared_ptr<const Item> item = std::move(items_.front());
        grpc::WriteOptions options;

        items_.pop_front();
        writing_ = true;
        write_.self = shared_from_this();
        if (services_->tuned) {
            if (!items_.empty())
                options.set_buffer_hint();
            writer_.Write(item->bytes, options, &write_);
            return;
        }
        grpc::ByteBuffer bytes;
        bool own = false;
        const Status status =
            grpc::SerializationTraits<parla::v1::StreamMessagesResponse>::Serialize(item->message,
                                                                                    &bytes, &own);
        GPR_ASSERT(status.ok());
        writer_.Write(bytes, options, &write_);
    }

    Services *const services_;
    ServerCompletionQueue *const queue_;
    ServerContext context_;
    grpc::ByteBuffer request_;
    grpc::ServerAsyncWriter<grpc::ByteBuffer> writer_;
    Write write_;

    std::mutex mutex_;
    std::deque<std::shared_ptr<const Item>> items_;
    bool writing_ = false;
    bool ended_ = false;
};

static void accept_sessions(Services *services, ServerCompletionQueue *queue)
{
    using namespace parla::v1;

    new Unary<SignInAsGuestRequest, SignInAsGuestResponse>(
        [=](auto *context, auto *request, auto *writer, void *tag) {
            services->sessions.RequestSignInAsGuest(context, request, writer, queue, queue, tag);
        },
        [=](const auto &, const auto &request, auto *response) {
            User user;
            parla::v1::Session *session = response->mutable_session();
            session->set_token(services->chat.sign_in(request.user(), &user));
            session->mutable_user()->set_user(user.name);
            session->mutable_user()->set_user_id(user.id);
            return Status::OK;
        });
}

static void accept_sign_outs(Services *services, ServerCompletionQueue *queue)
{
    using namespace parla::v1;

    new Unary<SignOutRequest, SignOutResponse>(
        [=](auto *context, auto *request, auto *writer, void *tag) {
            services->sessions.RequestSignOut(context, request, writer, queue, queue, tag);
        },
        [=](const auto &context, const auto &, auto *) {
            services->chat.sign_out(token_of(context));
            return Status::OK;
        });
}

static void accept_rooms(Services *services, ServerCompletionQueue *queue)
{
    using namespace parla::v1;

    new Unary<CreateRoomRequest, CreateRoomResponse>(
        [=](auto *context, auto *request, auto *writer, void *tag) {
            services->rooms.RequestCreateRoom(context, request, writer, queue, queue, tag);
        },
        [=](const auto &context, const auto &request, auto *response) {
            const auto user = caller_of(services->chat, context);
            *response->mutable_room() = request.room();
            return user == nullptr ? unauthenticated
                                   : services->chat.create(*user, request.room().room());
        });
    new Unary<JoinRoomRequest, JoinRoomResponse>(
        [=](auto *context, auto *request, auto *writer, void *tag) {
            services->rooms.RequestJoinRoom(context, request, writer, queue, queue, tag);
        },
        [=](const auto &context, const auto &request, auto *response) {
            const auto user = caller_of(services->chat, context);
            response->mutable_room()->set_room(request.room());
            return user == nullptr
                       ? unauthenticated
                       : services->chat.join(*user, request.room(), request.create_if_missing());
        });
}

static void accept_removals(Services *services, ServerCompletionQueue *queue)
{
    using namespace parla::v1;

    new Unary<DeleteRoomRequest, DeleteRoomResponse>(
        [=](auto *context, auto *request, auto *writer, void *tag) {
            services->rooms.RequestDeleteRoom(context, request, writer, queue, queue, tag);
        },
        [=](const auto &context, const auto &request, auto *) {
            const auto user = caller_of(services->chat, context);
            return user == nullptr ? unauthenticated : services->chat.remove(*user, request.room());
        });
}

static void accept_send(Services *services, ServerCompletionQueue *queue)
{
    using namespace parla::v1;

    new Unary<SendMessageRequest, SendMessageResponse>(
        [=](auto *context, auto *request, auto *writer, void *tag) {
            services->chats.RequestSendMessage(context, request, writer, queue, queue, tag);
        },
        [=](const auto &context, const auto &request, auto *response) {
            const auto user = caller_of(services->chat, context);
            return user == nullptr ? unauthenticated
                                   : services->chat.send(*user, request, response);
        });
}

void accept_sends(Services *services, ServerCompletionQueue *queue, int len)
{
    for (int i = 0; i < len; i++)
        accept_send(services, queue);
}

void accept_calls(Services *services, ServerCompletionQueue *queue, int len)
{
    for (int i = 0; i < len; i++) {
        accept_sessions(services, queue);
        accept_sign_outs(services, queue);
        accept_rooms(services, queue);
        accept_removals(services, queue);
        Stream::accept(services, queue);
    }
}

void run(ServerCompletionQueue *queue)
{
    void *tag = nullptr;
    bool ok = false;

    while (queue->Next(&tag, &ok))
        static_cast<Tag *>(tag)->done(ok);
}

} // namespace reference
