/* test_live_session.c - one for all streams of a session, for as long as there is one. */
#include "server/live_session.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW_MS = 5000 };

static struct pl_hash token(const char *text)
{
    return pl_hash_of(pl_bytes_str(text));
}

static void streams_of_a_session_share_one(void **state)
{
    struct pl_live_sessions sessions;
    struct pl_hash ana = token("ana"), bo = token("bo");
    struct pl_live_session *first, *second, *other;

    (void)state;
    pl_live_sessions_init(&sessions);
    first = pl_live_session_ref(&sessions, &ana, NOW_MS);
    second = pl_live_session_ref(&sessions, &ana, NOW_MS + 1);
    other = pl_live_session_ref(&sessions, &bo, NOW_MS + 2);
    assert_non_null(first);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    assert_int_equal(first->touched_ms, NOW_MS);
    assert_memory_equal(&other->token_hash, &bo, sizeof bo);

    pl_live_session_unref(&sessions, first);
    assert_ptr_equal(pl_live_session_ref(&sessions, &ana, NOW_MS + 3), second);
    pl_live_session_unref(&sessions, second);
    pl_live_session_unref(&sessions, second);
    pl_live_session_unref(&sessions, other);
    pl_live_sessions_done(&sessions);
}

static void it_goes_with_the_last_stream(void **state)
{
    struct pl_live_sessions sessions;
    struct pl_hash ana = token("ana");
    struct pl_live_session *session;

    (void)state;
    pl_live_sessions_init(&sessions);
    session = pl_live_session_ref(&sessions, &ana, NOW_MS);
    assert_non_null(session);
    pl_live_session_unref(&sessions, session);
    assert_null(pl_live_session_next(&sessions, NULL));

    session = pl_live_session_ref(&sessions, &ana, 2 * NOW_MS);
    assert_non_null(session);
    assert_int_equal(session->touched_ms, 2 * NOW_MS);
    pl_live_session_unref(&sessions, session);
    pl_live_sessions_done(&sessions);
}

static void a_walk_comes_by_each_once(void **state)
{
    struct pl_live_sessions sessions;
    struct pl_live_session *made[40], *session = NULL;
    size_t len = 0;

    (void)state;
    pl_live_sessions_init(&sessions);
    for (size_t i = 0; i < 40; i++) {
        struct pl_hash hash = pl_hash_of((struct pl_bytes){(const uint8_t *)&i, sizeof i});

        made[i] = pl_live_session_ref(&sessions, &hash, NOW_MS);
        assert_non_null(made[i]);
    }
    while ((session = pl_live_session_next(&sessions, session)) != NULL) {
        assert_int_equal(session->touched_ms, NOW_MS);
        session->touched_ms = 0; /* seen */
        len++;
    }
    assert_int_equal(len, 40);
    for (size_t i = 0; i < 40; i++)
        pl_live_session_unref(&sessions, made[i]);
    pl_live_sessions_done(&sessions);
}

static void without_memory_there_is_none(void **state)
{
    struct pl_live_sessions sessions;
    struct pl_hash ana = token("ana");
    struct pl_live_session *session;

    (void)state;
    pl_live_sessions_init(&sessions);
    pl_mem_fail_at(1);
    assert_null(pl_live_session_ref(&sessions, &ana, NOW_MS));
    assert_true(pl_mem_failed());
    session = pl_live_session_ref(&sessions, &ana, NOW_MS);
    assert_non_null(session);
    pl_live_session_unref(&sessions, session);
    pl_live_sessions_done(&sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_a_session_share_one),
        cmocka_unit_test(it_goes_with_the_last_stream),
        cmocka_unit_test(a_walk_comes_by_each_once),
        cmocka_unit_test(without_memory_there_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
