/*
 * driver.h - one wire protocol under load: what the core asks of it, and what it
 * tells the core.
 *
 * The core owns sockets, TLS, the schedule, the checks and the clock; a driver turns
 * bytes into the calls below, and back. A run goes like this:
 *
 *     open
 *     conn_open   for the first connection (a publisher's)     -> pl_bench_ready()
 *     prepare     on it: accounts, channels                    -> pl_bench_prepared()
 *     conn_open   for all others, a few at a time              -> pl_bench_ready()
 *     subscribe   for each subscriber                          -> pl_bench_subscribed()
 *     publish     on publishers' connections, again and again  -> pl_bench_acknowledged()
 *     recv        brings what subscribers get                  -> pl_bench_delivered()
 *     clean       on the first connection                      -> pl_bench_cleaned()
 *     conn_close  for each, then close
 *
 * Publishers have connections of their own: no connection both publishes and
 * subscribes. Bytes go out at the end of a loop's turn: a driver that has something
 * to send says pl_bench_want_flush(), and `flush` appends it to a buffer, so that
 * all of a turn is one write.
 *
 * The path from recv to pl_bench_delivered() decides how much the generator can take:
 * it must not allocate, nor copy a message that lies whole in the input, and one
 * call of recv may bring hundreds of them. What a driver keeps of an unfinished
 * message is its own (a pl_bytebuf). A message is read once, for the first subscriber
 * that gets it: pl_bench_delivered_again() knows its bytes when they come for others.
 *
 * A server that says the generator's own limit sends prepared bytes: subscribers'
 * connections get what a real server sends, with payloads that the publishers
 * brought (payload.h), as fast as sockets take them.
 *
 * Threads:   one. The core calls a driver from the loop; a driver may call the core
 *            from inside any of its functions, but conn_close and close.
 * Errors:    a negative enum pl_err ends the run; pl_bench_fail() before it says why
 *            in a line.
 */
#ifndef PL_BENCH_DRIVER_H
#define PL_BENCH_DRIVER_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

struct pl_bench_run;
struct pl_bench_conn;

/* One that receives: a stream, a subscription. Channels are those of the run: every
 * subscriber has all of them. */
struct pl_bench_sub {
    uint32_t number; /* from 0 */
    uint32_t place;  /* the core's: of its latest message among the recent ones */
    struct pl_bench_conn *conn_weak;
    void *driver; /* the driver's own, such as its call */
};

/* What was asked to be published. */
struct pl_bench_send {
    uint32_t publisher;      /* from 0 */
    uint32_t channel;        /* from 0 */
    uint32_t number;         /* of this publisher: 0, 1, 2, … */
    struct pl_bytes payload; /* borrowed: printable ASCII, begins with a letter */
};

/* How safe the server says that a message is; as parla.v1.Durability. */
enum pl_bench_durability {
    PL_BENCH_DURABILITY_NONE = 0,
    PL_BENCH_DURABILITY_WRITTEN = 1,
    PL_BENCH_DURABILITY_SYNCED = 2,
    PL_BENCH_DURABILITY_REPLICATED = 3,
};

/* How the server answered a publish. */
struct pl_bench_ack {
    uint32_t publisher;
    uint32_t channel;
    uint32_t number;
    uint64_t sequence; /* in its channel; 0 where there are none */
    enum pl_bench_durability durability;
};

struct pl_bench_driver {
    const char *name;
    uint32_t subs_max;     /* subscribers on one connection; 0: any number */
    uint32_t channels_max; /* of one subscriber; 0: any number */
    bool has_sequences;    /* a channel's messages are numbered 1, 2, 3, … by the server */
    bool has_acks;         /* each publish is answered: `send` works */

    /* The run begins, ends. NULL: nothing to do; then self is NULL. */
    int (*open)(struct pl_bench_run *run, void **ret_self);
    void (*close)(void *self);

    /* Makes what the run needs, and removes it, over a connection that is ready. NULL:
     * nothing to do. */
    int (*prepare)(void *self, struct pl_bench_conn *conn);
    int (*clean)(void *self, struct pl_bench_conn *conn);

    /* Reads what the server keeps of all channels, on a connection that is ready: each
     * message -> pl_bench_logged(), then -> pl_bench_read_back(). NULL: keeps nothing. */
    int (*read_back)(void *self, struct pl_bench_conn *conn);

    /* TCP, and TLS, are there. */
    int (*conn_open)(void *self, struct pl_bench_conn *conn, void **ret_conn_self);
    void (*conn_close)(void *conn_self);

    /* Bytes have come; borrowed until it returns. */
    int (*recv)(void *conn_self, struct pl_bytes data);
    /* Appends what is to be sent now. */
    int (*flush)(void *conn_self, struct pl_bytebuf *out);
    /* About once a second: keepalive, deadlines. NULL: none. */
    int (*tick)(void *conn_self, int64_t now_ms);

    /* To all channels, from the latest message on. */
    int (*subscribe)(void *conn_self, struct pl_bench_sub *sub);
    int (*publish)(void *conn_self, const struct pl_bench_send *send);

    /* Ends a subscription that has brought nothing yet; to subscribe again is then to
     * get what was published meanwhile, too, and is not told by pl_bench_subscribed().
     * NULL: what one misses is lost. */
    int (*leave)(void *conn_self, struct pl_bench_sub *sub);
};

/* What the core knows. */

/* Channels are numbered from 0; names ("pb-RUN-0") are the same for all protocols,
 * 1 to 32 of a-z, 0-9 and '-', and no other run's. */
uint32_t pl_bench_channels_len(const struct pl_bench_run *run);
const char *pl_bench_channel_name(const struct pl_bench_run *run, uint32_t channel);

/* The channel of that name; UINT32_MAX where it is none of them. Quick. */
uint32_t pl_bench_channel_of(const struct pl_bench_run *run, struct pl_bytes name);

/* "HOST:PORT" of the server; whether it is reached over TLS. */
const char *pl_bench_authority(const struct pl_bench_run *run);
bool pl_bench_is_tls(const struct pl_bench_run *run);

/* This run's id, 8 letters. */
const char *pl_bench_run_id(const struct pl_bench_run *run);

/* Connections that there will be, and the number of this one, from 0. Publishers come
 * first. */
uint32_t pl_bench_conns_len(const struct pl_bench_run *run);
uint32_t pl_bench_conn_number(const struct pl_bench_conn *conn);
bool pl_bench_conn_is_publisher(const struct pl_bench_conn *conn);
struct pl_bench_run *pl_bench_conn_run(const struct pl_bench_conn *conn);

/* Milliseconds of the monotonic clock at the start of this turn. */
int64_t pl_bench_now_ms(const struct pl_bench_run *run);

/* What the driver tells. */

/* There is something to send: `flush` is called at the end of the turn, or once the
 * socket has taken what was sent before. */
void pl_bench_want_flush(struct pl_bench_conn *conn);

/* The connection may be used. */
void pl_bench_ready(struct pl_bench_conn *conn);

void pl_bench_prepared(struct pl_bench_run *run);
void pl_bench_cleaned(struct pl_bench_run *run);

/* From now on the subscriber gets what is published on all channels. */
void pl_bench_subscribed(struct pl_bench_sub *sub);

/* What a message says. All of it is borrowed. */
struct pl_bench_delivery {
    uint32_t channel;
    uint64_t sequence; /* the channel's number of it; 0 where has_sequences is false */
    struct pl_bytes text;
    struct pl_bytes whole; /* all its bytes, as they came; {0}: others' are not the same */
};

/* A message came. */
void pl_bench_delivered(struct pl_bench_sub *to, const struct pl_bench_delivery *delivery);

/* Before a message is read: does the data begin with the bytes (`alone`: is it just the
 * bytes) of one that another subscriber got? Then it is delivered, checked as any
 * other, and what is returned is its size; otherwise nothing is done, and 0 returned.
 * The same bytes must say the same, whoever gets them, and no message be the
 * beginning of another unless it is `alone`. */
size_t pl_bench_delivered_again(struct pl_bench_sub *to, struct pl_bytes data, bool alone);

void pl_bench_acknowledged(struct pl_bench_run *run, const struct pl_bench_ack *ack);

/* A message that the server keeps; then, that all have been told. */
void pl_bench_logged(struct pl_bench_run *run, uint32_t channel, struct pl_bytes text,
                     uint64_t sequence);
void pl_bench_read_back(struct pl_bench_run *run);

/* Something is wrong that ends the run; the first text counts, in one line, without a
 * full stop. */
void pl_bench_fail(struct pl_bench_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A program that measures with these drivers; the first is the default, others are
 * taken with --driver NAME. Returns the exit status. */
int pl_bench_main(int argc, char **argv, const struct pl_bench_driver *const *drivers,
                  uint32_t drivers_len);

#endif
