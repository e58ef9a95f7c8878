/* test_channel_tls.c - channels over TLS, and what is said where that fails. */
#include "bench.h"

#include "../net/certs.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "transport/port.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct certs certs;

static int make_certs(void **state)
{
    (void)state;
    certs_init(&certs);
    return 0;
}

static int remove_certs(void **state)
{
    (void)state;
    certs_done(&certs);
    return 0;
}

/* A channel that trusts `ca`, to a server with the certificate `name` (NULL: it does
 * not speak TLS). */
static struct bench *make(const char *ca, const char *name)
{
    struct bench *bench = pl_zalloc(sizeof *bench);

    bench_init(bench, true);
    bench->config.target.tls = true;
    bench->config.tls = certs_client(&certs, ca, NULL);
    if (name != NULL)
        bench->server_tls = certs_server(&certs, name, NULL);
    return bench;
}

static void unmake(struct bench *bench)
{
    bench_done(bench);
    pl_tls_context_unref(bench->config.tls);
    pl_tls_context_unref(bench->server_tls);
    pl_free(bench);
}

static void answer(struct peer *peer, int32_t stream_id)
{
    peer_answer(peer, stream_id);
}

static void stop_when_first_closed(struct bench *bench)
{
    if (bench_all_closed(bench, 1))
        bench_stop(bench);
}

static void a_call_goes_over_tls(void **state)
{
    struct bench *bench = make("ca.crt", "server");

    (void)state;
    bench->on_request = answer;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_true(raw_has_field(&bench->peers[0]->raw, 1, ":scheme: https"));
    unmake(bench);
}

static void another_name_may_be_verified(void **state)
{
    struct bench *bench = make("ca.crt", "elsewhere");

    (void)state;
    bench->config.server_name = "elsewhere.test";
    bench->on_request = answer;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    unmake(bench);
}

static void what_is_wrong_with_tls_is_said(void **state)
{
    static const struct {
        const char *ca;
        const char *name;
        const char *why;
    } cases[] = {
        {"ca.crt", "strange", "certificate verify failed"},
        {"ca.crt", "elsewhere", "IP address mismatch"},
        {"ca.crt", "expired", "certificate has expired"},
        {"ca.crt", NULL, "does not speak TLS"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench *bench = make(cases[i].ca, cases[i].name);

        bench->on_turn = stop_when_first_closed;
        bench_open(bench);
        bench_call(bench, 0, NULL);
        bench_run(bench);
        assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
        assert_true(pl_channel_was_answered(bench->channel));
        if (strstr(bench->callers[0].text, cases[i].why) == NULL)
            fail_msg("'%s' does not tell '%s'", bench->callers[0].text, cases[i].why);
        unmake(bench);
    }
}

static void stop_in_handshake(struct bench *bench)
{
    if (bench->channel->conn->state == PL_CHANNEL_CONN_SECURING)
        bench_stop(bench);
}

static void say_nothing(struct peer *peer)
{
    (void)peer;
}

static void a_channel_may_be_freed_in_the_handshake(void **state)
{
    struct bench *bench = make("ca.crt", NULL);

    (void)state;
    bench->on_accept = say_nothing;
    bench->on_turn = stop_in_handshake;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    pl_channel_free(bench->channel);
    bench->channel = NULL;
    assert_int_equal(bench->callers[0].closed, 1);
    assert_int_equal(bench->callers[0].code, PL_CODE_CANCELLED);
    unmake(bench);
}

/* A real port with TLS, and a client that does not know of it. */
struct served {
    struct bench bench;
    struct pl_rpc_host *host;
    struct pl_port *port;
};

static void flush_port(struct bench *bench)
{
    struct served *served = PL_CONTAINER(bench, struct served, bench);

    while (pl_port_flush(served->port)) {
    }
    stop_when_first_closed(bench);
}

static void a_port_with_tls_tells_a_plain_client(void **state)
{
    struct served *served = pl_zalloc(sizeof *served);
    struct bench *bench = &served->bench;
    struct pl_port_config config = {.limits = PL_PORT_LIMITS_DEFAULT};
    struct pl_address any = {.host = "127.0.0.1"};
    struct pl_bound *bound;

    (void)state;
    bench_init(bench, false);
    config.tls = certs_server(&certs, "server", NULL);
    assert_int_equal(pl_rpc_host_new(&pl_port_host_ops, &served->host), PL_OK);
    assert_int_equal(pl_port_new(bench->loop, served->host, &config, &served->port), PL_OK);
    assert_int_equal(pl_bound_open(&any, &bound), PL_OK);
    assert_int_equal(pl_port_listen(served->port, bound), PL_OK);
    bench->config.target.address = *pl_bound_address(bound);
    bench->on_turn = flush_port;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_FAILED_PRECONDITION);
    assert_non_null(strstr(bench->callers[0].text, "this port speaks TLS: use grpcs://"));

    pl_port_free(served->port);
    pl_bound_close(bound);
    bench_done(bench);
    pl_rpc_host_free(served->host);
    pl_tls_context_unref(config.tls);
    pl_free(served);
}

static void a_call_over_tls_ends_once_whatever_memory_is_short_for(void **state)
{
    static const struct pl_channel_call_options options = {
        .repeatable = true, .wait_for_ready = true, .timeout_ms = 5000};

    (void)state;
    for (uint64_t nth = 1;; nth += 1 + nth / 50) {
        struct bench *bench = make("ca.crt", "server");
        bool failed;

        bench->config.retry_base_ms = 1;
        bench->config.backoff_base_ms = 1;
        bench->on_request = answer;
        bench->on_turn = stop_when_first_closed;
        bench_open(bench);
        bench_call(bench, 0, &options);
        pl_mem_fail_at(nth);
        bench_run(bench);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(bench->callers[0].closed, 1);
        if (!failed)
            assert_int_equal(bench->callers[0].code, PL_CODE_OK);
        unmake(bench);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_goes_over_tls),
        cmocka_unit_test(another_name_may_be_verified),
        cmocka_unit_test(what_is_wrong_with_tls_is_said),
        cmocka_unit_test(a_channel_may_be_freed_in_the_handshake),
        cmocka_unit_test(a_port_with_tls_tells_a_plain_client),
        cmocka_unit_test(a_call_over_tls_ends_once_whatever_memory_is_short_for),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, make_certs, remove_certs);
}
