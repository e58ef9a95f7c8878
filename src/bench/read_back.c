/*
 * read_back.c - what the server keeps, beside what it has acknowledged.
 */
#include "bench/load.h"

#include "base/assert.h"
#include "base/err.h"

void pl_bench_load_read_back(struct pl_bench_load *load)
{
    struct pl_bench_run *run = load->run_weak;
    int err;

    PL_ASSERT(load->done && run->driver_weak->read_back != NULL);
    err = run->driver_weak->read_back(run->driver, &run->conns[0]);
    if (err < 0)
        pl_bench_fail(run, "reading back: %s", pl_err_text(err));
}

void pl_bench_logged(struct pl_bench_run *run, uint32_t channel, struct pl_bytes text,
                     uint64_t sequence)
{
    struct pl_bench_load *load = run->load_weak;
    struct pl_bench_payload payload;
    struct pl_bench_message *message;

    if (run->failed)
        return;
    if (load == NULL || !pl_bench_payload_read(text, &payload) ||
        pl_bench_load_is_strange(load, &payload, channel)) {
        pl_bench_fail(run, "wrong: %s holds a message that was not sent to it, sequence %llu",
                      run->names[channel], (unsigned long long)sequence);
        return;
    }
    message = &load->messages[payload.number * load->publishers + payload.publisher];
    if (message->logged)
        pl_bench_fail(run, "doubled: %s holds message %u of publisher %u twice, at last as %llu",
                      run->names[channel], payload.number, payload.publisher,
                      (unsigned long long)sequence);
    if (message->acknowledged && message->sequence != sequence)
        pl_bench_fail(run,
                      "wrong: message %u of publisher %u was acknowledged as sequence %llu of %s "
                      "and is kept as %llu",
                      payload.number, payload.publisher, (unsigned long long)message->sequence,
                      run->names[channel], (unsigned long long)sequence);
    message->logged = true;
    pl_bench_run_moved(run);
}

/* Of each publisher and channel, sequences rise with the numbers. */
static void check_order(struct pl_bench_load *load)
{
    uint32_t step = load->publishers * load->channels;

    for (uint32_t g = 0; load->run_weak->driver_weak->has_sequences && g < load->total; g++) {
        if (g < step || load->messages[g].sequence > load->messages[g - step].sequence)
            continue;
        pl_bench_fail(
            load->run_weak,
            "reordered: message %u of publisher %u is sequence %llu of %s, after its "
            "message %u, sequence %llu",
            pl_bench_load_number_of(load, g), pl_bench_load_publisher_of(load, g),
            (unsigned long long)load->messages[g].sequence,
            load->run_weak->names[pl_bench_load_channel_of(load, pl_bench_load_number_of(load, g))],
            pl_bench_load_number_of(load, g - step),
            (unsigned long long)load->messages[g - step].sequence);
        return;
    }
}

void pl_bench_read_back(struct pl_bench_run *run)
{
    struct pl_bench_load *load = run->load_weak;

    for (uint32_t g = 0; g < load->total && !run->failed; g++) {
        if (load->messages[g].acknowledged && !load->messages[g].logged)
            pl_bench_fail(
                run,
                "lost: message %u of publisher %u was acknowledged as sequence %llu of "
                "%s, which does not hold it",
                pl_bench_load_number_of(load, g), pl_bench_load_publisher_of(load, g),
                (unsigned long long)load->messages[g].sequence,
                run->names[pl_bench_load_channel_of(load, pl_bench_load_number_of(load, g))]);
    }
    check_order(load);
    if (!run->failed && load->ops.on_read_back != NULL)
        load->ops.on_read_back(load->ops.self);
}
