/*
 * model.h - the chat again, as plainly as it can be said, to judge the engine.
 *
 * A few people, rooms and takers in fixed arrays. A step is what someone does;
 * the model says what must come of it. Of who is handed which work it only
 * judges: whatever the engine chose must be allowed, and nothing that could be
 * handed out may be left.
 */
#ifndef PL_TESTS_CORE_MODEL_H
#define PL_TESTS_CORE_MODEL_H

#include "world.h"

enum {
    MODEL_PEOPLE = 6,
    MODEL_ROOMS = 6, /* 0 is the lobby */
    MODEL_TAKERS = 5,
    MODEL_LOG_LEN = 1500, /* a room's events; no more is sent there then */
};

struct model_work {
    bool waits; /* nobody has acknowledged it */
    uint32_t attempts;
    uint64_t lease; /* 0: with nobody */
    int taker;
    int64_t until_ms;
    int64_t not_before_ms;
};

struct model_event {
    bool message;
    uint64_t sender; /* a user_id */
    struct model_work work;
};

struct model_room {
    bool exists;
    bool is_private;
    bool quiet;
    bool work;
    uint32_t last;
    struct model_event log[MODEL_LOG_LEN + 64]; /* by sequence */
};

struct model_member {
    bool joined;
    uint32_t read;
};

struct model_taker {
    bool open;
    uint64_t id; /* the number that the engine knows */
    int person;
    int room;
    uint32_t len_max;
    uint32_t len;
    bool include_own;
    bool stopped; /* by the failure of a batch, or by leaving; not yet told */
};

struct model {
    uint64_t person[MODEL_PEOPLE]; /* the user_id; 0: not signed in */
    struct model_room room[MODEL_ROOMS];
    struct model_member member[MODEL_ROOMS][MODEL_PEOPLE];
    uint32_t direct[MODEL_PEOPLE][MODEL_PEOPLE]; /* its last sequence; 0: none */
    struct model_taker taker[MODEL_TAKERS];
    uint64_t last_taker;
    int64_t now_ms;
};

struct step {
    enum pl_command_kind kind;
    int person;
    int other;
    int room;
    int taker;
    uint32_t sequence;
    uint64_t lease;
    uint32_t delay_s;
    bool flag; /* private, create_if_missing, include_own */
    bool quiet;
    bool work;
    uint64_t tag;
};

extern const char *const model_people[MODEL_PEOPLE];
extern const char *const model_rooms[MODEL_ROOMS];

void model_init(struct model *model);

/* What somebody might do now, of all kinds if `alone`, else of those that have
 * a reply. */
struct step model_choose(const struct model *model, uint64_t *seed, bool alone);

/* Adds the step's command to the world's batch. */
void model_add(const struct model *model, struct world *world, struct step *step);

/* Does the step; the reason for which it must be refused, or NONE. */
enum pl_reason model_do(struct model *model, const struct step *step, const struct pl_reply *reply);

/* Judges an effect that is no reply. */
void model_judge(struct model *model, const struct pl_effect *effect);

/* Every taker was ended by a failure. */
void model_lose_takers(struct model *model);

/* Nothing that could be handed out waits, and the store holds what it must. */
void model_check(const struct model *model, struct world *world);

uint64_t model_random(uint64_t *seed);

#endif
