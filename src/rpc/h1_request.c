/*
 * h1_request.c - see h1_request.h. A parser checks most of this as well; but what
 * decides where a body ends does not rest on one reader's opinion.
 */
#include "rpc/h1_request.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/limits.h"

#include <string.h>
#include <strings.h>

void pl_rpc_h1_request_init(struct pl_rpc_h1_request *request, size_t fields_size_max)
{
    *request = (struct pl_rpc_h1_request){0};
    pl_rpc_fields_init(&request->fields, fields_size_max);
}

void pl_rpc_h1_request_done(struct pl_rpc_h1_request *request)
{
    size_t fields_size_max = request->fields.size_max;

    pl_rpc_fields_done(&request->fields);
    pl_free(request->text);
    pl_rpc_h1_request_init(request, fields_size_max);
}

bool pl_rpc_h1_method_find(struct pl_bytes name, enum pl_rpc_h1_method *ret_method)
{
    static const char *const names[] = {
        [PL_RPC_H1_GET] = "GET",     [PL_RPC_H1_HEAD] = "HEAD",     [PL_RPC_H1_POST] = "POST",
        [PL_RPC_H1_PUT] = "PUT",     [PL_RPC_H1_DELETE] = "DELETE", [PL_RPC_H1_OPTIONS] = "OPTIONS",
        [PL_RPC_H1_TRACE] = "TRACE", [PL_RPC_H1_PATCH] = "PATCH",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!pl_bytes_is(name, names[i]))
            continue;
        *ret_method = (enum pl_rpc_h1_method)i;
        return true;
    }
    return false;
}

static int refuse(struct pl_rpc_h1_refusal *ret_refusal, int status, const char *text)
{
    *ret_refusal = (struct pl_rpc_h1_refusal){status, text};
    return PL_E_PROTO;
}

static bool is_word(struct pl_bytes text, const char *word)
{
    return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

/* How many fields have that name, and the first one's value. */
static size_t count(const struct pl_rpc_fields *fields, const char *name,
                    struct pl_bytes *ret_value)
{
    struct pl_bytes found, value;
    size_t len = 0;

    for (size_t pos = 0; pl_rpc_fields_next(fields, &pos, &found, &value);)
        if (pl_bytes_is(found, name) && len++ == 0)
            *ret_value = value;
    return len;
}

/* Characters of RFC 3986's authority, but for '@', in front of which would stand a
 * user and a password (RFC 9110, section 4.2.4), and ',', which joins two hosts. */
static bool authority_allowed(struct pl_bytes authority)
{
    for (size_t i = 0; i < authority.size; i++) {
        uint8_t byte = authority.data[i];

        if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= '0' && byte <= '9'))
            continue;
        if (byte == 0 || strchr("-._~%!$&'()*+;=:[]", byte) == NULL)
            return false;
    }
    return true;
}

static int read_host(struct pl_rpc_h1_request *request, struct pl_rpc_h1_refusal *ret_refusal)
{
    size_t len = count(&request->fields, "host", &request->authority);

    if (len == 0 && request->minor > 0)
        return refuse(ret_refusal, 400, "there is no Host");
    if (len > 1)
        return refuse(ret_refusal, 400, "there is more than one Host");
    if (len == 1 && !authority_allowed(request->authority))
        return refuse(ret_refusal, 400, "the Host is malformed");
    return PL_OK;
}

static int read_length(struct pl_bytes text, uint64_t *ret_size)
{
    uint64_t size = 0;

    if (text.size == 0)
        return PL_E_INVALID;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte < '0' || byte > '9' || size > (UINT64_MAX - 9) / 10)
            return PL_E_INVALID;
        size = size * 10 + (uint64_t)(byte - '0');
    }
    *ret_size = size;
    return PL_OK;
}

/* Takes the first part off a list, without the blanks around it. */
static struct pl_bytes next_of_list(struct pl_bytes *list)
{
    const uint8_t *comma = memchr(list->data, ',', list->size);
    struct pl_bytes part = *list;

    if (comma != NULL)
        part.size = (size_t)(comma - part.data);
    list->data += part.size + (comma != NULL);
    list->size -= part.size + (comma != NULL);
    while (part.size > 0 && (part.data[0] == ' ' || part.data[0] == '\t')) {
        part.data++;
        part.size--;
    }
    while (part.size > 0 && (part.data[part.size - 1] == ' ' || part.data[part.size - 1] == '\t'))
        part.size--;
    return part;
}

/* RFC 9112, section 9.3: close comes before all else. (llhttp 8.1.0 passes over it
 * beside a tab, or where HTTP/1.0 says keep-alive too.) */
static void read_connection(struct pl_rpc_h1_request *request)
{
    struct pl_bytes name, list;

    for (size_t pos = 0; pl_rpc_fields_next(&request->fields, &pos, &name, &list);) {
        if (!pl_bytes_is(name, "connection"))
            continue;
        while (list.size > 0)
            if (is_word(next_of_list(&list), "close"))
                request->keep_alive = false;
    }
}

/* RFC 9112, section 6.1. Other codings are refused as such only where the list is in
 * order: where chunked stands twice, or not at the end, that is the worse fault. */
static int read_coding(struct pl_bytes list, struct pl_rpc_h1_refusal *ret_refusal)
{
    bool chunked = false, other = false;

    if (is_word(list, "chunked"))
        return PL_OK;
    while (list.size > 0) {
        struct pl_bytes coding = next_of_list(&list);

        if (chunked || coding.size == 0)
            return refuse(ret_refusal, 400, "Transfer-Encoding is malformed");
        if (is_word(coding, "chunked"))
            chunked = true;
        else
            other = true;
    }
    if (!other)
        return refuse(ret_refusal, 400, "Transfer-Encoding is malformed");
    return refuse(ret_refusal, 501, "a Transfer-Encoding besides chunked");
}

/* RFC 9112, section 6.3, without its leniencies. */
static int read_body_size(struct pl_rpc_h1_request *request, struct pl_rpc_h1_refusal *ret_refusal)
{
    struct pl_bytes length = {0}, coding = {0};
    size_t lengths = count(&request->fields, "content-length", &length);
    size_t codings = count(&request->fields, "transfer-encoding", &coding);
    int rc;

    if (lengths + codings > 1)
        return refuse(ret_refusal, 400, "the body's length is told more than once");
    if (lengths == 1 && read_length(length, &request->body_size) < 0)
        return refuse(ret_refusal, 400, "Content-Length is not a plain number");
    if (codings == 1) {
        if (request->minor == 0)
            return refuse(ret_refusal, 400, "HTTP/1.0 has no Transfer-Encoding");
        rc = read_coding(coding, ret_refusal);
        if (rc < 0)
            return rc;
        request->chunked = true;
    }
    request->has_body = request->chunked || request->body_size > 0;
    return PL_OK;
}

/* RFC 9110, section 10.1.1. */
static int read_expect(struct pl_rpc_h1_request *request, struct pl_rpc_h1_refusal *ret_refusal)
{
    struct pl_bytes name, value;

    if (request->minor == 0)
        return PL_OK; /* "MUST ignore" */
    for (size_t pos = 0; pl_rpc_fields_next(&request->fields, &pos, &name, &value);) {
        if (!pl_bytes_is(name, "expect"))
            continue;
        if (!is_word(value, "100-continue"))
            return refuse(ret_refusal, 417, "an Expect that is not 100-continue");
        request->expects_continue = request->has_body;
    }
    return PL_OK;
}

/* The authority of a target in absolute-form, and what follows it; false for others. */
static bool split_absolute(struct pl_bytes target, struct pl_bytes *ret_authority,
                           struct pl_bytes *ret_rest)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t size = strlen(schemes[i]), end;

        if (target.size < size || !is_word((struct pl_bytes){target.data, size}, schemes[i]))
            continue;
        for (end = size; end < target.size; end++)
            if (target.data[end] == '/' || target.data[end] == '?')
                break;
        *ret_authority = (struct pl_bytes){target.data + size, end - size};
        *ret_rest = (struct pl_bytes){target.data + end, target.size - end};
        return true;
    }
    return false;
}

/* RFC 9112, sections 3.2.1 to 3.2.4. A target in absolute-form becomes one in
 * origin-form; its authority counts, not the Host's. */
static int read_target(struct pl_rpc_h1_request *request, struct pl_bytes target,
                       struct pl_rpc_h1_refusal *ret_refusal)
{
    struct pl_bytes authority = {0}, rest = target;
    bool absolute = split_absolute(target, &authority, &rest);
    const char *front = ""; /* what an absolute-form may leave out */

    if (absolute && (authority.size == 0 || !authority_allowed(authority)))
        return refuse(ret_refusal, 400, "the target's host is malformed");
    if (absolute && rest.size == 0)
        front = request->method == PL_RPC_H1_OPTIONS ? "*" : "/";
    else if (absolute && rest.data[0] == '?')
        front = "/";
    else if (pl_bytes_is(rest, "*") ? request->method != PL_RPC_H1_OPTIONS : rest.data[0] != '/')
        return refuse(ret_refusal, 400, "the target is neither a path nor a URL of HTTP");

    request->text = pl_alloc(strlen(front) + rest.size + authority.size);
    if (request->text == NULL)
        return PL_E_NOMEM;
    request->target = (struct pl_bytes){request->text, strlen(front) + rest.size};
    memcpy(request->text, front, strlen(front));
    if (rest.size > 0)
        memcpy(request->text + strlen(front), rest.data, rest.size);
    if (absolute) {
        request->authority =
            (struct pl_bytes){request->text + request->target.size, authority.size};
        memcpy(request->text + request->target.size, authority.data, authority.size);
    }
    return PL_OK;
}

int pl_rpc_h1_request_finish(struct pl_rpc_h1_request *request, struct pl_bytes target,
                             struct pl_rpc_h1_refusal *ret_refusal)
{
    int rc;

    PL_ASSERT(request->text == NULL && target.size > 0);
    rc = read_body_size(request, ret_refusal);
    if (rc == PL_OK)
        rc = read_host(request, ret_refusal);
    if (rc == PL_OK)
        rc = read_target(request, target, ret_refusal);
    if (rc == PL_OK)
        rc = read_expect(request, ret_refusal);
    if (rc == PL_OK)
        read_connection(request);
    return rc;
}
