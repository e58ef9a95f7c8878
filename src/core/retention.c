/*
 * retention.c - what is past a room's retention goes.
 *
 * The store finds the rooms by what their rows say, so rows that have changed
 * in the cache are written before it is asked. The next time is known without
 * asking: an append can only bring it forward.
 */
#include "core/retention.h"

#include "base/err.h"
#include "core/work.h"

enum {
    ROOMS_LEN_MAX = 64,   /* of one EXPIRE */
    EVENTS_LEN_MAX = 256, /* likewise */
    STEP_MS = 100,        /* however many rooms there are, not more often */
};

static void plan(struct pl_engine *engine, int64_t due_ms)
{
    struct pl_progress *progress = &engine->progress;

    if (due_ms < engine->age_ms + STEP_MS)
        due_ms = engine->age_ms + STEP_MS;
    if (due_ms < progress->trim_due_ms)
        progress->trim_due_ms = due_ms;
}

void pl_retention_appended(struct pl_engine *engine, struct pl_room *room)
{
    int64_t due_ms;

    if (room->last_sequence == room->first_sequence)
        room->first_ms = engine->now_ms;
    due_ms = pl_room_trim_due_ms(room);
    if (due_ms != 0)
        plan(engine, due_ms);
}

static int trim(struct pl_engine *engine, pl_room_id id, uint32_t *events_left)
{
    struct pl_room *room;
    struct pl_trim trim = {0};
    int rc = pl_must_be(pl_cache_room(&engine->cache, id, &room));

    if (rc == PL_OK)
        rc = PL_ASK(engine, trim_room, id, engine->age_ms - (int64_t)room->retention_s * 1000,
                    *events_left, &trim);
    if (rc < 0)
        return rc;
    *events_left -= trim.len;
    if (trim.len == 0)
        return PL_E_CORRUPT; /* it was due */
    if (trim.trimmed.last_message == 0)
        trim.trimmed.last_message = room->trimmed.last_message;
    room->trimmed = trim.trimmed;
    room->first_sequence += trim.len;
    room->first_ms = trim.first_ms;
    pl_cache_room_changed(&engine->cache, room);
    return pl_work_trimmed(engine, room);
}

int pl_retention_expire(struct pl_engine *engine)
{
    pl_room_id page[ROOMS_LEN_MAX];
    uint32_t len = 0, events_left = EVENTS_LEN_MAX;
    int64_t due_ms = INT64_MAX;
    int rc = pl_cache_flush(&engine->cache);

    if (rc == PL_OK)
        rc = PL_ASK(engine, list_rooms_to_trim, engine->age_ms, ROOMS_LEN_MAX, page, &len);
    for (uint32_t i = 0; i < len && events_left > 0 && rc == PL_OK; i++)
        rc = trim(engine, page[i], &events_left);
    if (rc == PL_OK)
        rc = pl_cache_flush(&engine->cache);
    if (rc < 0)
        return rc;
    if (len == ROOMS_LEN_MAX || events_left == 0)
        engine->follow_up = true;
    engine->progress.trim_due_ms = INT64_MAX;
    rc = PL_ASK(engine, next_trim_due, &due_ms);
    if (rc == PL_OK)
        plan(engine, due_ms);
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}
