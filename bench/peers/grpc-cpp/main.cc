/*
 * main.cc - a small chat server as one would write it with gRPC's C++ library:
 * the part of parla.v1 that messages and streams need. It keeps nothing.
 *
 * usage: bench-grpc-cpp [--tuned]
 *
 * It listens on a free port of 127.0.0.1, prints "listening PORT", and serves
 * until SIGTERM or SIGINT. One completion queue, and one thread that polls it: with
 * two, gRPC reorders what one connection sends, and a delivery costs more.
 */
#include "calls.h"

#include <grpcpp/resource_quota.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>

using namespace reference;

/* Filters that count and describe calls go; bytes are gathered for throughput,
 * in larger pieces. */
static void tune(grpc::ServerBuilder *builder)
{
    builder->AddChannelArgument(GRPC_ARG_MINIMAL_STACK, 1);
    builder->AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
    builder->AddChannelArgument(GRPC_ARG_OPTIMIZATION_TARGET, "throughput");
    builder->AddChannelArgument(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, 256 * 1024);
    builder->AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
}

int main(int argc, char **argv)
{
    Services services;
    grpc::ServerBuilder builder;
    sigset_t signals;
    int port = 0;
    int number = 0;

    if (argc > 2 || (argc == 2 && std::strcmp(argv[1], "--tuned") != 0)) {
        std::fprintf(stderr, "usage: bench-grpc-cpp [--tuned]\n");
        return 2;
    }
    services.tuned = argc == 2;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    if (services.tuned)
        tune(&builder);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&services.sessions);
    builder.RegisterService(&services.rooms);
    builder.RegisterService(&services.chats);
    const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
    const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr || port == 0) {
        std::fprintf(stderr, "bench-grpc-cpp: cannot listen on 127.0.0.1\n");
        return 1;
    }
    accept_calls(&services, queue.get(), 64);
    accept_sends(&services, queue.get(), 1024);
    std::thread thread(run, queue.get());
    std::printf("listening %d\n", port);
    std::fflush(stdout);

    sigwait(&signals, &number);
    server->Shutdown(std::chrono::system_clock::now());
    queue->Shutdown();
    thread.join();
    return 0;
}
