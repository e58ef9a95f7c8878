/* replay.c - see replay.h. */
#include "replay.h"

#include "base/bytes.h"
#include "base/err.h"
#include "store/memory.h"
#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    EFFECTS_SIZE_MAX = 16 << 20,
    DUMP_SIZE_MAX = 256 << 20,
};

void replay_init(struct replay *replay)
{
    *replay = (struct replay){.entries_len = 0};
}

void replay_done(struct replay *replay)
{
    free(replay->entries);
    free(replay->commands);
}

static struct replay_entry *add(struct replay *replay)
{
    if (replay->entries_len == replay->entries_cap) {
        replay->entries_cap = replay->entries_cap * 2 + 64;
        replay->entries = realloc(replay->entries, replay->entries_cap * sizeof *replay->entries);
        JUDGE(replay->entries != NULL, "out of memory");
    }
    return &replay->entries[replay->entries_len++];
}

static void add_command(struct replay *replay, const struct pl_command *command)
{
    if (replay->commands_len == replay->commands_cap) {
        replay->commands_cap = replay->commands_cap * 2 + 64;
        replay->commands =
            realloc(replay->commands, replay->commands_cap * sizeof *replay->commands);
        JUDGE(replay->commands != NULL, "out of memory");
    }
    replay->commands[replay->commands_len++] = *command;
}

void replay_note(struct replay *replay, const struct pl_batch *batch)
{
    struct replay_entry *entry = add(replay);

    *entry = (struct replay_entry){.number = batch->number,
                                   .time_ms = batch->time_ms,
                                   .age_ms = batch->age_ms,
                                   .first = replay->commands_len};
    PL_LIST_EACH (node, &batch->commands) {
        add_command(replay, PL_CONTAINER(node, struct pl_command, node));
        entry->len++;
    }
}

void replay_note_failure(struct replay *replay)
{
    *add(replay) = (struct replay_entry){.number = 0};
}

struct again {
    const struct replay *replay;
    struct pl_engine_config config;
    struct pl_engine *engine;
    struct pl_effects effects;
};

static void restart(struct again *again)
{
    pl_engine_free(again->engine);
    JUDGE(pl_engine_new(&again->config, &again->engine) == PL_OK, "out of memory");
}

static void apply(struct again *again, const struct replay_entry *entry)
{
    struct pl_batch batch = {
        .number = entry->number, .time_ms = entry->time_ms, .age_ms = entry->age_ms};
    struct pl_command *commands = again->replay->commands + entry->first;
    int rc;

    pl_list_init(&batch.commands);
    for (uint32_t i = 0; i < entry->len; i++)
        pl_list_append(&batch.commands, &commands[i].node);
    if (entry->number == 0)
        pl_memory_store_fail_op(&again->config.store, 1, PL_E_NOMEM);
    else if (entry->len > 0 && commands[0].kind == PL_COMMAND_START)
        restart(again);
    rc = pl_engine_apply(again->engine, &batch, &again->effects);
    JUDGE((rc == PL_OK) == (entry->number != 0), "batch %" PRIu64 " fails when it is replayed",
          entry->number);
    pl_effects_clear(&again->effects);
}

static void compare(const struct pl_store *memory, const struct pl_store *replayed)
{
    struct pl_bytebuf one, other;
    size_t at = 0, begin = 0;

    pl_bytebuf_init(&one, DUMP_SIZE_MAX);
    pl_bytebuf_init(&other, DUMP_SIZE_MAX);
    pl_memory_store_dump(memory, &one);
    pl_memory_store_dump(replayed, &other);
    JUDGE(one.err == PL_OK && other.err == PL_OK, "the dump of a store is too large");
    if (one.size != other.size || memcmp(one.data, other.data, one.size) != 0) {
        const char *a = pl_bytebuf_cstr(&one), *b = pl_bytebuf_cstr(&other);

        for (; a[at] == b[at]; at++)
            if (a[at] == '\n')
                begin = at + 1;
        fail("the replayed journal gives another state:\n  %.160s\n  %.160s", a + begin, b + begin);
    }
    pl_bytebuf_done(&one);
    pl_bytebuf_done(&other);
}

void replay_judge(const struct replay *replay, const struct pl_engine_config *config,
                  const struct pl_store *memory, const struct judge *judge)
{
    struct again again = {.replay = replay, .config = *config};

    JUDGE(pl_memory_store_new(&again.config.store) == PL_OK, "out of memory");
    pl_effects_init(&again.effects, EFFECTS_SIZE_MAX);
    restart(&again);
    for (uint32_t i = 0; i < replay->entries_len; i++)
        apply(&again, &replay->entries[i]);
    judge_store(judge, &again.config.store);
    if (memory != NULL)
        compare(memory, &again.config.store);
    pl_effects_done(&again.effects);
    pl_engine_free(again.engine);
    pl_memory_store_free(&again.config.store);
}
