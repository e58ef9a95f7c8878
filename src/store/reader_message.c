/*
 * reader_message.c - a room's messages, forwards and backwards, or a thread's.
 *
 * Events that are no messages are passed over one by one, but a long run of
 * them (a thousand people come and go, nobody speaks) is leapt over: each event
 * knows how many messages there were up to it, so the message after the run, or
 * before it, is found by halving.
 *
 * A thread is its first message, which does not know that it is one, and those
 * that name it: all of them come after it.
 */
#include "store/reader_state.h"

#include "base/assert.h"
#include "base/err.h"

enum { RUN_LEN = 32 }; /* longer ones are leapt over */

struct walk {
    struct pl_sqlite_reader *reader;
    const struct pl_message_query *query;
    int (*on_message)(void *arg, const struct pl_message_row *row);
    void *arg;
    uint32_t left; /* how many more may be given */
    bool ended;    /* by the callback */
    /* the run of other events that the walk is in */
    uint32_t run_len;
    uint64_t messages; /* up to there */
};

/* The room's last event at or before `sequence`, and how many messages there
 * were up to it. */
static int messages_up_to(struct walk *walk, pl_sequence sequence, pl_sequence *ret_sequence,
                          uint64_t *ret_messages)
{
    struct pl_run run = pl_run_start(&walk->reader->db, READ_MESSAGES_UP_TO);
    int rc;

    pl_run_u64(&run, walk->query->room.v);
    pl_run_bound(&run, sequence);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    *ret_sequence = pl_run_get_u64(&run);
    *ret_messages = pl_run_get_u64(&run);
    return pl_run_end(&run);
}

/* Finds the message of that number. PL_E_NOTFOUND: there is none. */
static int find_message(struct walk *walk, uint64_t number, pl_sequence *ret_sequence)
{
    pl_sequence low = 1, high = 0; /* it is from low to high */
    uint64_t messages = 0;
    int rc = messages_up_to(walk, INT64_MAX, &high, &messages);

    if (rc < 0)
        return rc;
    if (number == 0 || number > messages)
        return PL_E_NOTFOUND;
    while (low < high) {
        pl_sequence middle = low + (high - low) / 2, found = 0;

        rc = messages_up_to(walk, middle, &found, &messages);
        if (rc < 0 && rc != PL_E_NOTFOUND)
            return rc;
        if (rc == PL_E_NOTFOUND || messages < number)
            low = middle + 1;
        else
            high = found;
    }
    *ret_sequence = high;
    return PL_OK;
}

/* Gives the messages that a statement finds, until it has been in a run of other
 * events for too long. */
static int each(struct walk *walk, struct pl_run *run)
{
    int rc = PL_OK;

    walk->run_len = 0;
    while (walk->left > 0 && walk->run_len < RUN_LEN && (rc = pl_run_step(run)) == PL_OK) {
        struct pl_message_row row;
        int answer;

        uint32_t kind;

        row.sequence = pl_run_get_u64(run);
        kind = pl_run_get_u32(run);
        walk->messages = pl_run_get_u64(run);
        row.thread_size = pl_run_get_u32(run);
        row.event = pl_row_event(run, walk->query->room, row.sequence);
        if (run->bad)
            return pl_run_end(run);
        walk->run_len = kind != PL_EVENT_MESSAGE_SENT ? walk->run_len + 1 : 0;
        if (walk->run_len > 0)
            continue;
        walk->left--;
        answer = walk->on_message(walk->arg, &row);
        if (answer != 0) {
            walk->ended = true;
            pl_run_reset(run);
            return answer < 0 ? answer : PL_OK;
        }
    }
    if (rc == PL_E_NOTFOUND) /* there are no more, so no run to leap over */
        walk->run_len = 0;
    pl_run_reset(run);
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

/* Those with a sequence between the two, both exclusive. */
static int each_between(struct walk *walk, pl_sequence after, pl_sequence before,
                        pl_sequence thread)
{
    bool forth = walk->query->ascending;
    enum pl_reader_stmt stmt = thread != 0 ? (forth ? READ_LIST_THREAD : READ_LIST_THREAD_BACK)
                                           : (forth ? READ_LIST_MESSAGES : READ_LIST_MESSAGES_BACK);

    while (!walk->ended && walk->left > 0) {
        struct pl_run run = pl_run_start(&walk->reader->db, stmt);
        pl_sequence next = 0;
        int rc;

        pl_run_u64(&run, walk->query->room.v);
        pl_run_bound(&run, after);
        pl_run_bound(&run, before);
        if (thread != 0)
            pl_run_bound(&run, thread);
        rc = each(walk, &run);
        if (rc < 0 || walk->run_len < RUN_LEN)
            return rc;
        rc = find_message(walk, forth ? walk->messages + 1 : walk->messages, &next);
        if (rc < 0)
            return rc == PL_E_NOTFOUND ? PL_OK : rc;
        if (forth)
            after = next - 1;
        else
            before = next + 1;
    }
    return PL_OK;
}

int pl_reader_list_messages(void *self, const struct pl_message_query *query,
                            int (*on_message)(void *arg, const struct pl_message_row *row),
                            void *arg)
{
    struct walk walk = {.reader = self,
                        .query = query,
                        .on_message = on_message,
                        .arg = arg,
                        .left = query->len_max};
    pl_sequence before = query->before != 0 ? query->before : INT64_MAX;
    pl_sequence first = query->thread;
    bool first_fits = first > query->after && first < before;
    int rc = PL_OK;

    PL_ASSERT(walk.reader->begun);
    if (first == 0)
        return each_between(&walk, query->after, before, 0);
    if (query->ascending && first_fits)
        rc = each_between(&walk, first - 1, first + 1, 0);
    if (rc == PL_OK)
        rc = each_between(&walk, query->after, before, first);
    if (rc == PL_OK && !query->ascending && first_fits)
        rc = each_between(&walk, first - 1, first + 1, 0);
    return rc;
}
