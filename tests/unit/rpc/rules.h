/*
 * rules.h - for tests: what a server answers to bytes that break a rule of RFC 9113,
 * one row a rule, named by its section.
 *
 * Each row has a host of its own. Stream 1 of the connection behaves well; stream 3
 * is brought into the state that the row wants; then the row's bytes follow. The
 * answer is an error of a stream, of the connection, or none; and what did nothing
 * wrong goes on: stream 1, or else another connection.
 */
#ifndef PL_TEST_RPC_RULES_H
#define PL_TEST_RPC_RULES_H

#include "pair.h"
#include "raw.h"

#include <stdint.h>

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,
    ACK = NGHTTP2_FLAG_ACK,
    END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
    PADDED = NGHTTP2_FLAG_PADDED,
    PRIORITY = NGHTTP2_FLAG_PRIORITY,
};

enum { GOOD_STREAM = 1, BAD_STREAM = 3, NEXT_STREAM = 5, RULE_FRAMES_MAX = 4 };

/* Section 5.1: what stream 3 is when the row's bytes come. */
enum rule_state {
    IDLE,
    OPEN,        /* both sides may send */
    HALF_CLOSED, /* the client's side has ended */
    ENDED,       /* closed: both sides have ended */
    CANCELLED,   /* closed: the client has reset it */
    REFUSED,     /* closed: the server has answered early, and reset it */
};

/* What the rule asks for. */
enum rule_answer {
    GOES_ON,    /* no error at all */
    STREAM,     /* RST_STREAM of stream 3 */
    CONNECTION, /* GOAWAY, and the end */
};

struct rule_frame {
    uint8_t type;
    uint8_t flags;
    int32_t stream_id;
    const char *data;
    size_t size;
};

struct rule {
    const char *name; /* "SECTION what is broken" */
    enum rule_answer answer;
    uint32_t error_code; /* 0: none */
    enum rule_state state;
    struct rule_frame frames[RULE_FRAMES_MAX]; /* up to one without data */
    void (*send)(struct raw *raw);             /* or what these cannot say; NULL */
};

/* The bytes of a literal, without the zero after it. */
#define BYTES(literal) literal, sizeof(literal) - 1

struct rule_bench {
    struct pair pair; /* its client is not used */
    struct raw raw;
};

/* A bench with one connection; the only one there is at a time. */
struct rule_bench *rule_bench_open(void);
void rule_bench_close(struct rule_bench *bench);

/* Gives the server what was made for it, and takes what it says. */
int rule_bench_talk(struct rule_bench *bench);

/* Fails, naming the rule, if it was not answered so. */
void rule_expect(struct rule_bench *bench, const char *name, enum rule_answer answer,
                 uint32_t error_code);

/* A call of its own on that stream, or on another connection, is served. */
void rule_expect_served(struct rule_bench *bench, const char *name, int32_t stream_id);
void rule_expect_reconnect(struct rule_bench *bench, const char *name);

/* Checks each of the rows. */
void rules_check(const struct rule *rules, size_t len);

#endif
