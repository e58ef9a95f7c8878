/*
 * core.h - a core for drivers that only writes down what it is told.
 */
#ifndef TESTS_PEERS_CORE_H
#define TESTS_PEERS_CORE_H

#include "bench/driver.h"

#include "base/bytes.h"

enum { CORE_CHANNELS_LEN = 2, CORE_SUBS_MAX = 4, CORE_TEXT_SIZE = 512 };

/* The latest message. */
struct core_kept {
    uint8_t whole[CORE_TEXT_SIZE];
    size_t whole_size;
    char text[CORE_TEXT_SIZE];
    uint32_t channel;
};

struct pl_bench_run {
    struct pl_bytebuf told; /* a line for each thing */
    struct core_kept kept;
};

struct pl_bench_conn {
    struct pl_bench_run *run_weak;
    bool wants_flush;
};

/* A driver with one connection. */
struct core {
    struct pl_bench_run run;
    struct pl_bench_conn conn;
    const struct pl_bench_driver *driver;
    void *conn_self;
    struct pl_bench_sub subs[CORE_SUBS_MAX];
};

/* Opens the connection; returns what conn_open does. */
int core_open(struct core *core, const struct pl_bench_driver *driver);
void core_close(struct core *core);

void core_subscribe(struct core *core, uint32_t number);
void core_publish(struct core *core, uint32_t channel, uint32_t number, const char *payload);

/* What is to be sent is `bytes`. */
void core_expect_sent(struct core *core, const void *bytes, size_t size);
void core_expect_told(struct core *core, const char *lines);

/* Bytes from the server, in pieces of at most piece_size. */
int core_recv(struct core *core, const void *bytes, size_t size, size_t piece_size);

#endif
