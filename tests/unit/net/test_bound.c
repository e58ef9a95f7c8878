/* test_bound.c - addresses: as text, taken, in use, shared between listeners. */
#include "net/tcp.h"

#include "base/err.h"
#include "base/mem.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void parse_ok(const char *text, const char *host, uint16_t port)
{
    struct pl_address address;
    char again[300];

    assert_int_equal(pl_address_parse(text, &address), PL_OK);
    assert_string_equal(address.host, host);
    assert_int_equal(address.port, port);
    pl_address_format(&address, again, sizeof again);
    assert_string_equal(again, text);
}

static void addresses_are_read_and_written(void **state)
{
    (void)state;
    parse_ok("127.0.0.1:50051", "127.0.0.1", 50051);
    parse_ok("0.0.0.0:0", "0.0.0.0", 0);
    parse_ok("[::1]:65535", "::1", 65535);
    parse_ok("[::]:1", "::", 1);
    parse_ok("[2001:db8::17]:443", "2001:db8::17", 443);
    parse_ok("localhost:80", "localhost", 80);
    parse_ok("Chat-1.example_x.org:80", "Chat-1.example_x.org", 80);
}

static void a_host_may_be_255_bytes_long(void **state)
{
    char text[300];
    struct pl_address address;

    (void)state;
    memset(text, 'a', 255);
    strcpy(text + 255, ":1");
    assert_int_equal(pl_address_parse(text, &address), PL_OK);
    assert_int_equal(strlen(address.host), 255);
    memset(text, 'a', 256);
    strcpy(text + 256, ":1");
    assert_int_equal(pl_address_parse(text, &address), PL_E_INVALID);
}

static void malformed_addresses_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        ":",
        ":80",
        "host",
        "host:",
        "host:x",
        "host:8x",
        "host:-1",
        "host:+1",
        "host: 1",
        "host:65536",
        "host:99999",
        "host:100000",
        "host:1:2",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1]:",
        "[]:80",
        "[host]:80",
        "[1.2.3.4]:80",
        "[::1:80",
        "ho st:80",
        "host\n:80",
        "h\xc3\xb6st:80",
        "[::g]:80",
        "::1",
        "host/x:80",
        "user@host:80",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pl_address address = {.port = 7};

        assert_int_equal(pl_address_parse(bad[i], &address), PL_E_INVALID);
        assert_int_equal(address.port, 7); /* untouched */
    }
}

static struct pl_bound *take(const char *host, uint16_t port)
{
    struct pl_address address = {.port = port};
    struct pl_bound *bound = NULL;

    strcpy(address.host, host);
    assert_int_equal(pl_bound_open(&address, &bound), PL_OK);
    return bound;
}

static int try_to_take(const char *host, uint16_t port)
{
    struct pl_address address = {.port = port};
    struct pl_bound *bound = NULL;
    int rc;

    strcpy(address.host, host);
    rc = pl_bound_open(&address, &bound);
    if (rc < 0)
        assert_null(bound);
    pl_bound_close(bound);
    return rc;
}

static uint16_t port_of(const struct pl_bound *bound)
{
    return pl_bound_address(bound)->port;
}

static void port_0_takes_a_free_one(void **state)
{
    struct pl_bound *a = take("127.0.0.1", 0), *b = take("127.0.0.1", 0);

    (void)state;
    assert_true(port_of(a) > 0);
    assert_true(port_of(b) > 0);
    assert_int_not_equal(port_of(a), port_of(b));
    assert_string_equal(pl_bound_address(a)->host, "127.0.0.1");
    pl_bound_close(a);
    pl_bound_close(b);
}

static void a_name_can_be_bound(void **state)
{
    struct pl_bound *bound = take("localhost", 0);

    (void)state;
    assert_true(port_of(bound) > 0);
    /* the IPv4 address comes first */
    assert_int_equal(try_to_take("127.0.0.1", port_of(bound)), PL_E_BUSY);
    pl_bound_close(bound);
}

static void an_address_held_is_in_use_even_before_anyone_listens(void **state)
{
    struct pl_bound *bound = take("127.0.0.1", 0);

    (void)state;
    assert_int_equal(try_to_take("127.0.0.1", port_of(bound)), PL_E_BUSY);
    assert_int_equal(try_to_take("0.0.0.0", port_of(bound)), PL_E_BUSY);
    pl_bound_close(bound);
}

static void foreign_addresses_are_not_usable(void **state)
{
    char name[101] = {0};

    (void)state;
    assert_int_equal(try_to_take("192.0.2.1", 0), PL_E_ADDRESS); /* RFC 5737: nobody's */
    memset(name, 'x', 100);                                      /* a label that no name may have */
    assert_int_equal(try_to_take(name, 0), PL_E_ADDRESS);
}

static int plain_socket(bool reuse_addr, bool reuse_port)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (reuse_addr)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    if (reuse_port)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET};

    addr.sin_port = htons(port);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return addr;
}

/* Another program's listener. */
static int listen_plainly(bool reuse_addr, bool reuse_port, uint16_t *ret_port)
{
    struct sockaddr_in addr = loopback(0);
    socklen_t size = sizeof addr;
    int fd = plain_socket(reuse_addr, reuse_port);

    assert_int_equal(bind(fd, (struct sockaddr *)&addr, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &size), 0);
    *ret_port = ntohs(addr.sin_port);
    return fd;
}

static void another_programs_listener_is_found_whatever_its_options(void **state)
{
    (void)state;
    for (int options = 0; options < 4; options++) {
        uint16_t port;
        int fd = listen_plainly((options & 1) != 0, (options & 2) != 0, &port);

        assert_int_equal(try_to_take("127.0.0.1", port), PL_E_BUSY);
        assert_int_equal(try_to_take("0.0.0.0", port), PL_E_BUSY);
        close(fd);
        assert_int_equal(try_to_take("127.0.0.1", port), PL_OK);
    }
}

/* Leaves the server's side of a connection in TIME_WAIT: it closes first. */
static void leave_time_wait(int listener, uint16_t port)
{
    struct sockaddr_in addr = loopback(port);
    int client = plain_socket(false, false), server;
    char byte;

    assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
    server = accept(listener, NULL, NULL);
    assert_true(server >= 0);
    close(server);
    assert_int_equal(read(client, &byte, 1), 0);
    close(client);
}

static void time_wait_left_by_a_stopped_server_is_overlooked(void **state)
{
    struct pl_bound *first, *second;
    uint16_t port;
    int fd = listen_plainly(true, false, &port);

    (void)state;
    leave_time_wait(fd, port);
    close(fd);
    first = take("127.0.0.1", port);
    /* which makes it ours alone, as ever */
    assert_int_equal(try_to_take("127.0.0.1", port), PL_E_BUSY);
    pl_bound_close(first);
    second = take("127.0.0.1", port);
    pl_bound_close(second);
}

/* --- listeners ----------------------------------------------------------- */

struct accepts {
    struct pl_loop *loop;
    int len[2];
    int wanted_len;
};

static void count(struct accepts *accepts, int which, struct pl_socket *socket)
{
    accepts->len[which]++;
    pl_socket_abort(socket); /* first: so it is we who have the TIME_WAIT */
    if (accepts->len[0] + accepts->len[1] == accepts->wanted_len)
        pl_loop_stop(accepts->loop);
}

static void on_accept_first(void *self, struct pl_socket *socket)
{
    count(self, 0, socket);
}

static void on_accept_second(void *self, struct pl_socket *socket)
{
    count(self, 1, socket);
}

static struct pl_loop *new_loop(void)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct pl_loop *loop = NULL;

    assert_int_equal(pl_loop_new(&ops, 1, &loop), PL_OK);
    return loop;
}

static void listeners_share_what_comes_and_outlive_the_bound(void **state)
{
    enum { CLIENTS_LEN = 128 };
    struct accepts accepts = {.loop = new_loop(), .wanted_len = CLIENTS_LEN};
    struct pl_bound *bound = take("127.0.0.1", 0);
    struct sockaddr_in addr = loopback(port_of(bound));
    struct pl_listener *first, *second;
    int clients[CLIENTS_LEN];

    (void)state;
    assert_int_equal(pl_listener_new(accepts.loop, bound, on_accept_first, &accepts, &first),
                     PL_OK);
    assert_int_equal(pl_listener_new(accepts.loop, bound, on_accept_second, &accepts, &second),
                     PL_OK);
    pl_bound_close(bound);
    assert_int_equal(try_to_take("127.0.0.1", ntohs(addr.sin_port)), PL_E_BUSY);
    for (int i = 0; i < CLIENTS_LEN; i++) {
        clients[i] = plain_socket(false, false);
        assert_int_equal(connect(clients[i], (struct sockaddr *)&addr, sizeof addr), 0);
    }
    pl_loop_run(accepts.loop);
    assert_true(accepts.len[0] > 0);
    assert_true(accepts.len[1] > 0);
    for (int i = 0; i < CLIENTS_LEN; i++)
        close(clients[i]);
    pl_loop_free(accepts.loop);
    assert_int_equal(try_to_take("127.0.0.1", ntohs(addr.sin_port)), PL_OK);
}

static void a_restart_right_after_a_stop_works(void **state)
{
    struct pl_bound *bound = take("127.0.0.1", 0);
    uint16_t port = port_of(bound);

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct accepts accepts = {.loop = new_loop(), .wanted_len = 1};
        struct sockaddr_in addr = loopback(port);
        struct pl_listener *listener;
        int client = plain_socket(false, false);
        char byte;

        assert_int_equal(pl_listener_new(accepts.loop, bound, on_accept_first, &accepts, &listener),
                         PL_OK);
        assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof addr), 0);
        pl_loop_run(accepts.loop);
        assert_int_equal(read(client, &byte, 1), 0);
        pl_listener_free(listener); /* after the run is fine too */
        pl_loop_free(accepts.loop);
        pl_bound_close(bound);
        close(client);
        bound = take("127.0.0.1", port);
    }
    pl_bound_close(bound);
}

/* --- want of memory ------------------------------------------------------ */

static void opening_survives_each_failing_allocation(void **state)
{
    struct pl_address address = {.host = "127.0.0.1"};

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct pl_bound *bound = NULL;
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_bound_open(&address, &bound);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(rc, PL_OK);
            pl_bound_close(bound);
            return;
        }
        assert_int_equal(rc, PL_E_NOMEM);
        assert_null(bound);
    }
}

static void listening_survives_each_failing_allocation(void **state)
{
    struct accepts accepts = {.loop = new_loop()};
    struct pl_bound *bound = take("127.0.0.1", 0);
    struct pl_listener *listener = NULL;

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_listener_new(accepts.loop, bound, on_accept_first, &accepts, &listener);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(rc, PL_OK);
            break;
        }
        assert_int_equal(rc, PL_E_NOMEM);
        assert_null(listener);
    }
    pl_listener_free(listener);
    pl_loop_free(accepts.loop);
    pl_bound_close(bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read_and_written),
        cmocka_unit_test(a_host_may_be_255_bytes_long),
        cmocka_unit_test(malformed_addresses_are_refused),
        cmocka_unit_test(port_0_takes_a_free_one),
        cmocka_unit_test(a_name_can_be_bound),
        cmocka_unit_test(an_address_held_is_in_use_even_before_anyone_listens),
        cmocka_unit_test(foreign_addresses_are_not_usable),
        cmocka_unit_test(another_programs_listener_is_found_whatever_its_options),
        cmocka_unit_test(time_wait_left_by_a_stopped_server_is_overlooked),
        cmocka_unit_test(listeners_share_what_comes_and_outlive_the_bound),
        cmocka_unit_test(a_restart_right_after_a_stop_works),
        cmocka_unit_test(opening_survives_each_failing_allocation),
        cmocka_unit_test(listening_survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
