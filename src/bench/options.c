/*
 * options.c - one table of options; an option is added by one row of it.
 */
#include "bench/options.h"

#include "base/assert.h"
#include "base/err.h"
#include "bench/driver.h"
#include "bench/payload.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind {
    NUMBER,
    TEXT,
    FLAG,
    DURABILITY,
};

enum {
    ALL = PL_BENCH_FANOUT | PL_BENCH_SEND | PL_BENCH_IDLE | PL_BENCH_HISTORY | PL_BENCH_RESUME |
          PL_BENCH_SLOW,
    STREAMED = PL_BENCH_FANOUT | PL_BENCH_SLOW,
    LOADED = PL_BENCH_FANOUT | PL_BENCH_SEND | PL_BENCH_SLOW,
    STORED = PL_BENCH_SEND | PL_BENCH_HISTORY | PL_BENCH_RESUME,
    COUNT_MAX = 10 * 1000 * 1000,
    CONNECTIONS_MAX = 60 * 1000,
};

struct option {
    const char *name;
    enum kind kind;
    const char *takes;
    unsigned commands; /* enum pl_bench_which */
    uint32_t min, max;
    size_t offset;
    const char *text;
};

#define AT(member) offsetof(struct pl_bench_options, member)

static const struct option options[] = {
    {"--subscribers", NUMBER, "N", STREAMED, 1, 1000000, AT(subscribers), "streams that receive"},
    {"--connections", NUMBER, "C", PL_BENCH_FANOUT, 1, CONNECTIONS_MAX, AT(connections),
     "connections that they share; one each unless said"},
    {"--connections", NUMBER, "C", ALL & ~(unsigned)STREAMED, 1, CONNECTIONS_MAX, AT(connections),
     "connections"},
    {"--streams", NUMBER, "S", PL_BENCH_IDLE, 0, 1000, AT(streams), "streams on each connection"},
    {"--streams", NUMBER, "N", PL_BENCH_RESUME, 1, 1000000, AT(subscribers),
     "streams that were away"},
    {"--missed", NUMBER, "M", PL_BENCH_RESUME, 1, COUNT_MAX, AT(messages),
     "messages that each has missed"},
    {"--rooms", NUMBER, "K", (LOADED | STORED) & ~(unsigned)PL_BENCH_HISTORY, 1, 1000, AT(rooms),
     "rooms; every stream has all of them"},
    {"--messages", NUMBER, "M", PL_BENCH_SLOW, 1, 100 * 1000 * 1000, AT(messages),
     "messages at most, in all"},
    {"--messages", NUMBER, "M", PL_BENCH_HISTORY, 1, 100 * 1000 * 1000, AT(messages),
     "messages that the room has"},
    {"--messages", NUMBER, "M", PL_BENCH_FANOUT | PL_BENCH_SEND, 1, 100 * 1000 * 1000, AT(messages),
     "messages that are measured"},
    {"--warmup", NUMBER, "M", PL_BENCH_FANOUT | PL_BENCH_SEND, 0, COUNT_MAX, AT(warmup),
     "messages before them, which are checked but not measured"},
    {"--publishers", NUMBER, "P", PL_BENCH_FANOUT | PL_BENCH_SLOW, 1, 1000, AT(publishers),
     "connections that send"},
    {"--in-flight", NUMBER, "W", LOADED | STORED, 1, 1000000, AT(in_flight),
     "messages under way at once"},
    {"--rate", NUMBER, "R", PL_BENCH_FANOUT | PL_BENCH_SEND, 1, COUNT_MAX, AT(rate),
     "messages a second at even distances; as fast as W in flight allow unless said"},
    {"--size", NUMBER, "B", ALL, PL_BENCH_PAYLOAD_SIZE_MIN, PL_BENCH_PAYLOAD_SIZE_MAX, AT(size),
     "bytes of a message's text"},
    {"--readers", NUMBER, "K", PL_BENCH_SLOW, 1, 1000000, AT(readers),
     "of them, those that stop reading, or nearly"},
    {"--trickle", NUMBER, "BYTES", PL_BENCH_SLOW, 0, 1 << 30, AT(trickle),
     "a second that each of those reads; nothing unless said"},
    {"--pause", NUMBER, "SECONDS", PL_BENCH_SLOW, 1, 3600, AT(pause_s),
     "for how long they do so; before it, all read for as long"},
    {"--pages", NUMBER, "N", PL_BENCH_HISTORY, 1, COUNT_MAX, AT(pages), "pages to read"},
    {"--page-size", NUMBER, "N", PL_BENCH_HISTORY, 1, 1000, AT(page_size), "messages of a page"},
    {"--users", NUMBER, "U", ALL, 1, 10000, AT(users), "guests to be, shared by the connections"},
    {"--durability", DURABILITY, "LEVEL", LOADED | STORED, 0, 0, AT(durability),
     "what answers must say: none, written, synced (unless said) or replicated"},
    {"--request-ids", FLAG, NULL, LOADED | STORED, 0, 0, AT(request_ids),
     "each send has a random request_id, so that it could be repeated"},
    {"--message", FLAG, NULL, PL_BENCH_IDLE, 0, 0, AT(message),
     "at the end a message to all, which everyone must get"},
    {"--timeout", NUMBER, "SECONDS", ALL, 1, 3600, AT(timeout_s),
     "without progress, after which the run fails"},
    {"--server", TEXT, "HOST:PORT", ALL, 0, 0, 0,
     "the server (PARLA_SERVER; else " PL_BENCH_SERVER_DEFAULT "); grpcs://HOST:PORT over TLS"},
    {"--ca", TEXT, "FILE", ALL, 0, 0, AT(ca_file), "trust these certificates (PEM)"},
    {"--pid", NUMBER, "PID", ALL, 1, INT32_MAX, AT(pid),
     "the server's process; found by its port where that is on this machine"},
    {"--driver", TEXT, "NAME", ALL, 0, 0, AT(driver), "the protocol, in a program with several"},
    {"--keep", FLAG, NULL, ALL, 0, 0, AT(keep), "leave rooms and guests behind"},
    {"--json", FLAG, NULL, ALL, 0, 0, AT(json), "the figures as one JSON object"},
};

enum { OPTIONS_LEN = sizeof options / sizeof options[0] };

static int fault(char to[PL_BENCH_FAULT_SIZE], const char *format, const char *what,
                 const char *more)
{
    snprintf(to, PL_BENCH_FAULT_SIZE, format, what, more);
    return PL_E_INVALID;
}

static uint32_t *number_at(struct pl_bench_options *to, const struct option *option)
{
    return (uint32_t *)(void *)((char *)to + option->offset);
}

static int read_number(const struct option *option, const char *value, struct pl_bench_options *to,
                       char ret_fault[PL_BENCH_FAULT_SIZE])
{
    char *end = NULL;
    unsigned long long number = 0;
    char bounds[64];

    errno = 0;
    if (value[0] >= '0' && value[0] <= '9')
        number = strtoull(value, &end, 10);
    snprintf(bounds, sizeof bounds, "%u to %u", option->min, option->max);
    if (end == NULL || *end != 0 || errno != 0 || number < option->min || number > option->max)
        return fault(ret_fault, "%s takes a whole number, %s", option->name, bounds);
    *number_at(to, option) = (uint32_t)number;
    return PL_OK;
}

static int read_durability(const struct option *option, const char *value,
                           struct pl_bench_options *to, char ret_fault[PL_BENCH_FAULT_SIZE])
{
    static const char *const names[] = {"none", "written", "synced", "replicated"};

    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], value) == 0) {
            *number_at(to, option) = i;
            return PL_OK;
        }
    }
    return fault(ret_fault, "%s takes none, written, synced or replicated%s", option->name, "");
}

static int take_value(const struct option *option, const char *value, struct pl_bench_options *to,
                      const char **server, char ret_fault[PL_BENCH_FAULT_SIZE])
{
    switch (option->kind) {
    case NUMBER:
        return read_number(option, value, to, ret_fault);
    case DURABILITY:
        return read_durability(option, value, to, ret_fault);
    case TEXT:
        if (option->offset == 0)
            *server = value;
        else
            *(const char **)(void *)((char *)to + option->offset) = value;
        return PL_OK;
    case FLAG:
        break;
    }
    PL_UNREACHABLE();
}

static const struct option *find(const char *arg, enum pl_bench_which command)
{
    for (size_t i = 0; i < OPTIONS_LEN; i++) {
        size_t size = strlen(options[i].name);

        if ((options[i].commands & command) != 0 && strncmp(arg, options[i].name, size) == 0 &&
            (arg[size] == 0 || arg[size] == '='))
            return &options[i];
    }
    return NULL;
}

/* The environment fills in what was not said. */
static int settle(const char *server, char *(*get_env)(const char *name),
                  struct pl_bench_options *to, char ret_fault[PL_BENCH_FAULT_SIZE])
{
    if (server == NULL)
        server = get_env("PARLA_SERVER");
    if (server == NULL || server[0] == 0)
        server = PL_BENCH_SERVER_DEFAULT;
    if (pl_target_parse(server, &to->target) < 0)
        return fault(ret_fault, "'%s' is not an address; HOST:PORT and grpcs://HOST:PORT are%s",
                     server, "");
    pl_target_format(&to->target, to->server, sizeof to->server);
    if (to->ca_file != NULL && !to->target.tls)
        return fault(ret_fault, "--ca is for servers with TLS: grpcs://%s%s", to->server, "");
    return PL_OK;
}

int pl_bench_options_parse(int argc, const char *const *argv, enum pl_bench_which command,
                           char *(*get_env)(const char *name),
                           const struct pl_bench_options *defaults,
                           struct pl_bench_options *ret_options,
                           char ret_fault[PL_BENCH_FAULT_SIZE])
{
    struct pl_bench_options to = *defaults;
    const char *server = NULL;
    int err = PL_OK;

    for (int i = 0; i < argc && err == PL_OK; i++) {
        const char *arg = argv[i];
        const struct option *option = find(arg, command);
        const char *equals = strchr(arg, '=');

        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
            return PL_E_CANCELLED;
        if (option == NULL)
            return fault(ret_fault, "unknown option: %s%s", arg, "");
        if (option->kind == FLAG && equals == NULL)
            *((bool *)(void *)((char *)&to + option->offset)) = true;
        else if (option->kind == FLAG || (equals == NULL && i + 1 >= argc))
            err = fault(ret_fault, "%s takes %s", option->name,
                        option->kind == FLAG ? "nothing" : option->takes);
        else
            err = take_value(option, equals != NULL ? equals + 1 : argv[++i], &to, &server,
                             ret_fault);
    }
    if (err == PL_OK)
        err = settle(server, get_env, &to, ret_fault);
    if (err < 0)
        return err;
    *ret_options = to;
    return PL_OK;
}

void pl_bench_options_help(enum pl_bench_which command, const struct pl_bench_options *defaults,
                           struct pl_bytebuf *out)
{
    for (size_t i = 0; i < OPTIONS_LEN; i++) {
        const struct option *option = &options[i];
        char head[64];
        uint32_t number = 0;

        if ((option->commands & command) == 0)
            continue;
        if (option->kind == NUMBER)
            number = *(const uint32_t *)(const void *)((const char *)defaults + option->offset);
        snprintf(head, sizeof head, "%s%s%s", option->name, option->takes != NULL ? " " : "",
                 option->takes != NULL ? option->takes : "");
        pl_bytebuf_printf(out, "  %-22s %s", head, option->text);
        if (number > 0)
            pl_bytebuf_printf(out, " (%u)", number);
        pl_bytebuf_append_str(out, "\n");
    }
}
