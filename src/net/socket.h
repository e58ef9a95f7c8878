/*
 * socket.h - a socket as its parts in net see it: how one comes into being.
 *
 * Inside net only; the rest of its life is in net/tcp.h.
 */
#ifndef PL_NET_SOCKET_H
#define PL_NET_SOCKET_H

#include "net/handle.h"
#include "net/tcp.h"

enum { PL_PEER_SIZE = 64 };

enum pl_socket_state {
    PL_SOCKET_CONNECTING = 1,
    PL_SOCKET_OPEN,
    PL_SOCKET_DRAINING,  /* closed by its owner; what was written is on its way */
    PL_SOCKET_LINGERING, /* all is with the kernel; the peer is given time to take it */
    PL_SOCKET_CLOSING,   /* only on_close is still to come */
};

struct pl_attempt;
struct pl_farewell;
struct pl_socket_tls;

struct pl_socket {
    struct pl_handle handle; /* first: freed with it */
    uv_tcp_t uv;
    struct pl_socket_ops ops;
    enum pl_socket_state state;
    bool reading;                 /* its owner wants on_read */
    bool ended;                   /* the peer will send no more */
    bool fin;                     /* and has shut its half of the connection */
    int err;                      /* why it broke; PL_OK while it is well */
    size_t writes_len;            /* under way */
    struct pl_deferred broken;    /* tells the owner of err */
    struct pl_attempt *attempt;   /* while it connects */
    struct pl_socket_tls *tls;    /* or NULL: plain */
    struct pl_farewell *farewell; /* while it drains or lingers; see socket.c */
    char peer[PL_PEER_SIZE];
};

/* A socket on the loop, without a connection as yet. PL_E_NOMEM, PL_E_CLOSED. */
int pl_socket_new(struct pl_loop *loop, struct pl_socket **ret_socket);

/* Takes over a connected descriptor. On failure it is the caller's still, and the
 * socket is closed with pl_socket_abort(). */
int pl_socket_adopt(struct pl_socket *socket, int fd, const struct sockaddr_storage *peer);

/* The only way to change its state. */
void pl_socket_set_state(struct pl_socket *socket, enum pl_socket_state state);

/* Begins or stops reading from the kernel. Errors as of libuv. */
int pl_socket_pull(struct pl_socket *socket);
void pl_socket_pull_stop(struct pl_socket *socket);

/* Writes bytes as they are; otherwise like pl_socket_write(). */
bool pl_socket_send(struct pl_socket *socket, struct pl_bytes data);

/* Has on_end told of the error, later. What is written from now on is dropped. */
void pl_socket_break(struct pl_socket *socket, int err);

/* In connect.c: the owner has closed a socket that connects. */
void pl_attempt_abandon(struct pl_socket *socket);

/* In connect.c: libuv is done with the try that failed; begins the next. */
void pl_attempt_go_on(struct pl_socket *socket);

#endif
