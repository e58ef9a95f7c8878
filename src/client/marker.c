/* marker.c - how far one has read. */
#include "client/marker.h"

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "parla/v1/chat_service.pb-c.h"

#include <stdio.h>
#include <string.h>

struct mark {
    struct pl_list node;
    struct pl_marker *marker_weak;
    char room[PL_ROOM_NAME_SIZE_MAX + 2];
    uint64_t shown;
    uint64_t told; /* or being told */
    bool under_way;
};

struct pl_marker {
    struct pl_app *app_weak;
    struct pl_list marks;
    struct pl_timer *timer;
    uint32_t delay_ms;
    bool waiting; /* for the timer */
};

static void tell(struct mark *mark);

static void on_done(void *self, const struct pl_api_result *result)
{
    struct mark *mark = self;

    mark->under_way = false;
    if (result->code == PL_CODE_OK) {
        tell(mark);
        return;
    }
    /* a room that one has left meanwhile has no marker: that refusal is as good as an answer */
    if (pl_api_may_retry(result))
        mark->told = 0; /* again with the next event, or the next connection */
}

static void tell(struct mark *mark)
{
    Parla__V1__MarkReadRequest request = PARLA__V1__MARK_READ_REQUEST__INIT;
    struct pl_app *app = mark->marker_weak->app_weak;

    if (mark->under_way || mark->told >= mark->shown || app->phase != PL_APP_READY)
        return;
    request.room = mark->room;
    request.sequence = mark->shown;
    mark->told = mark->shown;
    mark->under_way = true;
    pl_app_call(app, &parla__v1__chat_service__descriptor, "MarkRead", &request.base, on_done,
                mark);
}

static struct mark *find(const struct pl_marker *marker, const char *room)
{
    PL_LIST_EACH (node, &marker->marks) {
        struct mark *mark = PL_CONTAINER(node, struct mark, node);

        if (strcmp(mark->room, room) == 0)
            return mark;
    }
    return NULL;
}

void pl_marker_shown(struct pl_marker *marker, const char *room, uint64_t sequence)
{
    struct mark *mark = find(marker, room);

    if (mark == NULL && strlen(room) < sizeof mark->room) {
        mark = pl_zalloc(sizeof *mark);
        if (mark == NULL)
            return; /* it is shown again some day */
        mark->marker_weak = marker;
        snprintf(mark->room, sizeof mark->room, "%s", room);
        pl_list_append(&marker->marks, &mark->node);
    }
    if (mark == NULL || sequence <= mark->shown)
        return;
    mark->shown = sequence;
    if (!marker->waiting) {
        marker->waiting = true;
        pl_timer_start(marker->timer, marker->delay_ms, 0);
    }
}

static void on_timer(void *self)
{
    pl_marker_go_on(self);
}

uint64_t pl_marker_last(const struct pl_marker *marker, const char *room)
{
    const struct mark *mark = find(marker, room);

    return mark != NULL ? mark->shown : 0;
}

void pl_marker_go_on(struct pl_marker *marker)
{
    pl_timer_stop(marker->timer);
    marker->waiting = false;
    PL_LIST_EACH (node, &marker->marks)
        tell(PL_CONTAINER(node, struct mark, node));
}

void pl_marker_forget(struct pl_marker *marker)
{
    PL_LIST_EACH (node, &marker->marks) {
        struct mark *mark = PL_CONTAINER(node, struct mark, node);

        mark->shown = 0;
        mark->told = 0;
    }
}

bool pl_marker_is_done(const struct pl_marker *marker)
{
    PL_LIST_EACH (node, &marker->marks) {
        const struct mark *mark = PL_CONTAINER(node, struct mark, node);

        if (mark->under_way)
            return false;
    }
    return true;
}

int pl_marker_new(struct pl_app *app, uint32_t delay_ms, struct pl_marker **ret_marker)
{
    struct pl_marker *marker = pl_zalloc(sizeof *marker);
    int err;

    if (marker == NULL)
        return PL_E_NOMEM;
    marker->app_weak = app;
    marker->delay_ms = delay_ms;
    pl_list_init(&marker->marks);
    err = pl_timer_new(app->loop, on_timer, marker, &marker->timer);
    if (err < 0) {
        pl_free(marker);
        return err;
    }
    *ret_marker = marker;
    return PL_OK;
}

void pl_marker_free(struct pl_marker *marker)
{
    if (marker == NULL)
        return;
    PL_LIST_EACH (node, &marker->marks) {
        pl_list_remove(node);
        pl_free(PL_CONTAINER(node, struct mark, node));
    }
    pl_timer_free(marker->timer);
    pl_free(marker);
}
