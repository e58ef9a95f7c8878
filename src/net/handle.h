/*
 * handle.h - the life of what is open on a loop: timers, sockets and the like.
 *
 * libuv wants a handle's memory until its close callback has run; owners want to
 * be rid of it at once. So a handle is closed first, and its memory is freed
 * when both libuv is done with it and the owner has released it - or, where the
 * owner leaves that to the loop, when the loop is freed.
 *
 * Inside net only.
 *
 * Threads:   all on the loop's thread.
 * Ownership: a handle is the first member of the struct that it is part of, and
 *            freed with it.
 */
#ifndef PL_NET_HANDLE_H
#define PL_NET_HANDLE_H

#include "base/list.h"
#include "net/loop.h"

#include <stdbool.h>
#include <uv.h>

enum { PL_LOOP_READ_SIZE = 64 * 1024 };

enum pl_handle_state {
    PL_HANDLE_OPEN = 1,
    PL_HANDLE_CLOSING, /* uv_close() was called, its callback has not come */
    PL_HANDLE_CLOSED,
};

struct pl_handle {
    struct pl_list node; /* in the loop's handles, until freed */
    struct pl_loop *loop_weak;
    uv_handle_t *uv_weak; /* a member of the same struct */
    enum pl_handle_state state;
    bool released; /* the owner has no pointer any more */

    /* The loop ends: close it. NULL: pl_handle_close() is enough. Calls nobody. */
    void (*end)(struct pl_handle *handle);

    /* libuv is done with it: free it, or open it again. NULL: it is freed once it
     * is released. */
    void (*on_closed)(struct pl_handle *handle);
};

/* Puts an initialised libuv handle, a member of the same struct, on the loop. */
void pl_handle_open(struct pl_handle *handle, struct pl_loop *loop, void *uv);

/* Begins to close; harmless where that was done before. */
void pl_handle_close(struct pl_handle *handle);

/* Closes if need be, and frees once libuv is done. */
void pl_handle_release(struct pl_handle *handle);

/* Frees a closed one. */
void pl_handle_free(struct pl_handle *handle);

/* What is to be done soon, but not inside the present call. */
struct pl_deferred {
    struct pl_list node; /* init with pl_list_init(); remove it to call it off */
    void (*run)(struct pl_deferred *deferred);
};

/* Runs it on the loop's thread, in a callback of its own. Once is enough until it
 * has run. */
void pl_loop_defer(struct pl_loop *loop, struct pl_deferred *deferred);

/* The same for what takes long, a handshake's signature: one a turn, after all that has come
 * in that turn, and after on_turn_end. */
void pl_loop_defer_long(struct pl_loop *loop, struct pl_deferred *deferred);

/* The loop as libuv knows it. */
uv_loop_t *pl_loop_uv(struct pl_loop *loop);

/* PL_OK while handles may be opened on the loop; PL_E_CLOSED once it ends. */
int pl_loop_check_open(const struct pl_loop *loop);

/* PL_LOOP_READ_SIZE bytes that all sockets read into, one after the other. */
char *pl_loop_read_buf(struct pl_loop *loop);

/* Whether a socket may be read from now: from each once a turn, so that one that is always full
 * does not keep the others waiting. */
bool pl_loop_may_read(const struct pl_loop *loop, const struct pl_handle *handle);

/* It was read from. */
void pl_loop_note_read(struct pl_loop *loop, const struct pl_handle *handle);

/* As many, for what sockets decrypt. */
uint8_t *pl_loop_plain_buf(struct pl_loop *loop);

/* A request that has no handle (a name to resolve) begins, ends: the loop does
 * not end before it has. */
void pl_loop_request_begin(struct pl_loop *loop);
void pl_loop_request_end(struct pl_loop *loop);

#endif
