/*
 * fuzz_client.c - bytes from a server into the client side of a connection, while
 * calls begin, end, are cancelled or forgotten by time, also from callbacks.
 *
 * Input: two bytes of settings (see `settings`), then a script of operations and
 * frames (h2.h); or with RAW some calls and the very bytes that the server sends.
 */
#include "h2.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/client.h"

#include <stdlib.h>
#include <string.h>

/* Of the first byte; the second seeds what is random. */
enum settings {
    SETTING_RAW = 1 << 0,
    SETTING_ACT = 1 << 1,   /* callbacks act */
    SETTING_SHORT = 1 << 2, /* memory is short from the start: the second byte */
    SETTING_HELLO = 1 << 3, /* the server's SETTINGS come first */
};

enum {
    CALLS_LEN_MAX = 64,
    FILL_SIZE_MAX = 65536,
    STEPS_LEN_MAX = 2000,
    OUT_SIZE_MAX = 1 << 18,
    QUEUE_SIZE_MAX = 1 << 18,
    RAW_CALLS_LEN = 3,
};

struct world;

struct slot {
    struct world *world;
    struct pl_rpc_client_call *call; /* NULL inside of begin, and where it is free */
    bool open;
    bool closed; /* inside of begin */
    bool gzip;
    bool one_reply;
    bool answered;
    bool half_closed;
    unsigned messages;
    int64_t due_ms; /* INT64_MAX: never */
};

struct world {
    struct pl_rpc_client *client;
    struct slot slots[CALLS_LEN_MAX];
    struct fuzz_h2_check check;
    struct pl_bytebuf *out; /* for the client */
    size_t opened;
    size_t closed;
    int64_t now_ms;
    uint64_t random;
    size_t chunk;
    bool acts;
    bool wanted;
    bool over;
    bool unfilled;
};

static void begin(struct world *world, uint8_t kind);

static struct slot *pick(struct world *world, unsigned n)
{
    for (unsigned i = 0; i < CALLS_LEN_MAX; i++) {
        struct slot *slot = &world->slots[(n + i) % CALLS_LEN_MAX];

        if (slot->open && slot->call != NULL)
            return slot;
    }
    return NULL;
}

static void send_some(struct slot *slot, size_t size)
{
    static const uint8_t bytes[65536] = {1};
    int rc;

    if (pl_rpc_client_call_queue_size(slot->call) > QUEUE_SIZE_MAX)
        return;
    rc = pl_rpc_client_send(slot->call, (struct pl_bytes){bytes, size});
    PL_ASSERT(rc == PL_OK || rc == PL_E_CLOSED || rc == PL_E_NOMEM);
    if (slot->half_closed)
        PL_ASSERT(rc == PL_E_CLOSED);
}

/* What callbacks do now and then. */
static void act_inside(struct world *world)
{
    uint32_t what = fuzz_next(&world->random);
    struct slot *slot = pick(world, what >> 8);

    if (!world->acts)
        return;
    if (what % 8 == 0)
        begin(world, (uint8_t)(what >> 16));
    if (slot == NULL)
        return;
    switch (what % 8) {
    case 1:
        pl_rpc_client_cancel(slot->call);
        return;
    case 2:
        slot->half_closed = true;
        pl_rpc_client_half_close(slot->call);
        return;
    case 3:
        send_some(slot, 100);
        return;
    default:
        return;
    }
}

static void look_at(const struct pl_rpc_client_call *call)
{
    struct pl_bytes name, value;
    int64_t ms = -1;

    for (size_t pos = 0; pl_rpc_client_call_header_next(call, &pos, &name, &value);)
        PL_ASSERT(name.size > 0 && (value.size == 0 || value.data != NULL));
    for (size_t pos = 0; pl_rpc_client_call_trailer_next(call, &pos, &name, &value);)
        PL_ASSERT(name.size > 0 && (value.size == 0 || value.data != NULL));
    (void)pl_rpc_client_call_header(call, "x-in-bin", &value);
    if (pl_rpc_client_call_pushback(call, &ms) == PL_OK)
        PL_ASSERT(ms >= 0);
}

static void on_headers(void *self)
{
    struct slot *slot = self;

    PL_ASSERT(slot->open && !slot->answered && slot->messages == 0);
    slot->answered = true;
    PL_ASSERT(pl_rpc_client_call_answered(slot->call));
    look_at(slot->call);
    act_inside(slot->world);
}

static void on_message(void *self, struct pl_bytes message)
{
    struct slot *slot = self;

    PL_ASSERT(slot->open && slot->answered);
    PL_ASSERT(message.size == 0 || message.data != NULL);
    (void)pl_rpc_client_call_was_compressed(slot->call);
    slot->messages++;
    act_inside(slot->world);
}

static void on_drained(void *self)
{
    struct slot *slot = self;

    PL_ASSERT(slot->open);
    act_inside(slot->world);
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct slot *slot = self;
    struct world *world = slot->world;

    PL_ASSERT(slot->open);
    PL_ASSERT(status->code >= PL_CODE_OK && status->code <= PL_CODE_UNAUTHENTICATED);
    PL_ASSERT(status->message == NULL || strlen(status->message) < SIZE_MAX);
    if (status->code == PL_CODE_OK) {
        PL_ASSERT(processed);
        PL_ASSERT(!slot->one_reply || slot->messages == 1);
    }
    if (slot->call != NULL)
        look_at(slot->call);
    slot->open = false;
    slot->closed = true;
    slot->call = NULL;
    world->closed++;
    act_inside(world);
}

static void begin(struct world *world, uint8_t kind)
{
    static const char *const paths[] = {"/fuzz.Kinds/Echo", "/fuzz.Kinds/Talk"};
    const struct pl_rpc_metadata metadata[] = {
        {"x-in-bin", {(const uint8_t *)"\0\1\2", 3}},
        {"authorization", {(const uint8_t *)"Bearer t", 8}},
    };
    const struct pl_rpc_client_request request = {
        .path = paths[kind % 2],
        .metadata = metadata,
        .metadata_len = kind / 2 % 3,
        .timeout_ms = kind & 16 ? 100 : 0,
        .gzip = (kind & 32) != 0,
        .one_reply = (kind & 64) != 0,
    };
    struct pl_rpc_client_call *call = NULL;
    struct slot *slot = world->slots;
    int rc;

    while (slot < world->slots + CALLS_LEN_MAX && (slot->open || slot->call != NULL))
        slot++;
    if (slot == world->slots + CALLS_LEN_MAX || world->client == NULL)
        return;
    *slot = (struct slot){.world = world, .open = true};
    slot->gzip = request.gzip;
    slot->one_reply = request.one_reply;
    slot->due_ms = request.timeout_ms > 0 ? world->now_ms + request.timeout_ms : INT64_MAX;
    rc = pl_rpc_client_begin(
        world->client, &request,
        &(struct pl_rpc_client_call_ops){slot, on_message, on_close, on_headers, on_drained},
        &call);
    if (rc < 0) {
        PL_ASSERT(!slot->closed);
        slot->open = false;
        return;
    }
    world->opened++;
    if (slot->open)
        slot->call = call;
}

static void on_want_send(void *self)
{
    struct world *world = self;

    world->wanted = true;
}

/* client.h: there is something to send only if on_want_send() has told. */
static bool fill(struct world *world, size_t size)
{
    uint8_t *to;
    ssize_t rc;

    if (world->unfilled)
        return false;
    to = malloc(size);
    PL_ASSERT(to != NULL);
    rc = pl_rpc_client_fill(world->client, to, size);
    PL_ASSERT(rc <= (ssize_t)size);
    if (rc > 0) {
        PL_ASSERT(world->wanted);
        fuzz_h2_check_pass(&world->check, (struct pl_bytes){to, (size_t)rc});
    } else {
        world->wanted = false;
    }
    if (rc < 0)
        world->over = world->unfilled = true;
    free(to);
    return rc > 0;
}

static void recv_chunk(struct world *world, struct pl_bytes chunk)
{
    uint8_t *copy = fuzz_copy(chunk);
    int rc = pl_rpc_client_recv(world->client, (struct pl_bytes){copy, chunk.size}, world->now_ms);

    free(copy);
    if (rc < 0)
        world->over = true;
}

static void deliver(struct world *world)
{
    struct pl_bytes data = {world->out->data, world->out->size};

    while (data.size > 0 && !world->over) {
        size_t size = world->chunk > 0 && world->chunk < data.size ? world->chunk : data.size;

        recv_chunk(world, (struct pl_bytes){data.data, size});
        data.data += size;
        data.size -= size;
    }
    pl_bytebuf_clear(world->out);
}

static void tick(struct world *world, uint8_t step)
{
    static const int64_t steps_ms[] = {0, 1, 99, 100, 1000, 10000, 20000, 30000};
    bool early;
    size_t closed = world->closed;
    int rc;

    world->now_ms += steps_ms[step % 8];
    early = world->now_ms < pl_rpc_client_due_ms(world->client);
    rc = pl_rpc_client_tick(world->client, world->now_ms);
    if (early)
        PL_ASSERT(world->closed == closed);
    if (rc < 0) {
        world->over = true;
        return;
    }
    for (size_t i = 0; i < CALLS_LEN_MAX; i++)
        if (world->slots[i].open && world->slots[i].call != NULL)
            PL_ASSERT(world->slots[i].due_ms > world->now_ms);
}

/* An operation on a call. */
static void act_on(struct world *world, struct fuzz_input *input, uint8_t kind)
{
    struct slot *slot = pick(world, fuzz_byte(input));

    if (slot == NULL)
        return;
    switch (kind % 8) {
    case 0:
        pl_rpc_client_cancel(slot->call);
        return;
    case 1:
        slot->half_closed = true;
        pl_rpc_client_half_close(slot->call);
        return;
    case 2:
        pl_rpc_client_call_pause(slot->call);
        return;
    case 3:
        pl_rpc_client_call_resume(slot->call);
        return;
    case 4:
        if (slot->gzip)
            pl_rpc_client_call_compress(slot->call, kind >= 128);
        return;
    default:
        send_some(slot, fuzz_short(input));
    }
}

static void act(struct world *world, struct fuzz_input *input, uint8_t kind)
{
    switch (kind % 8) {
    case 0:
        tick(world, fuzz_byte(input));
        return;
    case 1:
        (void)fill(world, 1 + fuzz_short(input));
        return;
    case 2:
    case 3:
        begin(world, fuzz_byte(input));
        return;
    case 4:
        world->chunk = fuzz_byte(input);
        return;
    case 5:
        pl_mem_fail_at(fuzz_byte(input));
        return;
    default:
        act_on(world, input, fuzz_byte(input));
    }
}

static void run_script(struct world *world, struct fuzz_input *input)
{
    for (unsigned i = 0; i < STEPS_LEN_MAX && input->size > 0 && !world->over; i++) {
        uint8_t kind = fuzz_byte(input);

        if (kind % 4 != 0) {
            fuzz_h2_add(input, false, world->out);
            if (kind >= 64 && world->out->size < OUT_SIZE_MAX / 2)
                continue; /* more goes with it */
        }
        deliver(world);
        if (kind % 4 == 0 && !world->over)
            act(world, input, kind / 4);
    }
    if (!world->over)
        deliver(world);
}

static void run_raw(struct world *world, struct fuzz_input *input)
{
    for (unsigned i = 0; i < RAW_CALLS_LEN; i++)
        begin(world, fuzz_byte(input));
    (void)fill(world, FILL_SIZE_MAX);
    while (input->size > 0 && !world->over) {
        uint32_t what = fuzz_next(&world->random);

        recv_chunk(world, fuzz_take(input, fuzz_chunk(&world->random, input->size)));
        if (what % 4 == 0 && !world->over)
            (void)fill(world, 1 + fuzz_next(&world->random) % FILL_SIZE_MAX);
        if (what % 16 == 1 && !world->over)
            tick(world, (uint8_t)(what >> 8));
        act_inside(world);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    static struct pl_bytebuf out; /* kept: memory is short for the others only */
    struct fuzz_input input = {data, size};
    uint8_t settings = fuzz_byte(&input), seed = fuzz_byte(&input);

    if (out.size_max == 0) {
        pl_bytebuf_init(&out, OUT_SIZE_MAX);
        PL_ASSERT(pl_bytebuf_reserve(&out, OUT_SIZE_MAX) != NULL);
    }
    pl_bytebuf_clear(&out);
    world = (struct world){.now_ms = 1000, .random = seed, .wanted = true, .out = &out};
    world.acts = (settings & SETTING_ACT) != 0;
    fuzz_h2_check_init(&world.check, false);
    if (settings & SETTING_HELLO)
        pl_bytebuf_append(&out, "\0\0\0\4\0\0\0\0\0", 9);
    pl_mem_fail_at(settings & SETTING_SHORT ? seed : 0);
    if (pl_rpc_client_new(&(struct pl_rpc_client_ops){&world, on_want_send}, "fuzz:1", world.now_ms,
                          &world.client) == PL_OK) {
        if (settings & SETTING_RAW)
            run_raw(&world, &input);
        else
            run_script(&world, &input);
        while (fill(&world, FILL_SIZE_MAX))
            ;
        for (const char *why = pl_rpc_client_why(world.client); *why != 0; why++)
            PL_ASSERT(*why >= ' ' && *why <= '~');
    }
    world.acts = false;
    pl_rpc_client_free(world.client);
    world.client = NULL;
    PL_ASSERT(world.opened == world.closed);
    pl_mem_fail_at(0);
    return 0;
}
