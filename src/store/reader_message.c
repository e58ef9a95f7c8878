/*
 * reader_message.c - a room's messages, forwards and backwards, or a thread's.
 *
 * A thread is its first message, which does not know that it is one, and those
 * that name it: all of them come after it.
 */
#include "store/reader_state.h"

#include "base/assert.h"
#include "base/err.h"

struct walk {
    struct pl_sqlite_reader *reader;
    int (*on_message)(void *arg, const struct pl_message_row *row);
    void *arg;
    uint32_t left; /* how many more may be given */
    bool ended;    /* by the callback */
};

static int each(struct walk *walk, struct pl_run *run)
{
    int rc;

    while ((rc = pl_run_step(run)) == PL_OK) {
        struct pl_message_row row;
        int answer;

        row.sequence = pl_run_get_u64(run);
        row.thread_size = pl_run_get_u32(run);
        row.event = pl_run_get_bytes(run);
        if (run->bad)
            return pl_run_end(run);
        walk->left--;
        answer = walk->on_message(walk->arg, &row);
        if (answer != 0) {
            walk->ended = true;
            pl_run_reset(run);
            return answer < 0 ? answer : PL_OK;
        }
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

/* Those with a sequence between the two, both exclusive. */
static int each_between(struct walk *walk, const struct pl_message_query *query, pl_sequence after,
                        pl_sequence before, pl_sequence thread)
{
    enum pl_reader_stmt forth = thread != 0 ? READ_LIST_THREAD : READ_LIST_MESSAGES;
    enum pl_reader_stmt back = thread != 0 ? READ_LIST_THREAD_BACK : READ_LIST_MESSAGES_BACK;
    struct pl_run run;

    if (walk->ended || walk->left == 0)
        return PL_OK;
    run = pl_run_start(&walk->reader->db, query->ascending ? forth : back);
    pl_run_u64(&run, query->room.v);
    pl_run_bound(&run, after);
    pl_run_bound(&run, before);
    pl_run_i64(&run, walk->left);
    if (thread != 0)
        pl_run_bound(&run, thread);
    return each(walk, &run);
}

int pl_reader_list_messages(void *self, const struct pl_message_query *query,
                            int (*on_message)(void *arg, const struct pl_message_row *row),
                            void *arg)
{
    struct walk walk = {
        .reader = self, .on_message = on_message, .arg = arg, .left = query->len_max};
    pl_sequence before = query->before != 0 ? query->before : INT64_MAX;
    pl_sequence first = query->thread;
    bool first_fits = first > query->after && first < before;
    int rc = PL_OK;

    PL_ASSERT(walk.reader->begun);
    if (first == 0)
        return each_between(&walk, query, query->after, before, 0);
    if (query->ascending && first_fits)
        rc = each_between(&walk, query, first - 1, first + 1, 0);
    if (rc == PL_OK)
        rc = each_between(&walk, query, query->after, before, first);
    if (rc == PL_OK && !query->ascending && first_fits)
        rc = each_between(&walk, query, first - 1, first + 1, 0);
    return rc;
}
