/*
 * world.h - an engine on the in-memory store, and words to speak to it in.
 *
 * Commands are gathered with the `add_` words and applied as one batch with
 * world_apply(); the others are a batch of one command each, and fail the test
 * unless the batch is applied.
 *
 * Who speaks is known by a token, which is any string; by habit the name.
 */
#ifndef PL_TESTS_CORE_WORLD_H
#define PL_TESTS_CORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/err.h"
#include "core/engine.h"
#include "store/memory.h"

#include <string.h>

#define DAY_MS  ((int64_t)24 * 3600 * 1000)
#define IDLE_MS (7 * DAY_MS)

struct world {
    struct pl_store store;
    struct pl_engine_config config;
    struct pl_engine *engine;
    struct pl_arena arena; /* of the batch's commands */
    struct pl_batch batch;
    struct pl_effects effects;
    uint64_t batch_number;
    int64_t now_ms;
    int64_t jump_ms; /* by so much the time of day has jumped ahead of what ages */
    uint64_t tag;    /* the last command's reply_to */
};

/* An engine that has not been started. */
void world_init(struct world *world);
/* The same, with #lobby. */
void world_start(struct world *world);
void world_done(struct world *world);

/* A new engine on the same store, not started yet: as after a crash. */
void world_restart(struct world *world);

/* A command for the batch; `token` may be NULL. Strings are "". */
struct pl_command *world_add(struct world *world, enum pl_command_kind kind, const char *token);
struct pl_command *add_start(struct world *world, uint64_t log);
struct pl_command *add_sign_in(struct world *world, const char *name);
struct pl_command *add_create(struct world *world, const char *token, const char *room);
struct pl_command *add_join(struct world *world, const char *token, const char *room);
struct pl_command *add_leave(struct world *world, const char *token, const char *room);
struct pl_command *add_send(struct world *world, const char *token, const char *room,
                            const char *text);
struct pl_command *add_send_user(struct world *world, const char *token, const char *user,
                                 const char *text);
struct pl_command *add_mark(struct world *world, const char *token, const char *room,
                            pl_sequence sequence);
struct pl_command *add_taker(struct world *world, const char *token, const char *room,
                             uint64_t taker);
struct pl_command *add_lease(struct world *world, enum pl_command_kind kind, const char *token,
                             const char *room, pl_sequence sequence, uint64_t lease);
struct pl_command *add_subscribe(struct world *world, const char *token, const char *const *rooms,
                                 uint32_t rooms_len);

/* Applies what was added; the effects stand until the next apply. The commands
 * stay, to be applied again with world_again(), until the next add. */
int world_apply(struct world *world);
int world_again(struct world *world);

/* Begins an empty batch. */
void world_clear(struct world *world);

/* The reply to a command of the last batch. */
const struct pl_reply *world_reply(const struct world *world, uint64_t tag);
/* The reply to its last one. */
const struct pl_reply *world_last(const struct world *world);

/* The effects of a kind. */
uint32_t world_count(const struct world *world, enum pl_effect_kind kind);
const struct pl_effect *world_effect(const struct world *world, enum pl_effect_kind kind,
                                     uint32_t nth);
/* An event's bytes, as the test's encoder made them, as a string. */
const char *world_event(struct world *world, uint32_t nth);
const char *world_text(struct world *world, const struct pl_buf *bytes);

/* One command each; the reply. */
const struct pl_reply *do_sign_in(struct world *world, const char *name);
const struct pl_reply *do_sign_out(struct world *world, const char *token);
const struct pl_reply *do_create(struct world *world, const char *token, const char *room);
const struct pl_reply *do_create_as(struct world *world, const char *token, const char *room,
                                    enum pl_room_visibility visibility,
                                    enum pl_room_delivery delivery, bool quiet);
const struct pl_reply *do_join(struct world *world, const char *token, const char *room);
const struct pl_reply *do_leave(struct world *world, const char *token, const char *room);
const struct pl_reply *do_send(struct world *world, const char *token, const char *room,
                               const char *text);
const struct pl_reply *do_send_user(struct world *world, const char *token, const char *user,
                                    const char *text);
const struct pl_reply *do_mark(struct world *world, const char *token, const char *room,
                               pl_sequence sequence);
void do_expire(struct world *world);

/* The reply was granted, or refused so. */
void assert_granted(const struct pl_reply *reply);
void assert_refused(const struct pl_reply *reply, enum pl_reason reason);
void assert_refused_field(const struct pl_reply *reply, enum pl_reason reason, const char *field);

/* What the store has; the test fails where it has not. */
struct pl_user world_user(struct world *world, const char *name);
struct pl_room world_room(struct world *world, const char *name);
struct pl_member world_member(struct world *world, const char *room, const char *user);
/* Puts rows past the engine, which is then to be restarted. */
void world_put_member(struct world *world, const struct pl_member *member);
void world_put_user(struct world *world, const struct pl_user *user);
void world_put_room(struct world *world, const struct pl_room *room);

/* All that the store holds, and all effects, as text. The caller's to done. */
void world_dump(const struct world *world, struct pl_bytebuf *buf);
void world_render(const struct world *world, struct pl_bytebuf *buf);

#endif
