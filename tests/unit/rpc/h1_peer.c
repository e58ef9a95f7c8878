/* h1_peer.c - a server with a health service and one connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h1_peer.h"

#include "base/err.h"

#include <string.h>

static void on_want_send(void *self, struct pl_rpc_conn *conn)
{
    struct fixture *f = self;

    (void)conn;
    f->wants++;
}

void peer_connect(struct fixture *f, enum pl_rpc_http_version version)
{
    pl_rpc_conn_free(f->conn);
    f->conn = NULL;
    assert_int_equal(pl_rpc_conn_new(f->host, version, f->now_ms, &f->conn), PL_OK);
    f->rc = PL_OK;
    f->out_size = 0;
    f->out[0] = 0;
}

int peer_setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    struct pl_rpc_host_ops ops = {.self = f, .on_want_send = on_want_send};

    f->now_ms = 1000;
    f->limits = (struct pl_rpc_limits)PL_RPC_LIMITS_DEFAULT;
    assert_int_equal(pl_rpc_host_new(&ops, &f->host), PL_OK);
    assert_int_equal(pl_rpc_host_add(f->host, &kinds_service, &f->seen), PL_OK);
    assert_int_equal(pl_rpc_health_new(f->host, &f->health), PL_OK);
    assert_int_equal(pl_rpc_health_set(f->health, "", true), PL_OK);
    peer_connect(f, PL_RPC_HTTP_ANY);
    *state = f;
    return 0;
}

int peer_teardown(void **state)
{
    struct fixture *f = *state;

    pl_rpc_conn_free(f->conn);
    assert_int_equal(f->seen.opened, f->seen.closed);
    pl_rpc_host_free(f->host);
    pl_rpc_health_free(f->health);
    test_free(f);
    return 0;
}

void peer_give(struct fixture *f, const char *text)
{
    f->rc = pl_rpc_conn_recv(f->conn, pl_bytes_str(text), f->now_ms);
}

const char *peer_take_by(struct fixture *f, size_t part)
{
    ssize_t size;

    f->out_size = 0;
    while ((size = pl_rpc_conn_fill(f->conn, (uint8_t *)f->out + f->out_size, part)) > 0) {
        f->out_size += (size_t)size;
        assert_true(f->out_size + part < sizeof f->out);
    }
    f->out[f->out_size] = 0;
    return f->out;
}

const char *peer_take(struct fixture *f)
{
    return peer_take_by(f, 4096);
}

void assert_starts(const char *text, const char *start)
{
    assert_memory_equal(text, start, strlen(start));
}

bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

void peer_finish(struct fixture *f)
{
    kinds_finish(f->host, &f->seen, PL_CODE_ABORTED, "x");
}
