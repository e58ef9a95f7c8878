/*
 * fuzz_h1.c - requests of HTTP/1.1: the same events come out however the bytes are
 * cut, and a head that passes is one that no other reader takes differently.
 *
 * Input: a byte that says how to cut, then what a client sends.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/h1_head.h"
#include "rpc/h1_reader.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LOG_SIZE_MAX = 1 << 21, EVENTS_LEN_MAX = 100000 };

struct run {
    struct pl_rpc_h1_reader reader;
    struct pl_bytebuf seen; /* what came out, in a form to compare */
    struct pl_bytes all;    /* the input */
    size_t start;           /* of the request under way */
    size_t used;            /* of the input */
    uint64_t body_size;     /* that has come */
    bool over;
};

/* A second reader, as naive as can be, of a head that has passed. */
struct naive {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    uint64_t length;
};

static bool name_is(struct pl_bytes line, const char *name)
{
    size_t size = strlen(name);

    return line.size > size && line.data[size] == ':' &&
           strncasecmp((const char *)line.data, name, size) == 0;
}

static void read_line(struct naive *naive, struct pl_bytes line)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);

    PL_ASSERT(colon != NULL && colon != line.data);
    PL_ASSERT(line.data[0] != ' ' && line.data[0] != '\t');
    PL_ASSERT(colon[-1] != ' ' && colon[-1] != '\t');
    naive->hosts += name_is(line, "host");
    naive->codings += name_is(line, "transfer-encoding");
    if (name_is(line, "content-length")) {
        char *text =
            fuzz_string((struct pl_bytes){colon + 1, (size_t)(line.data + line.size - colon - 1)});

        naive->lengths++;
        naive->length = strtoull(text, NULL, 10);
        free(text);
    }
}

/* Lines end in CRLF, and CR, LF and NUL are nowhere else. Empty lines may come
 * first (RFC 9112, section 2.2). */
static void read_head(struct naive *naive, struct pl_bytes head)
{
    bool request_line = true;

    while (head.size > 0) {
        const uint8_t *end = memchr(head.data, '\n', head.size);
        struct pl_bytes line;

        PL_ASSERT(end != NULL && end > head.data && end[-1] == '\r');
        line = (struct pl_bytes){head.data, (size_t)(end - 1 - head.data)};
        PL_ASSERT(line.size == 0 || memchr(line.data, '\r', line.size) == NULL);
        PL_ASSERT(line.size == 0 || memchr(line.data, 0, line.size) == NULL);
        head.size -= line.size + 2;
        head.data = end + 1;
        if (line.size == 0) {
            PL_ASSERT(request_line || head.size == 0);
            continue;
        }
        if (!request_line)
            read_line(naive, line);
        request_line = false;
    }
    PL_ASSERT(!request_line);
}

static void check_head(struct run *run)
{
    const struct pl_rpc_h1_request *request = &run->reader.request;
    struct naive naive = {0};

    read_head(&naive, (struct pl_bytes){run->all.data + run->start, run->used - run->start});
    PL_ASSERT(naive.hosts == 1 || (naive.hosts == 0 && request->minor == 0));
    PL_ASSERT(naive.lengths + naive.codings <= 1);
    PL_ASSERT(request->chunked == (naive.codings > 0));
    if (naive.codings > 0)
        PL_ASSERT(request->minor == 1 && request->has_body);
    else
        PL_ASSERT(request->body_size == naive.length && request->has_body == (naive.length > 0));
    PL_ASSERT(request->target.size >= 1);
    PL_ASSERT(request->target.data[0] == '/' || pl_bytes_is(request->target, "*"));
}

static void log_bytes(struct run *run, const char *what, struct pl_bytes bytes)
{
    pl_bytebuf_printf(&run->seen, "\n%s %zu ", what, bytes.size);
    pl_bytebuf_append(&run->seen, bytes.data, bytes.size);
}

/* What came in goes out in a response: no field breaks its line. */
static void check_response(const struct pl_rpc_fields *fields)
{
    struct pl_bytebuf out;
    struct pl_bytes name, value;
    struct naive naive = {0};

    pl_bytebuf_init(&out, 1 << 17);
    pl_rpc_h1_head_begin(&out, 200);
    for (size_t pos = 0; pl_rpc_fields_next(fields, &pos, &name, &value);)
        (void)pl_rpc_h1_head_field(&out, name, value);
    pl_rpc_h1_head_end(&out, true, PL_RPC_H1_LENGTH, 7);
    PL_ASSERT(out.err == PL_OK);
    read_head(&naive, (struct pl_bytes){out.data, out.size});
    PL_ASSERT(naive.lengths == 1 && naive.length == 7 && naive.codings == 0);
    pl_bytebuf_done(&out);
}

static void on_head(struct run *run)
{
    const struct pl_rpc_h1_request *request = &run->reader.request;
    struct pl_bytes name, value;

    check_head(run);
    check_response(&request->fields);
    pl_bytebuf_printf(&run->seen, "\nhead %d 1.%u %d%d%d%d %llu", (int)request->method,
                      request->minor, request->keep_alive, request->expects_continue,
                      request->has_body, request->chunked, (unsigned long long)request->body_size);
    log_bytes(run, "target", request->target);
    log_bytes(run, "authority", request->authority);
    for (size_t pos = 0; pl_rpc_fields_next(&request->fields, &pos, &name, &value);) {
        log_bytes(run, "name", name);
        log_bytes(run, "value", value);
    }
    run->body_size = 0;
    pl_bytebuf_append_str(&run->seen, "\nbody ");
}

static void on_end(struct run *run)
{
    const struct pl_rpc_h1_request *request = &run->reader.request;

    if (!request->chunked)
        PL_ASSERT(run->body_size == request->body_size);
    pl_bytebuf_printf(&run->seen, "\nend %llu", (unsigned long long)run->body_size);
    if (!request->keep_alive) {
        run->over = true;
        return;
    }
    pl_rpc_h1_reader_next(&run->reader);
    PL_ASSERT(pl_rpc_h1_reader_idle(&run->reader));
    run->start = run->used;
}

static void on_refused(struct run *run)
{
    const struct pl_rpc_h1_refusal *refusal = &run->reader.refusal;

    PL_ASSERT(refusal->status >= 400 && refusal->status <= 599);
    PL_ASSERT(refusal->text != NULL && refusal->text[0] != 0);
    pl_bytebuf_printf(&run->seen, "\nrefused %d", refusal->status);
    run->over = true;
}

/* Feeds a chunk, which is gone afterwards, until its last event. */
static void feed(struct run *run, size_t size)
{
    uint8_t *copy = fuzz_copy((struct pl_bytes){run->all.data + run->used, size});
    struct pl_bytes data = {copy, size}, body = {NULL, 0};

    for (unsigned i = 0; !run->over; i++) {
        size_t before = data.size;
        int event = pl_rpc_h1_reader_feed(&run->reader, &data, &body);

        PL_ASSERT(i < EVENTS_LEN_MAX); /* it gets on */
        PL_ASSERT(data.size <= before);
        run->used += before - data.size;
        if (event == PL_RPC_H1_EVENT_MORE) {
            PL_ASSERT(data.size == 0);
            break;
        }
        switch (event) {
        case PL_RPC_H1_EVENT_HEAD:
            on_head(run);
            break;
        case PL_RPC_H1_EVENT_BODY:
            PL_ASSERT(body.size > 0 && run->reader.request.has_body);
            run->body_size += body.size;
            pl_bytebuf_append(&run->seen, body.data, body.size);
            break;
        case PL_RPC_H1_EVENT_END:
            on_end(run);
            break;
        default:
            PL_ASSERT(event == PL_RPC_H1_EVENT_REFUSED);
            on_refused(run);
        }
    }
    free(copy);
}

static void run_all(struct run *run, struct pl_bytes data, bool cut, uint64_t random)
{
    *run = (struct run){.all = data};
    pl_rpc_h1_reader_init(&run->reader, PL_RPC_HEADERS_SIZE_MAX);
    pl_bytebuf_init(&run->seen, LOG_SIZE_MAX);
    while (run->used < data.size && !run->over) {
        size_t left = data.size - run->used;

        feed(run, cut ? fuzz_chunk(&random, left) : left);
    }
    pl_rpc_h1_reader_done(&run->reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run whole, cut;
    struct fuzz_input input = {data, size};
    uint64_t random = fuzz_byte(&input);
    struct pl_bytes requests = fuzz_rest(&input);

    run_all(&whole, requests, false, 0);
    run_all(&cut, requests, true, random);
    PL_ASSERT(pl_bytes_equal((struct pl_bytes){whole.seen.data, whole.seen.size},
                             (struct pl_bytes){cut.seen.data, cut.seen.size}));
    pl_bytebuf_done(&whole.seen);
    pl_bytebuf_done(&cut.seen);
    return 0;
}
