/*
 * cmd_history.c - pages of a room's history, from all over it.
 *
 * The messages are stored first, by sending them. Then each connection asks for one page
 * after another, at places that are drawn; a page must have the messages that were sent
 * there, every one, in order.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/command.h"
#include "bench/parla_inner.h"
#include "bench/payload.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"

enum { PAGE_SIZE_MAX = 16 * 1024 * 1024 };

struct history {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    uint32_t begun, done;   /* pages */
    uint64_t messages;      /* on them */
    struct reader *readers; /* one a connection */
    struct pl_bench_sample before, after;
    struct pl_bench_histogram latency;
};

/* A connection, and the page that it waits for. */
struct reader {
    struct history *history_weak;
    struct pl_bench_parla_conn *conn_weak;
    int64_t asked_us;
    uint32_t first; /* number of the first message of the page */
};

static void ask(struct reader *reader);

/* A place in the room, from a sequence of numbers that is the same in every run. */
static uint32_t draw(uint32_t number, uint32_t len)
{
    uint64_t mixed = (number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint32_t)((mixed >> 32) * len >> 32);
}

/* Whether that is the message that was sent as `number`. */
static bool is_message(const struct history *history, const Parla__V1__ChatMessage *message,
                       uint32_t number)
{
    struct pl_bench_payload payload;

    return pl_bench_payload_read(pl_bytes_str(message->text), &payload) &&
           payload.run == history->run->id_number && payload.number == number &&
           message->sequence == history->load->messages[number].sequence;
}

static bool is_page(const struct reader *reader, const Parla__V1__ListMessagesResponse *page)
{
    const struct history *history = reader->history_weak;
    uint32_t len = history->options_weak->page_size;

    if (len > history->options_weak->messages - reader->first)
        len = history->options_weak->messages - reader->first;
    if (page->n_messages != len)
        return false;
    for (uint32_t i = 0; i < len; i++)
        if (!is_message(history, page->messages[i], reader->first + i))
            return false;
    return true;
}

static bool check(struct reader *reader, struct pl_bytes answer)
{
    const Parla__V1__ListMessagesResponse *page;
    struct pl_pb_fault fault;
    struct pl_arena arena;
    ProtobufCMessage *message;
    bool fine;

    pl_arena_init(&arena, PAGE_SIZE_MAX);
    fine = pl_pb_unpack(&parla__v1__list_messages_response__descriptor, answer, &arena, &fault,
                        &message) == PL_OK;
    if (fine) {
        page = (const Parla__V1__ListMessagesResponse *)(const void *)message;
        reader->history_weak->messages += page->n_messages;
        fine = is_page(reader, page);
    }
    pl_arena_done(&arena);
    return fine;
}

static void on_page(void *self, uint32_t room, const struct pl_rpc_status *status,
                    struct pl_bytes answer)
{
    struct reader *reader = self;
    struct history *history = reader->history_weak;
    int64_t now_us = pl_clock_mono_us();

    (void)room;
    if (status->code != PL_CODE_OK) {
        pl_bench_fail(history->run, "the page from message %u on is refused: %s, %s", reader->first,
                      pl_code_name((int)status->code), status->message);
        return;
    }
    pl_bench_histogram_add(&history->latency, (uint64_t)(now_us - reader->asked_us));
    if (!check(reader, answer)) {
        pl_bench_fail(history->run, "wrong: the page from message %u on has others", reader->first);
        return;
    }
    pl_bench_run_moved(history->run);
    history->done++;
    if (history->begun < history->options_weak->pages) {
        ask(reader);
    } else if (history->done == history->options_weak->pages) {
        pl_bench_sample_take(history->pid, &history->after);
        pl_bench_run_finish(history->run);
    }
}

static void ask(struct reader *reader)
{
    struct history *history = reader->history_weak;
    uint32_t number = history->begun++;
    int err;

    reader->first = draw(number, history->options_weak->messages);
    reader->asked_us = pl_clock_mono_us();
    err = pl_bench_parla_list(reader->conn_weak, 0,
                              history->load->messages[reader->first].sequence - 1,
                              history->options_weak->page_size, on_page, reader);
    if (err < 0)
        pl_bench_fail(history->run, "page %u: %s", number, pl_err_text(err));
}

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct history *history = self;

    if (phase == PL_BENCH_WORKING)
        pl_bench_load_start(history->load);
}

/* All are stored. */
static void on_done(void *self)
{
    struct history *history = self;
    const struct pl_bench_shape *shape = &history->run->shape;

    pl_bench_sample_take(history->pid, &history->before);
    for (uint32_t i = 0; i < shape->conns && history->begun < history->options_weak->pages; i++) {
        struct reader *reader = &history->readers[i];

        reader->history_weak = history;
        reader->conn_weak = history->run->conns[shape->publishers + i].driver;
        ask(reader);
    }
}

static int report(const void *self)
{
    const struct history *history = self;
    const struct pl_bench_options *options = history->options_weak;
    double seconds = (double)(history->after.at_us - history->before.at_us) / 1e6;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_begin(to, history->run, "history");
    pl_bench_report_number(to, "messages", "messages", options->messages, 0, "");
    pl_bench_report_number(to, "size", "size", options->size, 0, "bytes");
    pl_bench_report_number(to, "pages", "pages", options->pages, 0, "");
    pl_bench_report_number(to, "page_size", "messages of a page", options->page_size, 0, "");
    pl_bench_report_number(to, "seconds", "time", seconds, 3, "s");
    pl_bench_report_number(to, "pages_per_second", "pages a second",
                           seconds > 0 ? (double)history->done / seconds : 0, 0, "/s");
    pl_bench_report_latency(to, "latency", "latency", &history->latency);
    pl_bench_report_usage(to, &history->before, &history->after, history->messages, "messages");
    err = pl_bench_report_print(to);
    pl_bench_report_free(to);
    return err;
}

static int measure(struct history *history, const struct pl_bench_driver *driver)
{
    const struct pl_bench_options *options = history->options_weak;
    const struct pl_bench_shape shape = {
        .publishers = 1, .conns = options->connections, .channels = 1};
    const struct pl_bench_run_ops run_ops = {.self = history, .on_phase = on_phase};
    const struct pl_bench_load_ops load_ops = {.self = history, .on_done = on_done};
    struct pl_bench_load_config config = pl_bench_load_config_of(driver, options);
    int err;

    config.by_acks = true;
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &history->run);
    if (err == PL_OK)
        err = pl_bench_load_new(history->run, &config, &load_ops, &history->load);
    return pl_bench_run_end(err, history->run, history->load, report, history);
}

static int run(const struct pl_bench_driver *driver, const struct pl_bench_options *options)
{
    struct history history = {.options_weak = options, .pid = pl_bench_server_pid(options)};
    int status;

    if (driver != &pl_bench_parla)
        return pl_bench_complain(PL_BENCH_EXIT_USAGE, "%s has no history", driver->name);
    history.readers = pl_calloc(options->connections, sizeof *history.readers);
    if (history.readers == NULL)
        return pl_bench_complain(PL_BENCH_EXIT_FAILED, "%s", pl_err_text(PL_E_NOMEM));
    pl_bench_histogram_init(&history.latency);
    status = measure(&history, driver);
    pl_free(history.readers);
    return status;
}

const struct pl_bench_command pl_bench_cmd_history = {
    .name = "history",
    .which = PL_BENCH_HISTORY,
    .summary = "pages of a room's history",
    .text = "Stores messages in a room by sending them, then reads pages from all over it, one\n"
            "at a time on each connection, and checks what is on them.\n",
    .defaults = {.connections = 4,
                 .rooms = 1,
                 .messages = 100000,
                 .pages = 10000,
                 .page_size = 50,
                 .in_flight = 256,
                 .size = 100,
                 .durability = PL_BENCH_DURABILITY_SYNCED,
                 .timeout_s = 30},
    .run = run,
};
