/* test_drivers.c - what drivers of other servers send, and how they read, in whatever
 * pieces it comes. */
#include "core.h"

#include "peers/mqtt.h"
#include "peers/nats.h"
#include "peers/redis.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A literal's bytes, without its NUL. */
#define BYTES(text) (text), sizeof(text) - 1

#define REDIS_PING "*1\r\n$4\r\nPING\r\n"

#define REDIS_SUBSCRIBED                              \
    "*3\r\n$9\r\nsubscribe\r\n$6\r\npb-x-0\r\n:1\r\n" \
    "*3\r\n$9\r\nsubscribe\r\n$6\r\npb-x-1\r\n:2\r\n"

#define NATS_CONNECT                                                       \
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false" \
    ",\"lang\":\"c\",\"version\":\"1\",\"name\":\"parla-bench\"}\r\nPING\r\n"

/* The peers' bytes of one subscriber's life: it is confirmed, then gets two messages. */
static const char redis_life[] =
    "+PONG\r\n" REDIS_SUBSCRIBED "*3\r\n$7\r\nmessage\r\n$6\r\npb-x-0\r\n$5\r\nhello\r\n"
    "*3\r\n$7\r\nmessage\r\n$6\r\npb-x-1\r\n$6\r\na\r\nb\r\n\r\n";

static const char nats_life[] =
    "INFO {\"server_id\":\"X\"}\r\nPONG\r\nPONG\r\nMSG pb-x-0 0 5\r\nhello\r\n"
    "+OK\r\nMSG pb-x-1 1 6\r\na\r\nb\r\n\r\n";

static const char mqtt_life[] = "\x20\x02\x00\x00"
                                "\x90\x04\x00\x01\x00\x00"
                                "\x30\x0d\x00\x06pb-x-0hello"
                                "\x30\x0e\x00\x06pb-x-1a\r\nb\r\n";

static const struct {
    const struct pl_bench_driver *driver;
    const char *life;
    size_t size;
} peers[] = {
    {&pl_peer_redis, BYTES(redis_life)},
    {&pl_peer_nats, BYTES(nats_life)},
    {&pl_peer_mqtt, BYTES(mqtt_life)},
};

enum { PEERS_LEN = sizeof peers / sizeof peers[0] };

static void messages_are_read_in_pieces_of_every_size(void **state)
{
    struct core core;

    (void)state;
    for (size_t i = 0; i < PEERS_LEN; i++) {
        for (size_t piece_size = 1; piece_size <= peers[i].size; piece_size++) {
            assert_int_equal(core_open(&core, peers[i].driver), PL_OK);
            core_subscribe(&core, 0);
            assert_int_equal(core_recv(&core, peers[i].life, peers[i].size, piece_size), PL_OK);
            core_expect_told(&core, "ready\nsubscribed 0\ndelivered 0, channel 0: hello\n"
                                    "delivered 0, channel 1: a\r\nb\r\n\n");
            core_close(&core);
        }
    }
}

/* Two reads, cut at every byte: what is kept of the first is completed by the second. */
static void messages_are_read_when_cut_at_every_byte(void **state)
{
    struct core core;

    (void)state;
    for (size_t i = 0; i < PEERS_LEN; i++) {
        for (size_t cut = 1; cut < peers[i].size; cut++) {
            assert_int_equal(core_open(&core, peers[i].driver), PL_OK);
            core_subscribe(&core, 0);
            assert_int_equal(core_recv(&core, peers[i].life, cut, cut), PL_OK);
            assert_int_equal(core_recv(&core, peers[i].life + cut, peers[i].size - cut, 1024),
                             PL_OK);
            core_expect_told(&core, "ready\nsubscribed 0\ndelivered 0, channel 0: hello\n"
                                    "delivered 0, channel 1: a\r\nb\r\n\n");
            core_close(&core);
        }
    }
}

/* What follows the confirmation comes twice: the second time, the last message is known. */
static void a_message_that_is_known_is_not_read_again(void **state)
{
    struct core core;

    (void)state;
    for (size_t i = 0; i < PEERS_LEN; i++) {
        const struct core_kept *kept = &core.run.kept;

        assert_int_equal(core_open(&core, peers[i].driver), PL_OK);
        core_subscribe(&core, 0);
        assert_int_equal(core_recv(&core, peers[i].life, peers[i].size, 1024), PL_OK);
        pl_bytebuf_clear(&core.run.told);
        assert_true(kept->whole_size > strlen(kept->text));
        assert_memory_equal(kept->whole, peers[i].life + peers[i].size - kept->whole_size,
                            kept->whole_size);
        for (size_t piece_size = 1; piece_size <= kept->whole_size; piece_size++) {
            assert_int_equal(core_recv(&core, kept->whole, kept->whole_size, piece_size), PL_OK);
            core_expect_told(&core, "known 0, channel 1: a\r\nb\r\n\n");
        }
        core_close(&core);
    }
}

/* There, the bytes say which of them it is for. */
static void nats_knows_no_bytes_where_subscribers_share_a_connection(void **state)
{
    struct core core;

    (void)state;
    assert_int_equal(core_open(&core, &pl_peer_nats), PL_OK);
    core_subscribe(&core, 0);
    core_subscribe(&core, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(core_recv(&core, BYTES("MSG pb-x-0 2 1\r\na\r\n"), 1024), PL_OK);
        core_expect_told(&core, "delivered 1, channel 0: a\n");
    }
    core_close(&core);
}

static void redis_asks_as_it_should(void **state)
{
    struct core core;

    (void)state;
    assert_int_equal(core_open(&core, &pl_peer_redis), PL_OK);
    core_expect_sent(&core, BYTES(REDIS_PING));
    core_subscribe(&core, 0);
    core_expect_sent(&core, BYTES("*3\r\n$9\r\nSUBSCRIBE\r\n$6\r\npb-x-0\r\n$6\r\npb-x-1\r\n"));
    core_publish(&core, 1, 0, "hello");
    core_expect_sent(&core, BYTES("*3\r\n$7\r\nPUBLISH\r\n$6\r\npb-x-1\r\n$5\r\nhello\r\n"));
    core_close(&core);
}

/* More than the ring holds at first, which is read from the middle on. */
static void redis_answers_are_those_of_what_was_asked_in_order(void **state)
{
    struct core core;
    struct pl_bytebuf expected;

    (void)state;
    pl_bytebuf_init(&expected, 64 * 1024);
    assert_int_equal(core_open(&core, &pl_peer_redis), PL_OK);
    for (uint32_t i = 0; i < 200; i++) {
        core_publish(&core, i % 2, i, "x");
        if (i % 3 == 0) {
            assert_int_equal(core_recv(&core, BYTES(":17\r\n"), 2), PL_OK);
            pl_bytebuf_printf(&expected, "acknowledged %u %u\n", i / 3 % 2, i / 3);
        }
    }
    core_expect_told(&core, pl_bytebuf_cstr(&expected));
    core_close(&core);
    pl_bytebuf_done(&expected);
}

static void nats_asks_as_it_should(void **state)
{
    struct core core;

    (void)state;
    assert_int_equal(core_open(&core, &pl_peer_nats), PL_OK);
    core_expect_sent(&core, BYTES(NATS_CONNECT));
    core_subscribe(&core, 0);
    core_subscribe(&core, 1);
    core_expect_sent(&core, BYTES("SUB pb-x-0 0\r\nSUB pb-x-1 1\r\nPING\r\n"
                                  "SUB pb-x-0 2\r\nSUB pb-x-1 3\r\nPING\r\n"));
    core_publish(&core, 1, 0, "hello");
    core_expect_sent(&core, BYTES("PUB pb-x-1 5\r\nhello\r\n"));
    core_close(&core);
}

static void nats_subscribers_of_one_connection_are_told_apart(void **state)
{
    struct core core;

    (void)state;
    assert_int_equal(core_open(&core, &pl_peer_nats), PL_OK);
    for (uint32_t i = 0; i < CORE_SUBS_MAX; i++)
        core_subscribe(&core, i);
    assert_int_equal(core_recv(&core,
                               BYTES("PONG\r\nPONG\r\nPONG\r\nMSG pb-x-1 5 1\r\na\r\n"
                                     "MSG pb-x-0 0 1\r\nb\r\n"),
                               1024),
                     PL_OK);
    core_expect_told(&core, "ready\nsubscribed 0\nsubscribed 1\ndelivered 2, channel 1: "
                            "a\ndelivered 0, channel 0: b\n");
    core_close(&core);
}

static void nats_server_that_asks_for_a_sign_gets_one(void **state)
{
    struct core core;

    (void)state;
    assert_int_equal(core_open(&core, &pl_peer_nats), PL_OK);
    core_expect_sent(&core, BYTES(NATS_CONNECT));
    assert_int_equal(core_recv(&core, BYTES("PING\r\n"), 1024), PL_OK);
    core_expect_sent(&core, BYTES("PONG\r\n"));
    core_close(&core);
}

static void mqtt_asks_as_it_should(void **state)
{
    struct core core;

    (void)state;
    assert_int_equal(core_open(&core, &pl_peer_mqtt), PL_OK);
    core_expect_sent(&core, BYTES("\x10\x16\x00\x04MQTT\x04\x02\x00\x00\x00\x0a"
                                  "abcdefgh12"));
    core_subscribe(&core, 0);
    core_expect_sent(&core, BYTES("\x82\x14\x00\x01\x00\x06pb-x-0\x00\x00\x06pb-x-1\x00"));
    core_publish(&core, 1, 0, "hello");
    core_expect_sent(&core, BYTES("\x30\x0d\x00\x06pb-x-1hello"));
    core_close(&core);
}

/* A length of more than one byte (MQTT 3.1.1, section 2.2.3). */
static void mqtt_lengths_have_up_to_four_bytes(void **state)
{
    struct core core;
    char sent[3 + 8 + 200] = "\x30\xd0\x01\x00\x06pb-x-0";
    char told[256] = "delivered 0, channel 0: ";
    char payload[201] = "";

    (void)state;
    memset(payload, 'x', 200);
    memcpy(sent + 11, payload, 200);
    strcat(told, payload);
    strcat(told, "\n");
    assert_int_equal(core_open(&core, &pl_peer_mqtt), PL_OK);
    core_subscribe(&core, 0);
    assert_int_equal(core.driver->flush(core.conn_self, &core.run.told), PL_OK);
    pl_bytebuf_clear(&core.run.told);
    core_publish(&core, 0, 0, payload);
    core_expect_sent(&core, sent, sizeof sent);
    assert_int_equal(core_recv(&core, sent, sizeof sent, 7), PL_OK);
    core_expect_told(&core, told);
    core_close(&core);
}

/* Bytes that a driver refuses, with one subscriber asked for, and what it says. */
static const struct {
    const struct pl_bench_driver *driver;
    const char *bytes;
    size_t size;
    const char *told;
} wrong[] = {
    {&pl_peer_redis, BYTES("-ERR max number of clients reached\r\n"),
     "failed: the server says: ERR max number of clients reached\n"},
    {&pl_peer_redis, BYTES(":1\r\n"), "failed: the server sent an answer to nothing\n"},
    {&pl_peer_redis, BYTES("?\r\n"), "failed: the server sent an answer of an unknown kind\n"},
    {&pl_peer_redis, BYTES("\r\n"), "failed: the server sent an answer of an unknown kind\n"},
    {&pl_peer_redis, BYTES("*3\r\n$x\r\n"),
     "failed: the server sent an array that is no message\n"},
    {&pl_peer_redis, BYTES("*3\r\n$\r\n"), "failed: the server sent an array that is no message\n"},
    {&pl_peer_redis, BYTES("*3\r\n$99999999999\r\n"),
     "failed: the server sent an array that is no message\n"},
    {&pl_peer_redis, BYTES("*3\r\n$1\r\nabcd"),
     "failed: the server sent a string without its end\n"},
    {&pl_peer_redis, BYTES("*3\r\n$4\r\nwhat\r\n$1\r\na\r\n:1\r\n"),
     "failed: the server sent a message of an unknown kind\n"},
    {&pl_peer_redis, BYTES(REDIS_SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$6\r\npb-x-1\r\n:2\r\n"),
     "subscribed 0\nfailed: the server sent a confirmation of nothing\n"},
    {&pl_peer_redis, BYTES("*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$1\r\na\r\n"),
     "failed: the server sent a message of a channel that nobody asked for\n"},
    {&pl_peer_nats, BYTES("-ERR 'Slow Consumer'\r\n"),
     "failed: the server says: 'Slow Consumer'\n"},
    {&pl_peer_nats, BYTES("HELLO\r\n"), "failed: the server sent a line of an unknown kind\n"},
    {&pl_peer_nats, BYTES("PONG\r\nPONG\r\nPONG\r\n"),
     "ready\nsubscribed 0\nfailed: the server sent an answer to nothing\n"},
    {&pl_peer_nats, BYTES("MSG \r\n"), "failed: the server sent a message that cannot be read\n"},
    {&pl_peer_nats, BYTES("MSG pb-x-0 0\r\n"),
     "failed: the server sent a message that cannot be read\n"},
    {&pl_peer_nats, BYTES("MSG pb-x-0 2 1\r\na\r\n"),
     "failed: the server sent a message that cannot be read\n"},
    {&pl_peer_nats, BYTES("MSG pb-x-0 0 99999999999\r\n"),
     "failed: the server sent a message that cannot be read\n"},
    {&pl_peer_nats, BYTES("MSG pb-x-0 0 1\r\nabc"),
     "failed: the server sent a message without its end\n"},
    {&pl_peer_mqtt, BYTES("\x20\x02\x00\x05"), "failed: the server refuses: CONNACK 5\n"},
    {&pl_peer_mqtt, BYTES("\x20\x01\x00"),
     "failed: the server sent a CONNACK that cannot be read\n"},
    {&pl_peer_mqtt, BYTES("\x90\x03\x00\x01\x00"),
     "failed: the server sent a SUBACK that cannot be read\n"},
    {&pl_peer_mqtt, BYTES("\x90\x04\x00\x01\x00\x80"),
     "failed: the server sent a SUBACK that refuses\n"},
    {&pl_peer_mqtt, BYTES("\x30\x01\x00"),
     "failed: the server sent a message that cannot be read\n"},
    {&pl_peer_mqtt, BYTES("\x30\x03\x00\x02x"),
     "failed: the server sent a message that cannot be read\n"},
    {&pl_peer_mqtt, BYTES("\x30\x04\x00\x01xy"),
     "failed: the server sent a message of a topic that nobody asked for\n"},
    {&pl_peer_mqtt, BYTES("\x32\x00"), "failed: the server sent a packet of an unknown kind\n"},
    {&pl_peer_mqtt, BYTES("\x30\xff\xff\xff\xff\x01"),
     "failed: the server sent a packet that is too long\n"},
    {&pl_peer_mqtt, BYTES("\x30\xff\xff\x7f"),
     "failed: the server sent a packet that is too long\n"},
};

static void what_a_server_should_not_send_is_said(void **state)
{
    struct core core;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        for (size_t piece_size = 1; piece_size <= wrong[i].size; piece_size++) {
            assert_int_equal(core_open(&core, wrong[i].driver), PL_OK);
            core_subscribe(&core, 0);
            assert_true(core_recv(&core, wrong[i].bytes, wrong[i].size, piece_size) < 0);
            core_expect_told(&core, wrong[i].told);
            core_close(&core);
        }
    }
}

static void lines_without_an_end_are_not_kept_for_ever(void **state)
{
    static const char line[1024];
    struct core core;
    int rc;

    (void)state;
    for (size_t i = 0; i < PEERS_LEN; i++) {
        size_t taken = 0;

        assert_int_equal(core_open(&core, peers[i].driver), PL_OK);
        do {
            rc = core_recv(&core, line, sizeof line, sizeof line);
            taken += sizeof line;
        } while (rc == PL_OK);
        assert_true(rc == PL_E_LIMIT || rc == PL_E_PROTO);
        assert_true(taken <= 128 * 1024);
        core_close(&core);
    }
}

/* What fails is told, and nothing leaks. */
static void want_of_memory_is_said(void **state)
{
    struct core core;

    (void)state;
    for (size_t i = 0; i < PEERS_LEN; i++) {
        bool failed = true;

        for (uint64_t nth = 1; failed; nth++) {
            int rc;

            pl_mem_fail_at(nth);
            rc = core_open(&core, peers[i].driver);
            if (rc == PL_OK)
                rc = core.driver->subscribe(core.conn_self, &core.subs[0]);
            if (rc == PL_OK)
                rc = core.driver->publish(core.conn_self,
                                          &(struct pl_bench_send){.payload = pl_bytes_str("x")});
            if (rc == PL_OK)
                rc = core_recv(&core, peers[i].life, peers[i].size - 1, 1024);
            failed = pl_mem_failed() != 0;
            pl_mem_fail_at(0);
            /* The core's own notes are none of the driver's. */
            if (!failed)
                assert_int_equal(rc, PL_OK);
            core_close(&core);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_read_in_pieces_of_every_size),
        cmocka_unit_test(messages_are_read_when_cut_at_every_byte),
        cmocka_unit_test(a_message_that_is_known_is_not_read_again),
        cmocka_unit_test(nats_knows_no_bytes_where_subscribers_share_a_connection),
        cmocka_unit_test(redis_asks_as_it_should),
        cmocka_unit_test(redis_answers_are_those_of_what_was_asked_in_order),
        cmocka_unit_test(nats_asks_as_it_should),
        cmocka_unit_test(nats_subscribers_of_one_connection_are_told_apart),
        cmocka_unit_test(nats_server_that_asks_for_a_sign_gets_one),
        cmocka_unit_test(mqtt_asks_as_it_should),
        cmocka_unit_test(mqtt_lengths_have_up_to_four_bytes),
        cmocka_unit_test(what_a_server_should_not_send_is_said),
        cmocka_unit_test(lines_without_an_end_are_not_kept_for_ever),
        cmocka_unit_test(want_of_memory_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
