/*
 * reader_pool.c - one mailbox a thread, dealt in turn; a stream has at most one
 * page under way, so its pages keep their order.
 *
 * Pages are dealt by the place where they begin: so one thread gets all requests for
 * the same page, reads it for the first, and has it for the others.
 */
#include "server/reader_pool.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "net/thread.h"
#include "server/query.h"
#include "wire/frame.h"

#include <stdatomic.h>
#include <stdio.h>

enum { READER_INBOX_LEN_MAX = 65536 };

struct reader_thread {
    struct pl_reader_pool *pool_weak;
    struct pl_mailbox *inbox;
    struct pl_thread *thread;
    struct pl_reader reader;
    struct pl_page_cache *pages;
    struct pl_wire_framer framer;
};

struct pl_reader_pool {
    struct pl_reader_pool_config config;
    atomic_uint next;
    uint32_t len;
    struct reader_thread threads[];
};

/* Tells the engine that the caller's session is in use. If that fails, the next
 * call tells it. */
static void touch(struct pl_reader_pool *pool, const struct pl_errand *errand)
{
    struct pl_errand *touching = pl_errand_new(PL_ERRAND_COMMAND, errand->loop, 0);

    if (touching == NULL)
        return;
    touching->silent = true;
    touching->command.kind = PL_COMMAND_TOUCH_SESSION;
    touching->command.token_hash = errand->query.token_hash;
    pool->config.on_answer(pool->config.self, touching);
}

static bool answer(struct reader_thread *thread, struct pl_query_context *context,
                   struct pl_errand *errand)
{
    const struct pl_age_clock *age = thread->pool_weak->config.age;
    int64_t start_us = pl_clock_thread_us();
    bool in_use = pl_query_answer(context, errand, pl_clock_wall_ms(),
                                  pl_age_clock_ms(age, pl_clock_steady_ms()));

    errand->work_us = pl_clock_thread_us() - start_us;
    return in_use;
}

static void thread_main(void *self)
{
    struct reader_thread *thread = self;
    struct pl_reader_pool *pool = thread->pool_weak;
    struct pl_query_context context = {
        .reader = thread->reader,
        .framer = pl_wire_framer_iface(&thread->framer),
        .pages_weak = thread->pages,
        .session_idle_ms = pool->config.session_idle_ms,
    };
    struct pl_list letters;

    for (;;) {
        pl_list_init(&letters);
        if (pl_mailbox_wait(thread->inbox, -1, &letters) == 0) {
            if (pl_mailbox_closed(thread->inbox))
                return;
            continue;
        }
        PL_LIST_EACH (node, &letters) {
            struct pl_letter *letter = PL_CONTAINER(node, struct pl_letter, node);
            struct pl_msg *msg = PL_CONTAINER(letter, struct pl_msg, letter);
            struct pl_errand *errand = PL_CONTAINER(msg, struct pl_errand, msg);

            pl_list_remove(node);
            if (answer(thread, &context, errand))
                touch(pool, errand);
            pool->config.on_answer(pool->config.self, errand);
        }
    }
}

static int thread_start(struct pl_reader_pool *pool, struct reader_thread *thread, uint32_t number,
                        struct pl_store_problem *problem)
{
    char name[24];
    int rc;

    thread->pool_weak = pool;
    thread->framer.log = pool->config.log;
    rc = pl_sqlite_reader_open(pool->config.store, &thread->reader, problem);
    if (rc < 0)
        return rc;
    rc = pl_page_cache_new(pool->config.pages_size_max, &thread->pages);
    if (rc < 0)
        return rc;
    rc = pl_mailbox_new(READER_INBOX_LEN_MAX, NULL, NULL, &thread->inbox);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof name, "reader-%u", number);
    return pl_thread_start(name, thread_main, thread, &thread->thread);
}

int pl_reader_pool_start(const struct pl_reader_pool_config *config,
                         struct pl_reader_pool **ret_pool, struct pl_store_problem *problem)
{
    struct pl_reader_pool *pool =
        pl_zalloc(sizeof *pool + config->threads * sizeof pool->threads[0]);

    if (pool == NULL)
        return PL_E_NOMEM;
    pool->config = *config;
    atomic_init(&pool->next, 0);
    for (pool->len = 0; pool->len < config->threads; pool->len++) {
        int rc = thread_start(pool, &pool->threads[pool->len], pool->len, problem);

        if (rc < 0) {
            pool->len++; /* the half-started one too */
            pl_reader_pool_stop(pool);
            return rc;
        }
    }
    pool->config.store = NULL;
    *ret_pool = pool;
    return PL_OK;
}

int pl_reader_pool_post(struct pl_reader_pool *pool, struct pl_errand *errand)
{
    uint64_t turn;

    if (errand->query.kind == PL_QUERY_READ_PAGE)
        turn = pl_hash_u64(errand->query.u.page.after);
    else
        turn = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
    return pl_mailbox_post(pool->threads[turn % pool->len].inbox, &errand->msg.letter);
}

void pl_reader_pool_stop(struct pl_reader_pool *pool)
{
    if (pool == NULL)
        return;
    for (uint32_t i = 0; i < pool->len; i++) {
        struct reader_thread *thread = &pool->threads[i];

        if (thread->inbox != NULL)
            pl_mailbox_close(thread->inbox);
        pl_thread_join(thread->thread);
        pl_mailbox_free(thread->inbox);
        pl_page_cache_free(thread->pages);
        pl_sqlite_reader_close(&thread->reader);
    }
    pl_free(pool);
}
