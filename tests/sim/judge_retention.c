/*
 * judge_retention.c - what is past its time goes from the fronts of the logs.
 */
#include "judge.h"

#include <stdlib.h>

enum {
    SLACK_MS_MAX = 60 * 1000, /* so much later than it may, or a tenth, so that it goes together */
    EVENTS_LEN_MAX = 256,     /* of one EXPIRE */
};

static const struct judge_event *first_of(const struct judge *judge, const struct judge_room *room)
{
    return &judge->log[room->log[room->first - 1]];
}

static int64_t due_ms(const struct judge *judge, const struct judge_room *room)
{
    int64_t slack_ms = room->retention_ms / 10;

    if (room->retention_ms == 0 || room->first >= room->log_len)
        return INT64_MAX;
    if (slack_ms > SLACK_MS_MAX)
        slack_ms = SLACK_MS_MAX;
    return first_of(judge, room)->time_ms + room->retention_ms + slack_ms;
}

int64_t judge_trim_due_ms(const struct judge *judge)
{
    int64_t least_ms = INT64_MAX;

    for (size_t i = 0; i < judge->rooms_len; i++)
        if (due_ms(judge, &judge->rooms[i]) < least_ms)
            least_ms = due_ms(judge, &judge->rooms[i]);
    return least_ms;
}

static void trim_room(struct judge *judge, struct judge_room *room, uint32_t *left)
{
    struct judge_event *last = NULL;

    while (*left > 0 && room->first < room->log_len) {
        struct judge_event *event = &judge->log[room->log[room->first - 1]];

        if (event->time_ms > judge->age_ms - room->retention_ms)
            break;
        event->trimmed = true;
        event->gone_work = event->work.waits;
        event->work.waits = false;
        event->work.lease = 0;
        last = event;
        room->first++;
        judge->trimmed++;
        --*left;
    }
    if (last != NULL)
        last->trim_end = true;
}

/* The rooms that are due, the longest due first. */
void judge_trim(struct judge *judge)
{
    uint32_t left = EVENTS_LEN_MAX;
    bool *done = calloc(judge->rooms_len + 1, sizeof *done);

    for (size_t turn = 0; done != NULL && turn < judge->rooms_len; turn++) {
        size_t next = judge->rooms_len;

        for (size_t i = 0; i < judge->rooms_len; i++)
            if (!done[i] && due_ms(judge, &judge->rooms[i]) <= judge->age_ms &&
                (next == judge->rooms_len ||
                 due_ms(judge, &judge->rooms[i]) < due_ms(judge, &judge->rooms[next])))
                next = i;
        if (next == judge->rooms_len)
            break;
        done[next] = true;
        trim_room(judge, &judge->rooms[next], &left);
    }
    free(done);
}
