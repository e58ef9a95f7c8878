/*
 * fuzz_conn.c - bytes into a connection of the server, HTTP/2 or HTTP/1.1, while its
 * calls are answered, its peer reads little or much, time passes and memory runs out.
 *
 * Input: two bytes of settings (see `settings`), then a script: operations, of
 * which many are frames (h2.h) or requests (h1.h); or with RAW the very bytes that
 * the peer sends, cut at random.
 */
#include "h1.h"
#include "h2.h"
#include "service.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/health.h"
#include "rpc/limits.h"

#include <stdlib.h>
#include <string.h>

/* Of the first byte. */
enum settings {
    SETTING_VERSION = 3,      /* an enum pl_rpc_http_version; 3 is that of 2 */
    SETTING_PREFACE = 1 << 2, /* begins with HTTP/2's preface */
    SETTING_RAW = 1 << 3,
    SETTING_READ = 1 << 4,  /* the peer reads all in the end */
    SETTING_DRAIN = 1 << 5, /* of RAW: somewhere */
    SETTING_SHORT = 1 << 6, /* memory is short from the start: the second byte */
    SETTING_AWAY = 1 << 7,  /* the peer is turned away */
};

enum {
    FILL_SIZE_MAX = 65536,
    FILLS_LEN_MAX = 1000,
    STEPS_LEN_MAX = 2000,
    OUT_SIZE_MAX = 1 << 18,
    GROWTH_MAX = 32 << 20, /* what a connection may hold, handlers' queues and all */
};

/* ASan's, where it is. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

struct world {
    struct pl_rpc_host *host;
    struct pl_rpc_health *health;
    struct pl_rpc_conn *conn;
    struct fuzz_calls calls;
    struct fuzz_h2_check h2;
    struct fuzz_h1_check h1;
    bool is_h1;   /* what it sends is HTTP/1.1 */
    bool checked; /* and whether that is looked at */
    bool began;
    struct pl_bytebuf *out; /* for the connection */
    int64_t now_ms;
    uint64_t random;
    size_t chunk;  /* 0: whole */
    bool wanted;   /* it has said that there is something to send */
    bool over;     /* beyond use */
    bool unfilled; /* and so is filling it */
    bool ended;    /* the peer has closed its side */
    size_t memory; /* before it was made */
};

static void on_want_send(void *self, struct pl_rpc_conn *conn)
{
    struct world *world = self;

    PL_ASSERT(world->conn == NULL || conn == world->conn);
    world->wanted = true;
}

/* What it sends is of one protocol, and keeps to its form. */
static void look_at(struct world *world, struct pl_bytes sent)
{
    if (!world->began)
        world->is_h1 = sent.data[0] == 'H';
    world->began = true;
    if (!world->is_h1)
        fuzz_h2_check_pass(&world->h2, sent);
    else if (world->checked)
        fuzz_h1_check_pass(&world->h1, sent);
}

/* Takes what there is to send; returns whether there was any. host.h: it is there
 * only if on_want_send() has told. */
static bool fill(struct world *world, size_t size)
{
    uint8_t *to;
    ssize_t rc;

    if (world->unfilled)
        return false;
    to = malloc(size);
    PL_ASSERT(to != NULL);
    rc = pl_rpc_conn_fill(world->conn, to, size);
    PL_ASSERT(rc <= (ssize_t)size);
    if (rc > 0) {
        PL_ASSERT(world->wanted);
        look_at(world, (struct pl_bytes){to, (size_t)rc});
    } else {
        world->wanted = false;
    }
    if (rc < 0)
        world->over = world->unfilled = true;
    free(to);
    return rc > 0;
}

static void check_memory(const struct world *world)
{
    size_t now;

    if (__sanitizer_get_current_allocated_bytes == NULL)
        return;
    now = __sanitizer_get_current_allocated_bytes();
    PL_ASSERT(now < world->memory + GROWTH_MAX);
}

static void recv_chunk(struct world *world, struct pl_bytes chunk)
{
    uint8_t *copy = fuzz_copy(chunk);
    int rc = pl_rpc_conn_recv(world->conn, (struct pl_bytes){copy, chunk.size}, world->now_ms);

    free(copy);
    if (rc < 0)
        world->over = true;
}

/* What waits for the connection goes to it, in chunks, as long as it wants more. */
static void deliver(struct world *world)
{
    size_t used = 0;

    while (used < world->out->size && !world->over && !world->ended &&
           pl_rpc_conn_wants_recv(world->conn)) {
        size_t left = world->out->size - used;
        size_t size = world->chunk > 0 && world->chunk < left ? world->chunk : left;

        recv_chunk(world, (struct pl_bytes){world->out->data + used, size});
        used += size;
    }
    pl_bytebuf_consume(world->out, used);
    check_memory(world);
}

static void end_input(struct world *world)
{
    if (world->ended || !pl_rpc_conn_wants_recv(world->conn))
        return;
    world->ended = true;
    if (pl_rpc_conn_recv_end(world->conn, world->now_ms) < 0)
        world->over = true;
}

/* No call that goes on is past its deadline. */
static void check_deadlines(struct world *world)
{
    for (size_t i = 0; i < FUZZ_CALLS_LEN_MAX; i++) {
        const struct fuzz_call *of = &world->calls.slots[i];

        if (of->call == NULL || of->finished)
            continue;
        PL_ASSERT(pl_rpc_call_deadline_ms(of->call) > world->now_ms);
        PL_ASSERT(pl_rpc_host_call(world->host, of->id) == of->call);
    }
}

static void tick(struct world *world, int64_t ms)
{
    bool early;
    size_t closed = world->calls.closed;
    int rc;

    world->now_ms += ms;
    early = world->now_ms < pl_rpc_conn_due_ms(world->conn);
    rc = pl_rpc_conn_tick(world->conn, world->now_ms);
    if (early)
        PL_ASSERT(world->calls.closed == closed);
    if (rc < 0)
        world->over = true;
    else
        check_deadlines(world);
}

static int64_t time_of(uint8_t byte)
{
    static const int64_t steps_ms[] = {0,    1,     99,    100,   500,   999,   1000,   5000,
                                       9999, 10000, 20000, 30000, 60000, 60001, 100000, 3600000};

    return steps_ms[byte % 16];
}

static void answer(struct world *world, struct fuzz_input *input)
{
    static const uint8_t bytes[65536] = {'b'};
    uint8_t kind = fuzz_byte(input);
    struct fuzz_call *of = fuzz_calls_pick(&world->calls, fuzz_byte(input));
    struct pl_bytes value;

    if (of == NULL)
        return;
    switch (kind % 6) {
    case 0:
        fuzz_call_send(of, (struct pl_bytes){bytes, fuzz_short(input)});
        return;
    case 1:
        (void)pl_rpc_call_compress(of->call, kind >= 128);
        fuzz_call_send(of, pl_bytes_str("\x1a\x02hi"));
        return;
    case 2:
        fuzz_call_finish(of, fuzz_byte(input), kind >= 128 ? "it\xe2\x80\x99s over" : NULL);
        return;
    case 3:
        value = fuzz_take(input, fuzz_byte(input));
        (void)pl_rpc_call_add_header(of->call, kind >= 128 ? "x-a-bin" : "x-a", value);
        return;
    case 4:
        value = fuzz_take(input, fuzz_byte(input));
        (void)pl_rpc_call_add_trailer(of->call, kind >= 128 ? "x-b-bin" : "x-b", value);
        return;
    default:
        pl_rpc_call_wake(of->call);
    }
}

/* An operation that is no frame. */
static void act(struct world *world, struct fuzz_input *input, uint8_t kind)
{
    switch (kind % 8) {
    case 0:
        tick(world, time_of(fuzz_byte(input)));
        return;
    case 1:
        (void)fill(world, 1 + fuzz_short(input));
        return;
    case 2:
    case 3:
        answer(world, input);
        return;
    case 4:
        world->chunk = fuzz_byte(input);
        return;
    case 5:
        pl_rpc_conn_drain(world->conn);
        return;
    case 6:
        pl_mem_fail_at(fuzz_byte(input));
        return;
    default:
        if (kind >= 32)
            end_input(world);
        else
            (void)pl_rpc_health_set(world->health, "", kind >= 16);
    }
}

static void run_script(struct world *world, struct fuzz_input *input, bool h1)
{
    for (unsigned i = 0; i < STEPS_LEN_MAX && input->size > 0 && !world->over; i++) {
        uint8_t kind = fuzz_byte(input);

        if (kind % 4 != 0) {
            if (h1)
                fuzz_h1_add(input, world->out);
            else
                fuzz_h2_add(input, true, world->out);
            if (kind >= 64 && world->out->size < OUT_SIZE_MAX / 2)
                continue; /* more goes with it */
        }
        deliver(world);
        if (kind % 4 == 0 && !world->over)
            act(world, input, kind / 4);
    }
}

/* A connection that wants nothing more waits for its answers to be taken, or made. */
static bool make_way(struct world *world)
{
    struct fuzz_call *of = fuzz_calls_pick(&world->calls, 0);

    if (pl_rpc_conn_wants_recv(world->conn))
        return true;
    while (fill(world, FILL_SIZE_MAX))
        ;
    if (of != NULL && !world->over)
        fuzz_call_finish(of, PL_CODE_OK, NULL);
    while (fill(world, FILL_SIZE_MAX))
        ;
    return !world->over && pl_rpc_conn_wants_recv(world->conn);
}

static void run_raw(struct world *world, struct fuzz_input *input, bool drain)
{
    while (input->size > 0 && !world->over && make_way(world)) {
        uint32_t what = fuzz_next(&world->random);

        if (world->out->size > 0) /* the preface */
            deliver(world);
        else
            recv_chunk(world, fuzz_take(input, fuzz_chunk(&world->random, input->size)));
        if (what % 4 == 0 && !world->over)
            (void)fill(world, 1 + fuzz_next(&world->random) % FILL_SIZE_MAX);
        if (what % 16 == 1 && !world->over)
            tick(world, time_of((uint8_t)(what >> 8)));
        if (drain && what % 32 == 2)
            pl_rpc_conn_drain(world->conn);
    }
    if (!world->over)
        end_input(world);
    check_memory(world);
}

static void get_page(void *self, struct pl_rpc_page *ret_page)
{
    (void)self;
    *ret_page = (struct pl_rpc_page){200, "text/plain", {(const uint8_t *)"ok\n", 3}};
}

static int open_world(struct world *world, uint8_t version)
{
    static const char *const origins[] = {"https://example.org"};
    struct pl_rpc_limits limits = PL_RPC_LIMITS_DEFAULT;
    const struct pl_rpc_host_ops ops = {.self = world, .on_want_send = on_want_send};
    int rc = pl_rpc_host_new(&ops, &world->host);

    if (rc == PL_OK)
        rc = pl_rpc_host_add(world->host, &fuzz_service, &world->calls);
    if (rc == PL_OK)
        rc = pl_rpc_health_new(world->host, &world->health);
    if (rc == PL_OK)
        rc = pl_rpc_host_add_page(world->host, "/healthz", get_page, NULL);
    if (rc < 0)
        return rc;
    limits.compress_size_min = 100;
    limits.age_max_ms = 60 * 1000;
    pl_rpc_host_set_limits(world->host, &limits);
    pl_rpc_host_set_origins(world->host, origins, 1);
    return pl_rpc_conn_new(world->host, (enum pl_rpc_http_version)(version % 3), world->now_ms,
                           &world->conn);
}

/* Everything ends: each call that was opened is closed, once. */
static void close_world(struct world *world)
{
    pl_rpc_conn_free(world->conn);
    world->conn = NULL;
    PL_ASSERT(world->calls.opened == world->calls.closed);
    if (world->host != NULL)
        PL_ASSERT(pl_rpc_host_calls_len(world->host) == 0);
    pl_rpc_health_free(world->health);
    pl_rpc_host_free(world->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    static struct pl_bytebuf out; /* kept: memory is short for the others only */
    struct fuzz_input input = {data, size};
    uint8_t settings = fuzz_byte(&input), seed = fuzz_byte(&input), version;

    if (out.size_max == 0) {
        pl_bytebuf_init(&out, OUT_SIZE_MAX);
        PL_ASSERT(pl_bytebuf_reserve(&out, OUT_SIZE_MAX) != NULL);
    }
    pl_bytebuf_clear(&out);
    world = (struct world){.now_ms = 1000, .random = seed, .wanted = true, .out = &out};
    if (__sanitizer_get_current_allocated_bytes != NULL)
        world.memory = __sanitizer_get_current_allocated_bytes();
    world.checked = size == 0 || memmem(data, size, "HEAD", 4) == NULL;
    fuzz_h2_check_init(&world.h2, true);
    fuzz_h1_check_init(&world.h1);
    if (settings & SETTING_PREFACE)
        fuzz_h2_preface(&out);
    pl_mem_fail_at(settings & SETTING_SHORT ? seed : 0);
    version = settings & SETTING_VERSION;
    if (open_world(&world, version == 3 ? PL_RPC_HTTP_2 : version) == PL_OK) {
        if (settings & SETTING_AWAY)
            pl_rpc_conn_turn_away(world.conn, "not here");
        if (settings & SETTING_RAW)
            run_raw(&world, &input, (settings & SETTING_DRAIN) != 0);
        else
            run_script(&world, &input, (settings & SETTING_PREFACE) == 0);
        if (!world.over)
            deliver(&world);
        for (unsigned i = 0; i < FILLS_LEN_MAX && (settings & SETTING_READ); i++)
            if (!fill(&world, FILL_SIZE_MAX))
                break;
    }
    close_world(&world);
    pl_mem_fail_at(0);
    return 0;
}
