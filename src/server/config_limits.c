/*
 * config_limits.c - one table of numbers; a key is added by one row of it.
 */
#include "server/config_limits.h"

#include "base/assert.h"
#include "base/buf.h"
#include "model/limits.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S INT64_C(86400)

/* The largest request is a stream's, with as many rooms as it may name and the longest cursor. */
enum { CONVERTED_SIZE_MAX = 128 * 1024 };

_Static_assert(PL_STREAM_ROOMS_LEN_MAX *(PL_ROOM_NAME_SIZE_MAX + 3) + PL_CURSOR_SIZE_MAX + 1024 <
                   CONVERTED_SIZE_MAX,
               "every request of the chat may be in JSON");

#define MEMBER(name) offsetof(struct pl_config, name), sizeof(((struct pl_config *)NULL)->name)

#define COUNT     ""
#define BYTES     "bytes"
#define MS        "milliseconds"
#define COUNT_MAX (10 * 1000 * 1000)
#define HOUR_MS   (3600 * 1000)

/* The chat's, then the port's (transport/port.h), then those of rpc (rpc/limits.h). */
const struct pl_limit_key pl_limit_keys[] = {
    {"guest_idle_s", "seconds", "a guest's name is free after so long without use", 1,
     10 * 366 * DAY_S, 1000, MEMBER(guest_idle_ms)},
    {"text_size", BYTES, "the longest message", 1, PL_TEXT_SIZE_MAX, 1, MEMBER(text_size_max)},
    {"heartbeat_ms", MS, "a stream's silence before a heartbeat", 10, HOUR_MS, 1,
     MEMBER(heartbeat_ms)},
    {"tails_size", BYTES, "latest events kept in memory, for each loop", 64 * 1024,
     INT64_C(1) << 40, 1, MEMBER(tails_size_max)},
    {"pages_size", BYTES, "pages that slow and resuming streams hold, for each loop", 64 * 1024,
     INT64_C(1) << 40, 1, MEMBER(pages_size_max)},
    {"page_cache_size", BYTES, "pages that several streams may need, for each reader", 0,
     INT64_C(1) << 40, 1, MEMBER(page_cache_size_max)},
    {"requests", COUNT, "requests that may wait", 1, COUNT_MAX, 1, MEMBER(requests_max)},
    {"sign_ins", COUNT, "guests from one address in two hours; 0 for no limit", 0, COUNT_MAX, 1,
     MEMBER(sign_ins_max)},
    {"send_rate", COUNT, "messages a second from one connection; 0 for no limit", 0, 1000 * 1000, 1,
     MEMBER(send_rate)},

    {"connections", COUNT, "connections, for each loop", 1, COUNT_MAX, 1,
     MEMBER(port.connections_max)},
    {"peer_connections", COUNT, "of them, from one IPv4 address or IPv6 /64", 1, COUNT_MAX, 1,
     MEMBER(port.peer_connections_max)},
    {"first_bytes_ms", MS, "from a connection's start to its first byte", 1, HOUR_MS, 1,
     MEMBER(port.first_bytes_ms)},
    {"handshake_ms", MS, "for the handshake of TLS", 1, HOUR_MS, 1, MEMBER(port.handshake_ms)},
    {"heavy_percent", "percent", "of a loop, for addresses that ask for much; 100 to share nothing",
     1, 100, 1, MEMBER(port.heavy_percent)},

    {"message_size", BYTES, "a request's message, decompressed", 1024, PL_BUF_SIZE_MAX, 1,
     MEMBER(rpc.message_size_max)},
    {"converted_size", BYTES, "a request's message that is compressed or JSON; 0: message_size", 0,
     PL_BUF_SIZE_MAX, 1, MEMBER(rpc.converted_size_max)},
    {"held_size", BYTES, "unfinished messages of one connection", 1024, INT64_C(1) << 30, 1,
     MEMBER(rpc.held_size_max)},
    {"headers_size", BYTES, "a request's headers, 32 more for each", 1024, 1024 * 1024, 1,
     MEMBER(rpc.headers_size_max)},
    {"streams", COUNT, "calls at once on a connection", 1, 1000 * 1000, 1, MEMBER(rpc.streams_max)},
    {"ping_interval_ms", MS, "between a client's pings", 0, HOUR_MS, 1,
     MEMBER(rpc.ping_interval_min_ms)},
    {"ping_strikes", COUNT, "pings that may come sooner", 0, COUNT_MAX, 1,
     MEMBER(rpc.ping_strikes_max)},
    {"settings_frames", COUNT, "SETTINGS in 10 seconds", 1, COUNT_MAX, 1, MEMBER(rpc.settings_max)},
    {"resets", COUNT, "streams reset in 10 seconds", 1, COUNT_MAX, 1, MEMBER(rpc.resets_max)},
    {"empty_frames", COUNT, "empty DATA frames in 10 seconds", 1, COUNT_MAX, 1,
     MEMBER(rpc.empty_frames_max)},
    {"other_frames", COUNT, "frames of unknown types in 10 seconds", 1, COUNT_MAX, 1,
     MEMBER(rpc.other_frames_max)},
    {"window_updates", COUNT, "WINDOW_UPDATEs in 10 seconds", 1, COUNT_MAX, 1,
     MEMBER(rpc.window_updates_max)},
    {"preface_ms", MS, "from a connection's start to its SETTINGS or first request", 1, HOUR_MS, 1,
     MEMBER(rpc.preface_ms)},
    {"headers_ms", MS, "for a request's headers", 1, HOUR_MS, 1, MEMBER(rpc.headers_ms)},
    {"request_ms", MS, "for the message of a call that sends one", 1, HOUR_MS, 1,
     MEMBER(rpc.request_ms)},
    {"linger_ms", MS, "for a peer to take the rest of an answer", 1, HOUR_MS, 1,
     MEMBER(rpc.linger_ms)},
    {"keepalive_ms", MS, "a peer's silence before it is asked for a sign", 1, 24 * HOUR_MS, 1,
     MEMBER(rpc.keepalive_ms)},
    {"keepalive_timeout_ms", MS, "for that sign", 1, HOUR_MS, 1, MEMBER(rpc.keepalive_timeout_ms)},
    {"connection_age_ms", MS, "a connection's age at which it is drained; 0 for none", 0,
     30 * DAY_S * 1000, 1, MEMBER(rpc.age_max_ms)},
    {"connection_age_grace_ms", MS, "for its calls to end then", 1, HOUR_MS, 1,
     MEMBER(rpc.age_grace_ms)},
    {"compress_size", BYTES, "an answer's size from which on it is compressed; 0 for never", 0,
     PL_BUF_SIZE_MAX, 1, MEMBER(rpc.compress_size_min)},
};

const size_t pl_limit_keys_len = sizeof pl_limit_keys / sizeof pl_limit_keys[0];

void pl_limits_set_defaults(struct pl_config *config)
{
    config->guest_idle_ms = 7 * DAY_S * 1000;
    config->text_size_max = PL_TEXT_SIZE_MAX;
    config->heartbeat_ms = 20 * 1000;
    config->tails_size_max = 8 * 1024 * 1024;
    config->pages_size_max = 8 * 1024 * 1024;
    config->page_cache_size_max = 8 * 1024 * 1024;
    config->requests_max = 65536;
    config->sign_ins_max = 1000;
    config->send_rate = 0;
    config->port = (struct pl_port_limits)PL_PORT_LIMITS_DEFAULT;
    config->rpc = (struct pl_rpc_limits)PL_RPC_LIMITS_DEFAULT;
    config->rpc.converted_size_max = CONVERTED_SIZE_MAX;
}

const struct pl_limit_key *pl_limit_key_find(const char *name)
{
    for (size_t i = 0; i < pl_limit_keys_len; i++)
        if (strcmp(pl_limit_keys[i].name, name) == 0)
            return &pl_limit_keys[i];
    return NULL;
}

/* A whole number within the key's bounds. */
static bool parse(const struct pl_limit_key *key, const char *value, int64_t *ret_number)
{
    char *end = NULL;
    long long number;

    if (!isdigit((unsigned char)value[0]))
        return false;
    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno != 0 || *end != 0 || number < key->min || number > key->max)
        return false;
    *ret_number = number;
    return true;
}

bool pl_limit_set(const struct pl_limit_key *key, const char *value, struct pl_config *config)
{
    char *member = (char *)config + key->offset;
    int64_t number;
    uint32_t small;

    if (!parse(key, value, &number))
        return false;
    number *= key->factor;
    if (key->size == sizeof number) {
        memcpy(member, &number, sizeof number);
        return true;
    }
    PL_ASSERT(key->size == sizeof small);
    if (number > UINT32_MAX)
        return false;
    small = (uint32_t)number;
    memcpy(member, &small, sizeof small);
    return true;
}

int64_t pl_limit_get(const struct pl_limit_key *key, const struct pl_config *config)
{
    const char *member = (const char *)config + key->offset;
    int64_t number;
    uint32_t small;

    if (key->size == sizeof number) {
        memcpy(&number, member, sizeof number);
        return number / key->factor;
    }
    memcpy(&small, member, sizeof small);
    return small / key->factor;
}

void pl_limit_takes(const struct pl_limit_key *key, char *text, size_t size)
{
    snprintf(text, size, "%s%s%lld to %lld", key->unit, key->unit[0] != 0 ? ", " : "",
             (long long)key->min, (long long)key->max);
}

/* A limit that may not be larger than another one: who asks for it to be never gets
 * what the larger promises. */
static const struct {
    const char *smaller, *larger;
} pairs[] = {
    {"text_size", "message_size"},
    {"message_size", "held_size"},
};

bool pl_limits_agree(const struct pl_config *config)
{
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        int64_t smaller = pl_limit_get(pl_limit_key_find(pairs[i].smaller), config);
        int64_t larger = pl_limit_get(pl_limit_key_find(pairs[i].larger), config);

        if (smaller <= larger)
            continue;
        fprintf(stderr, "parlad: %s is %lld, which is more than %s, %lld\n", pairs[i].smaller,
                (long long)smaller, pairs[i].larger, (long long)larger);
        return false;
    }
    return true;
}
