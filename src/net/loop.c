/*
 * loop.c - a libuv loop with a mailbox.
 *
 * The end of a turn is libuv's prepare phase: it comes after timers and after the
 * last poll's callbacks, just before the next poll. What on_turn_end itself posts
 * makes that poll return at once, so nothing waits for an event that may not come.
 *
 * uv_async_send() coalesces, so one wake drains the whole mailbox. The async
 * handle stays open until pl_loop_free(), so that a poster that is just between
 * its post and its wake finds it when the loop ends.
 */
#include "net/handle.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/uverr.h"

#include <signal.h>
#include <stdatomic.h>

enum { DEFERRED_US = 1000 }; /* a turn; and at least one */

enum loop_state {
    LOOP_NEW,
    LOOP_RUNNING,
    LOOP_ENDING, /* handles are being closed, none may be opened */
    LOOP_ENDED,
};

struct pl_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t turn_end;
    bool uv_ready;   /* uv is initialised */
    bool wake_ready; /* wake and turn_end are */
    atomic_int state;
    atomic_bool stopping;
    uv_thread_t thread; /* while it runs */
    struct pl_loop_ops ops;
    struct pl_mailbox *inbox;
    struct pl_list handles;  /* of struct pl_handle, also closed ones not yet freed */
    size_t handles_open_len; /* of which libuv is not done with so many */
    size_t requests_len;
    struct pl_list deferred;           /* of struct pl_deferred */
    struct pl_list deferred_long;      /* the same; each takes much of a turn */
    const struct pl_handle *read_weak; /* read from last, in this turn */
    char read_buf[PL_LOOP_READ_SIZE];
    uint8_t plain_buf[PL_LOOP_READ_SIZE];
};

static enum loop_state state_of(const struct pl_loop *loop)
{
    return (enum loop_state)atomic_load_explicit(&loop->state, memory_order_acquire);
}

static void set_state(struct pl_loop *loop, enum loop_state state)
{
    PL_ASSERT(state > state_of(loop));
    atomic_store_explicit(&loop->state, (int)state, memory_order_release);
}

int pl_loop_on_thread(const struct pl_loop *loop)
{
    uv_thread_t self = uv_thread_self();
    enum loop_state state = state_of(loop);

    if (state == LOOP_NEW || state == LOOP_ENDED)
        return 1;
    return uv_thread_equal(&self, &loop->thread);
}

static void deliver(struct pl_loop *loop)
{
    struct pl_list letters;

    pl_list_init(&letters);
    pl_mailbox_take(loop->inbox, &letters);
    PL_LIST_EACH (node, &letters) {
        PL_ASSERT(loop->ops.on_letter != NULL);
        pl_list_remove(node);
        loop->ops.on_letter(loop->ops.self, PL_CONTAINER(node, struct pl_letter, node));
    }
}

/* Moves all of one list behind another. */
static void move_all(struct pl_list *from, struct pl_list *to)
{
    struct pl_list *node;

    while ((node = pl_list_first(from)) != NULL) {
        pl_list_remove(node);
        pl_list_append(to, node);
    }
}

/* What is deferred meanwhile waits for the next time; so does, before it, what a turn has no
 * time for. */
static void run_deferred(struct pl_loop *loop)
{
    int64_t start_us = pl_clock_mono_us();
    struct pl_list now, *node;

    pl_list_init(&now);
    move_all(&loop->deferred, &now);
    while ((node = pl_list_first(&now)) != NULL) {
        struct pl_deferred *deferred = PL_CONTAINER(node, struct pl_deferred, node);

        pl_list_remove(node);
        deferred->run(deferred);
        if (pl_clock_mono_us() - start_us >= DEFERRED_US)
            break;
    }
    if (pl_list_empty(&now))
        return;
    move_all(&loop->deferred, &now);
    move_all(&now, &loop->deferred);
    PL_ASSERT(uv_async_send(&loop->wake) == 0);
}

static void on_wake(uv_async_t *async)
{
    struct pl_loop *loop = async->data;

    if (atomic_load(&loop->stopping))
        uv_stop(&loop->uv);
    deliver(loop);
    run_deferred(loop);
}

/* They come by the hundred, and whoever is served already does not wait for more than one. */
static void run_deferred_long(struct pl_loop *loop)
{
    struct pl_list *node = pl_list_first(&loop->deferred_long);
    struct pl_deferred *deferred;

    if (node == NULL)
        return;
    deferred = PL_CONTAINER(node, struct pl_deferred, node);
    pl_list_remove(node);
    deferred->run(deferred);
    PL_ASSERT(uv_async_send(&loop->wake) == 0); /* on_turn_end sees what came of it; and the rest */
}

static void on_turn_end(uv_prepare_t *prepare)
{
    struct pl_loop *loop = prepare->data;

    loop->read_weak = NULL;
    if (loop->ops.on_turn_end != NULL)
        loop->ops.on_turn_end(loop->ops.self);
    run_deferred_long(loop);
}

/* The mailbox was empty and has a letter now. */
static void wake_receiver(void *self)
{
    struct pl_loop *loop = self;

    PL_ASSERT(uv_async_send(&loop->wake) == 0);
}

static int open_uv(struct pl_loop *loop)
{
    int rc = uv_loop_init(&loop->uv);

    if (rc < 0)
        return pl_err_of_uv(rc);
    loop->uv_ready = true;

    rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc < 0)
        return pl_err_of_uv(rc);
    PL_ASSERT(uv_prepare_init(&loop->uv, &loop->turn_end) == 0);
    loop->wake.data = loop;
    loop->turn_end.data = loop;
    loop->wake_ready = true;
    return PL_OK;
}

int pl_loop_new(const struct pl_loop_ops *ops, size_t inbox_len_max, struct pl_loop **ret_loop)
{
    struct pl_loop *loop = pl_zalloc(sizeof *loop);
    int rc;

    if (loop == NULL)
        return PL_E_NOMEM;
    loop->ops = *ops;
    pl_list_init(&loop->handles);
    pl_list_init(&loop->deferred);
    pl_list_init(&loop->deferred_long);

    /* a peer that went away is an error of the write, not a signal */
    signal(SIGPIPE, SIG_IGN);

    rc = pl_mailbox_new(inbox_len_max, wake_receiver, loop, &loop->inbox);
    if (rc < 0)
        goto fail;
    rc = open_uv(loop);
    if (rc < 0)
        goto fail;
    *ret_loop = loop;
    return PL_OK;

fail:
    pl_loop_free(loop);
    return rc;
}

static void end_handles(struct pl_loop *loop)
{
    PL_LIST_EACH (node, &loop->handles) {
        struct pl_handle *handle = PL_CONTAINER(node, struct pl_handle, node);

        if (handle->end != NULL)
            handle->end(handle);
        else
            pl_handle_close(handle);
    }
}

/* Hands over what still waits, flushes once more, closes all. */
static void end(struct pl_loop *loop)
{
    pl_mailbox_close(loop->inbox);
    deliver(loop);
    run_deferred(loop);
    if (loop->ops.on_turn_end != NULL)
        loop->ops.on_turn_end(loop->ops.self);

    set_state(loop, LOOP_ENDING);
    if (loop->wake_ready)
        uv_prepare_stop(&loop->turn_end);
    while (loop->handles_open_len > 0 || loop->requests_len > 0) {
        end_handles(loop);
        uv_run(&loop->uv, UV_RUN_ONCE);
    }
    set_state(loop, LOOP_ENDED);
}

void pl_loop_run(struct pl_loop *loop)
{
    PL_ASSERT(state_of(loop) == LOOP_NEW);
    loop->thread = uv_thread_self();
    set_state(loop, LOOP_RUNNING);

    PL_ASSERT(uv_prepare_start(&loop->turn_end, on_turn_end) == 0);
    while (!atomic_load(&loop->stopping))
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    end(loop);
}

void pl_loop_stop(struct pl_loop *loop)
{
    atomic_store(&loop->stopping, true);
    if (state_of(loop) == LOOP_RUNNING && pl_loop_on_thread(loop))
        uv_stop(&loop->uv);
    else
        PL_ASSERT(uv_async_send(&loop->wake) == 0);
}

void pl_loop_free(struct pl_loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->wake_ready && state_of(loop) == LOOP_NEW) {
        loop->thread = uv_thread_self();
        end(loop);
    }
    PL_LIST_EACH (node, &loop->handles)
        pl_handle_free(PL_CONTAINER(node, struct pl_handle, node));
    if (loop->wake_ready) {
        uv_close((uv_handle_t *)&loop->turn_end, NULL);
        uv_close((uv_handle_t *)&loop->wake, NULL);
    }
    if (loop->uv_ready) {
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        PL_ASSERT(uv_loop_close(&loop->uv) == 0);
    }
    pl_mailbox_free(loop->inbox);
    pl_free(loop);
}

int pl_loop_post(struct pl_loop *loop, struct pl_letter *letter)
{
    return pl_mailbox_post(loop->inbox, letter);
}

int pl_loop_post_always(struct pl_loop *loop, struct pl_letter *letter)
{
    return pl_mailbox_post_always(loop->inbox, letter);
}

int pl_loop_put_always(struct pl_loop *loop, struct pl_letter *letter)
{
    return pl_mailbox_put_always(loop->inbox, letter);
}

void pl_loop_ring(struct pl_loop *loop)
{
    pl_mailbox_ring(loop->inbox);
}

int64_t pl_loop_now_ms(struct pl_loop *loop)
{
    PL_ASSERT(pl_loop_on_thread(loop));
    return (int64_t)uv_now(&loop->uv);
}

static void defer(struct pl_loop *loop, struct pl_list *to, struct pl_deferred *deferred)
{
    if (!pl_list_empty(&deferred->node))
        return;
    pl_list_append(to, &deferred->node);
    PL_ASSERT(uv_async_send(&loop->wake) == 0);
}

void pl_loop_defer(struct pl_loop *loop, struct pl_deferred *deferred)
{
    defer(loop, &loop->deferred, deferred);
}

void pl_loop_defer_long(struct pl_loop *loop, struct pl_deferred *deferred)
{
    defer(loop, &loop->deferred_long, deferred);
}

uv_loop_t *pl_loop_uv(struct pl_loop *loop)
{
    return &loop->uv;
}

int pl_loop_check_open(const struct pl_loop *loop)
{
    PL_ASSERT(pl_loop_on_thread(loop));
    return state_of(loop) <= LOOP_RUNNING ? PL_OK : PL_E_CLOSED;
}

char *pl_loop_read_buf(struct pl_loop *loop)
{
    return loop->read_buf;
}

bool pl_loop_may_read(const struct pl_loop *loop, const struct pl_handle *handle)
{
    return loop->read_weak != handle; /* libuv reads from one as often as it may, then the next */
}

void pl_loop_note_read(struct pl_loop *loop, const struct pl_handle *handle)
{
    loop->read_weak = handle;
}

uint8_t *pl_loop_plain_buf(struct pl_loop *loop)
{
    return loop->plain_buf;
}

void pl_loop_request_begin(struct pl_loop *loop)
{
    loop->requests_len++;
}

void pl_loop_request_end(struct pl_loop *loop)
{
    PL_ASSERT(loop->requests_len > 0);
    loop->requests_len--;
}

void pl_handle_open(struct pl_handle *handle, struct pl_loop *loop, void *uv)
{
    PL_ASSERT(handle->state != PL_HANDLE_OPEN && handle->state != PL_HANDLE_CLOSING);
    if (handle->state == 0)
        pl_list_append(&loop->handles, &handle->node);
    handle->loop_weak = loop;
    handle->uv_weak = uv;
    handle->uv_weak->data = handle;
    handle->state = PL_HANDLE_OPEN;
    loop->handles_open_len++;
}

static void on_closed(uv_handle_t *uv)
{
    struct pl_handle *handle = uv->data;

    PL_ASSERT(handle->state == PL_HANDLE_CLOSING);
    handle->state = PL_HANDLE_CLOSED;
    handle->loop_weak->handles_open_len--;
    if (handle->on_closed != NULL)
        handle->on_closed(handle);
    else if (handle->released)
        pl_handle_free(handle);
}

void pl_handle_close(struct pl_handle *handle)
{
    PL_ASSERT(pl_loop_on_thread(handle->loop_weak));
    if (handle->state != PL_HANDLE_OPEN)
        return;
    handle->state = PL_HANDLE_CLOSING;
    uv_close(handle->uv_weak, on_closed);
}

void pl_handle_release(struct pl_handle *handle)
{
    PL_ASSERT(!handle->released);
    handle->released = true;
    pl_handle_close(handle);
    if (handle->state == PL_HANDLE_CLOSED)
        pl_handle_free(handle);
}

void pl_handle_free(struct pl_handle *handle)
{
    PL_ASSERT(handle->state == PL_HANDLE_CLOSED);
    pl_list_remove(&handle->node);
    pl_free(handle);
}
