/*
 * socket_tls.c - TLS between a socket's owner and its bytes.
 *
 * What comes is decrypted at once as far as the owner wants to read; the rest of
 * one piece is kept, and until it is used up nothing more is taken from the
 * kernel. So a stopped reader costs one piece, and what was read before
 * the end of input is told before it.
 *
 * A server's side begins with the client's hello: until it is whole it is kept as it came, and
 * OpenSSL, which would set aside much for it, has not heard of the connection. Then it waits for
 * its turn: a signature is to be made.
 *
 * Everything that calls the owner starts in `take`, `fin`, `broken`, `drained` or
 * `resume`, which the loop calls. The owner may close in each callback: after
 * each, the state is looked at again.
 */
#include "net/socket_tls.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/tls_hello.h"
#include "net/tls_session.h"

/* Answers that the peer has made us write (to key updates) and does not take. */
#define ANSWERS_SIZE_MAX ((size_t)64 * 1024)

/* How long one socket goes on at a time; and for how long a peer that sends more than that, or
 * more than is read at a time, is dealt with after those that send little. */
enum { STINT_US = 200, GREEDY_MS = 200 };

enum phase {
    PHASE_HELLO = 1, /* of a server: it has not answered the hello; else there is a session */
    PHASE_SHAKING,
    PHASE_OPEN,
    PHASE_OVER, /* failed, and the owner knows */
};

struct pl_socket_tls {
    enum phase phase;
    struct pl_tls_context *context;
    struct pl_tls_session *session; /* NULL: as long as it can be done without */
    struct pl_bytebuf kept;         /* ciphertext; see above */
    bool more;                      /* there is more in `kept` or in the session */
    int64_t greedy_ms;              /* until then its peer waits behind others */
    size_t answers_size;
    struct pl_deferred resume; /* goes on with what there is */
    struct pl_socket *socket_weak;
    const char *reason_weak; /* why it failed, if not for the session; or NULL */
};

static void set_phase(struct pl_socket_tls *tls, enum phase phase)
{
    PL_ASSERT(phase > tls->phase);
    tls->phase = phase;
}

/* Sends what the session has to send. */
static void flush(struct pl_socket *socket)
{
    struct pl_tls_session *session = socket->tls->session;
    struct pl_bytes out = pl_tls_session_out(session);

    if (out.size > 0)
        pl_socket_send(socket, out);
    pl_tls_session_sent(session);
    if (socket->writes_len == 0)
        socket->tls->answers_size = 0;
}

/* The same, after reading. */
static void flush_answers(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;

    tls->answers_size += pl_tls_session_out(tls->session).size;
    flush(socket);
    if (tls->answers_size > ANSWERS_SIZE_MAX && socket->err == PL_OK) {
        tls->reason_weak = "the peer does not take what it asks for";
        pl_socket_break(socket, PL_E_LIMIT);
    }
}

/* --- reading ------------------------------------------------------------- */

static bool wants_plaintext(const struct pl_socket *socket)
{
    return socket->state == PL_SOCKET_OPEN && socket->err == PL_OK && !socket->ended &&
           socket->tls->phase == PHASE_OPEN && socket->reading;
}

/* Reads on from the kernel, or stops. */
static void set_pull(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;
    bool shaking = tls->phase <= PHASE_SHAKING && socket->state == PL_SOCKET_OPEN &&
                   socket->err == PL_OK && !socket->ended;

    if (tls->more || (!shaking && !wants_plaintext(socket))) {
        pl_socket_pull_stop(socket);
    } else {
        int rc = pl_socket_pull(socket);

        if (rc < 0)
            pl_socket_break(socket, rc);
    }
}

/* Nothing more can come of it. */
static void tell_secured(struct pl_socket *socket, int err)
{
    set_phase(socket->tls, PHASE_OVER);
    socket->ended = true;
    if (socket->ops.on_secured != NULL)
        socket->ops.on_secured(socket->ops.self, err, NULL);
}

static void tell_end(struct pl_socket *socket, int err)
{
    if (err < 0)
        set_phase(socket->tls, PHASE_OVER);
    socket->ended = true;
    if (socket->ops.on_end != NULL)
        socket->ops.on_end(socket->ops.self, err);
}

static void fail(struct pl_socket *socket, int err, const char *reason)
{
    socket->tls->reason_weak = reason;
    tell_secured(socket, err);
}

/* Goes on with the handshake. To what is no hello OpenSSL may say nothing, and wait for more. */
static void shake(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;
    int rc = pl_tls_session_handshake(tls->session);
    bool silent = pl_tls_session_out(tls->session).size == 0;

    flush(socket); /* also the alert that tells the peer of a failure */
    if (rc == PL_E_AGAIN && silent && tls->phase == PHASE_HELLO) {
        fail(socket, PL_E_PROTO, "the peer does not speak TLS");
    } else if (rc == PL_E_AGAIN) {
        tls->more = false;
        if (tls->phase == PHASE_HELLO)
            set_phase(tls, PHASE_SHAKING);
    } else if (rc < 0) {
        tell_secured(socket, rc);
    } else {
        set_phase(tls, PHASE_OPEN);
        if (socket->ops.on_secured != NULL)
            socket->ops.on_secured(socket->ops.self, PL_OK, pl_tls_session_alpn(tls->session));
    }
}

static bool stint_is_over(int64_t start_us)
{
    return pl_clock_mono_us() - start_us >= STINT_US;
}

/* Hands over one buffer of plaintext, and the end once all was handed over. A record may bring
 * new keys, which costs much. */
static void deliver(struct pl_socket *socket, int64_t start_us)
{
    struct pl_socket_tls *tls = socket->tls;
    uint8_t *plain = pl_loop_plain_buf(socket->handle.loop_weak);
    size_t size = 0;
    int rc;

    do {
        size_t part_size = 0;

        rc = pl_tls_session_read(tls->session, plain + size, PL_LOOP_READ_SIZE - size, &part_size);
        size += part_size;
    } while (rc == PL_OK && size < PL_LOOP_READ_SIZE && !stint_is_over(start_us));
    if (rc == PL_E_AGAIN)
        tls->more = false;
    flush_answers(socket);
    if (size > 0 && socket->ops.on_read != NULL)
        socket->ops.on_read(socket->ops.self, (struct pl_bytes){plain, size});
    if (rc < 0 && rc != PL_E_AGAIN && wants_plaintext(socket)) /* else it says so again */
        tell_end(socket, rc == PL_E_CLOSED ? PL_OK : rc);
}

static void wait_behind_others(struct pl_socket *socket)
{
    pl_loop_defer(socket->handle.loop_weak, &socket->tls->resume);
}

static void note_greed(struct pl_socket *socket)
{
    socket->tls->greedy_ms = pl_loop_now_ms(socket->handle.loop_weak) + GREEDY_MS;
}

static bool is_greedy(const struct pl_socket *socket)
{
    return pl_loop_now_ms(socket->handle.loop_weak) < socket->tls->greedy_ms;
}

/* A stint is over, perhaps because the machine had other things to do just then. */
static void pause_reading(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;

    if (!tls->more || !wants_plaintext(socket))
        return;
    tls->more = pl_tls_session_has_more(tls->session);
    if (tls->more) {
        note_greed(socket);
        wait_behind_others(socket);
    }
}

/* Goes on with `data` as far as it brings us, or the owner wants, for a while; returns what
 * is left of it. */
static struct pl_bytes advance(struct pl_socket *socket, struct pl_bytes data)
{
    struct pl_socket_tls *tls = socket->tls;
    int64_t start_us = pl_clock_mono_us();

    pl_tls_session_feed(tls->session, data);
    if (tls->phase <= PHASE_SHAKING)
        shake(socket);
    while (tls->more && wants_plaintext(socket)) {
        deliver(socket, start_us);
        if (stint_is_over(start_us)) {
            pause_reading(socket);
            break;
        }
    }
    data = pl_tls_session_unread(tls->session);
    pl_tls_session_feed(tls->session, (struct pl_bytes){0});
    return data;
}

/* A client's hello, or a part of it, is in `kept`. */
static void look_at_hello(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;
    int rc = pl_tls_hello_check((struct pl_bytes){tls->kept.data, tls->kept.size});

    tls->more = rc != PL_E_AGAIN;
    if (rc == PL_OK) {
        pl_loop_defer_long(socket->handle.loop_weak, &tls->resume);
    } else if (rc < 0 && tls->more) {
        tls->reason_weak = "the hello is too long";
        pl_socket_break(socket, rc);
    }
}

static void keep(struct pl_socket *socket, struct pl_bytes data)
{
    struct pl_bytebuf *kept = &socket->tls->kept;

    pl_bytebuf_append(kept, data.data, data.size);
    if (kept->err < 0 && socket->err == PL_OK)
        pl_socket_break(socket, kept->err);
}

void pl_socket_tls_take(struct pl_socket *socket, struct pl_bytes data)
{
    struct pl_socket_tls *tls = socket->tls;

    PL_ASSERT(!tls->more);
    if (data.size == PL_LOOP_READ_SIZE)
        note_greed(socket);
    if (tls->phase == PHASE_HELLO) {
        keep(socket, data);
        if (socket->err == PL_OK)
            look_at_hello(socket);
    } else {
        PL_ASSERT(tls->kept.size == 0);
        tls->more = true;
        if (is_greedy(socket))
            wait_behind_others(socket);
        else
            data = advance(socket, data);
        if (socket->state != PL_SOCKET_OPEN)
            return;
        keep(socket, data);
    }
    set_pull(socket);
}

static void on_resume(struct pl_deferred *deferred)
{
    struct pl_socket_tls *tls = PL_CONTAINER(deferred, struct pl_socket_tls, resume);
    struct pl_socket *socket = tls->socket_weak;
    int rc = tls->session == NULL ? pl_tls_session_new(tls->context, NULL, &tls->session) : PL_OK;
    struct pl_bytes left;

    if (rc < 0) {
        fail(socket, rc, pl_err_text(rc));
        return;
    }
    left = advance(socket, (struct pl_bytes){tls->kept.data, tls->kept.size});
    if (socket->state != PL_SOCKET_OPEN)
        return;
    pl_bytebuf_consume(&tls->kept, tls->kept.size - left.size);
    if (tls->kept.size == 0) {
        pl_bytebuf_done(&tls->kept);
        pl_bytebuf_init(&tls->kept, PL_LOOP_READ_SIZE);
    }
    set_pull(socket);
}

void pl_socket_tls_set_reading(struct pl_socket *socket)
{
    if (socket->tls->more && wants_plaintext(socket))
        wait_behind_others(socket);
    else
        set_pull(socket);
}

void pl_socket_tls_fin(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;

    if (tls->phase == PHASE_HELLO) {
        fail(socket, PL_E_CLOSED, PL_TLS_ENDED_TEXT);
    } else if (tls->phase == PHASE_SHAKING) {
        pl_tls_session_end(tls->session);
        tell_secured(socket, PL_E_CLOSED);
    } else if (tls->phase == PHASE_OPEN && !socket->ended) {
        tell_end(socket, PL_OK);
    }
}

void pl_socket_tls_broken(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;

    if (pl_socket_tls_error(socket)[0] == '\0')
        tls->reason_weak = pl_err_text(socket->err);
    if (tls->phase <= PHASE_SHAKING)
        tell_secured(socket, socket->err);
    else if (tls->phase == PHASE_OPEN)
        tell_end(socket, socket->err);
}

/* --- writing ------------------------------------------------------------- */

void pl_socket_tls_drained(struct pl_socket *socket)
{
    socket->tls->answers_size = 0;
    if (socket->tls->phase == PHASE_OPEN && socket->ops.on_drained != NULL)
        socket->ops.on_drained(socket->ops.self);
}

bool pl_socket_tls_write(struct pl_socket *socket, struct pl_bytes data)
{
    struct pl_socket_tls *tls = socket->tls;

    PL_ASSERT(tls->phase > PHASE_SHAKING);
    while (data.size > 0 && tls->phase == PHASE_OPEN && socket->err == PL_OK) {
        struct pl_bytes part = data;
        int rc;

        if (part.size > PL_TLS_WRITE_SIZE_MAX)
            part.size = PL_TLS_WRITE_SIZE_MAX;
        rc = pl_tls_session_write(tls->session, part);
        if (rc < 0)
            pl_socket_break(socket, rc);
        else
            flush(socket);
        data.data += part.size;
        data.size -= part.size;
    }
    return tls->phase == PHASE_OPEN && socket->err == PL_OK && socket->writes_len == 0;
}

/* --- life ---------------------------------------------------------------- */

void pl_socket_tls_close(struct pl_socket *socket)
{
    struct pl_socket_tls *tls = socket->tls;

    pl_socket_tls_stop(socket);
    if (tls->phase != PHASE_OPEN)
        return;
    pl_tls_session_shut(tls->session);
    flush(socket);
}

void pl_socket_tls_stop(struct pl_socket *socket)
{
    pl_list_remove(&socket->tls->resume.node);
}

/* NULL is fine. */
static void tls_free(struct pl_socket_tls *tls)
{
    if (tls == NULL)
        return;
    pl_tls_session_free(tls->session);
    pl_tls_context_unref(tls->context);
    pl_bytebuf_done(&tls->kept);
    pl_free(tls);
}

void pl_socket_tls_free(struct pl_socket *socket)
{
    tls_free(socket->tls);
    socket->tls = NULL;
}

/* PL_E_NOMEM, PL_E_INVALID, PL_E_LIMIT. */
static int tls_new(struct pl_tls_context *context, const char *server_name, struct pl_bytes first,
                   struct pl_socket_tls **ret_tls)
{
    struct pl_socket_tls *tls = pl_zalloc(sizeof *tls);
    int rc;

    if (tls == NULL)
        return PL_E_NOMEM;
    pl_list_init(&tls->resume.node);
    tls->resume.run = on_resume;
    tls->context = pl_tls_context_ref(context);
    pl_bytebuf_init(&tls->kept, PL_LOOP_READ_SIZE);
    pl_bytebuf_append(&tls->kept, first.data, first.size);
    rc = tls->kept.err;
    if (rc == PL_OK && server_name != NULL)
        rc = pl_tls_session_new(context, server_name, &tls->session);
    if (rc < 0) {
        tls_free(tls);
        return rc;
    }
    *ret_tls = tls;
    return PL_OK;
}

int pl_socket_start_tls(struct pl_socket *socket, struct pl_tls_context *context,
                        const char *server_name, struct pl_bytes first)
{
    int rc;

    PL_ASSERT(pl_loop_on_thread(socket->handle.loop_weak));
    PL_ASSERT(socket->state == PL_SOCKET_OPEN && socket->tls == NULL && socket->writes_len == 0);
    if (socket->ended || socket->err < 0)
        return PL_E_CLOSED;
    rc = tls_new(context, server_name, first, &socket->tls);
    if (rc < 0)
        return rc;
    socket->tls->socket_weak = socket;
    if (server_name == NULL) {
        set_phase(socket->tls, PHASE_HELLO);
        look_at_hello(socket);
    } else { /* who speaks first */
        set_phase(socket->tls, PHASE_SHAKING);
        socket->tls->more = true;
        wait_behind_others(socket);
    }
    set_pull(socket);
    return PL_OK;
}

const char *pl_socket_tls_error(const struct pl_socket *socket)
{
    const struct pl_socket_tls *tls = socket->tls;

    if (tls == NULL)
        return "";
    if (tls->reason_weak != NULL)
        return tls->reason_weak;
    return tls->session != NULL ? pl_tls_session_error(tls->session) : "";
}

struct pl_tls_session *pl_socket_tls_session(struct pl_socket *socket)
{
    return socket->tls->session;
}
