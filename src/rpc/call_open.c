/*
 * call_open.c - what a request's headers ask for: a call of a method, a page, a
 * browser's question whether it may call; and what is refused before that.
 */
#include "rpc/call.h"

#include "base/assert.h"
#include "rpc/conn.h"
#include "rpc/connect_get.h"
#include "rpc/convert.h"
#include "rpc/cors.h"
#include "rpc/host_inner.h"
#include "rpc/number.h"
#include "rpc/timeout.h"

#include <protobuf-c/protobuf-c.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    TEXT_SIZE = 256,
    TEXT_PART_MAX = 100, /* of what a peer sent, in a message back to it */
};

/* Ends the call with a line of text. */
static void end_text(struct pl_rpc_call *call, int status, const char *text, const char *allow)
{
    struct pl_rpc_page page = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .body = pl_bytes_str(text),
    };

    pl_rpc_call_end_page(call, &page, allow);
}

/* A part of the peer's text that may be shown to it: what is not printable ASCII is
 * a '?'. */
static const char *shown(struct pl_bytes text, char to[TEXT_PART_MAX + 1])
{
    size_t size = text.size < TEXT_PART_MAX ? text.size : TEXT_PART_MAX;

    for (size_t i = 0; i < size; i++)
        to[i] = text.data[i] > ' ' && text.data[i] <= '~' ? (char)text.data[i] : '?';
    to[size] = 0;
    return to;
}

/* The request's path, without its query. */
static struct pl_bytes request_path(const struct pl_rpc_call *call)
{
    struct pl_bytes path = {(const uint8_t *)"", 0};
    const uint8_t *query;

    if (!pl_rpc_call_field(call, ":path", &path) || path.size == 0)
        return path;
    query = memchr(path.data, '?', path.size);
    if (query != NULL)
        path.size = (size_t)(query - path.data);
    return path;
}

/* Finds what "/package.Service/Method" names; otherwise says in `text` why not. */
static bool find_method(struct pl_rpc_call *call, char text[TEXT_SIZE])
{
    struct pl_bytes path = request_path(call), service_name, method_name;
    const struct pl_rpc_host_service *service;
    const uint8_t *slash;
    char part[TEXT_PART_MAX + 1];

    if (path.size < 2 || path.data[0] != '/' ||
        (slash = memchr(path.data + 1, '/', path.size - 1)) == NULL) {
        snprintf(text, TEXT_SIZE, "the path is not /service/method");
        return false;
    }
    service_name = (struct pl_bytes){path.data + 1, (size_t)(slash - path.data) - 1};
    method_name = (struct pl_bytes){slash + 1, path.size - service_name.size - 2};

    service = pl_rpc_host_service_find(call->conn_weak->host_weak, service_name);
    if (service == NULL) {
        snprintf(text, TEXT_SIZE, "unknown service %s", shown(service_name, part));
        return false;
    }
    call->intake->service_weak = service->service_weak;
    call->ctx_weak = service->ctx_weak;
    for (size_t i = 0; i < service->service_weak->methods_len; i++) {
        if (!pl_bytes_is(method_name, service->service_weak->methods[i].name))
            continue;
        call->method_weak = &service->service_weak->methods[i];
        return true;
    }
    snprintf(text, TEXT_SIZE, "unknown method %s of service %s", shown(method_name, part),
             service->service_weak->name);
    return false;
}

/* What the call's messages are, where they come and go in JSON; take_form() has made
 * room. */
static bool find_types(struct pl_rpc_call *call)
{
    const ProtobufCServiceDescriptor *service = call->intake->service_weak->descriptor;
    const ProtobufCMethodDescriptor *method;

    if (!call->format->json)
        return true;
    method =
        service == NULL
            ? NULL
            : protobuf_c_service_descriptor_get_method_by_name(service, call->method_weak->name);
    if (method == NULL)
        return false;
    call->convert->types = method;
    return true;
}

/* The call's deadline, as its protocol tells it. */
static bool take_timeout(struct pl_rpc_call *call)
{
    const struct pl_rpc_codec *codec = call->format->codec;
    struct pl_bytes value;
    int64_t timeout_ms;

    if (!pl_rpc_call_field(call, codec->timeout, &value))
        return true;
    if (codec->parse_timeout(value, &timeout_ms) < 0) {
        char text[TEXT_SIZE];

        snprintf(text, sizeof text, "malformed %s", codec->timeout);
        pl_rpc_call_abort(call, codec->malformed, text);
        return false;
    }
    call->deadline_ms = pl_rpc_timeout_after(call->conn_weak->now_ms, timeout_ms);
    if (call->deadline_ms > call->conn_weak->now_ms)
        return true;
    pl_rpc_call_abort(call, PL_CODE_DEADLINE_EXCEEDED, "the deadline has passed");
    return false;
}

/* Whether an item such as "gzip;q=0.5" names gzip, and not with a weight of zero (RFC
 * 9110, section 12.5.3). */
static bool item_takes_gzip(struct pl_bytes item)
{
    const uint8_t *end = memchr(item.data, ';', item.size);
    size_t size = end != NULL ? (size_t)(end - item.data) : item.size;
    bool zero = false;

    while (size > 0 && (item.data[size - 1] == ' ' || item.data[size - 1] == '\t'))
        size--;
    if (size != 4 || strncasecmp((const char *)item.data, "gzip", 4) != 0)
        return false;
    for (size_t i = size; i + 1 < item.size; i++)
        if ((item.data[i] == 'q' || item.data[i] == 'Q') && item.data[i + 1] == '=')
            zero = true;
        else if (zero && item.data[i + 1] >= '1' && item.data[i + 1] <= '9')
            return true;
    return !zero;
}

/* Whether the client takes gzip: the field may come more than once. */
static bool takes_gzip(const struct pl_rpc_call *call)
{
    struct pl_bytes name, list, item;

    if (!pl_rpc_call_field(call, call->format->codec->accept, &list))
        return false;
    for (size_t pos = 0; pl_rpc_fields_next(&call->intake->request, &pos, &name, &list);)
        if (pl_bytes_is(name, call->format->codec->accept))
            while (pl_rpc_list_next(&list, &item))
                if (item.size > 0 && item_takes_gzip(item))
                    return true;
    return false;
}

/* Whether the protocol's version, where it is told, is the one there is. */
static bool take_version(struct pl_rpc_call *call)
{
    const char *name = call->format->codec->version;
    struct pl_bytes value;

    if (name == NULL || !pl_rpc_call_field(call, name, &value) || pl_bytes_is(value, "1"))
        return true;
    pl_rpc_call_abort(call, PL_CODE_INVALID_ARGUMENT, "connect-protocol-version is not 1");
    return false;
}

static bool take_encodings(struct pl_rpc_call *call)
{
    const struct pl_rpc_codec *codec = call->format->codec;
    char text[TEXT_SIZE], part[TEXT_PART_MAX + 1];
    struct pl_bytes value;

    call->peer_gzip = takes_gzip(call);
    if (!pl_rpc_call_field(call, codec->encoding, &value) || value.size == 0 ||
        pl_bytes_is(value, "identity"))
        return true;
    call->gunzip = pl_bytes_is(value, "gzip");
    if (call->gunzip)
        return true;
    snprintf(text, sizeof text, "%s %s is not supported; identity and gzip are", codec->encoding,
             shown(value, part));
    pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, text);
    return false;
}

/* Whether the message, where its size is told beforehand, may come. */
static bool take_size(struct pl_rpc_call *call)
{
    struct pl_bytes value;

    if (call->format->codec->enveloped || !pl_rpc_call_field(call, "content-length", &value) ||
        pl_rpc_number(value) <= pl_rpc_call_limits(call)->message_size_max)
        return true;
    pl_rpc_call_refuse_message(call, PL_E_LIMIT);
    return false;
}

/* Whether method and format go together, and the connection can carry them. */
static bool fits(struct pl_rpc_call *call)
{
    const struct pl_rpc_method *method = call->method_weak;
    const struct pl_rpc_codec *codec = call->format->codec;
    bool streams = method->client_streaming || method->server_streaming;

    if ((codec == &pl_rpc_connect_unary && streams) ||
        (codec == &pl_rpc_connect_stream && !streams)) {
        end_text(call, 415,
                 streams ? "the method streams: use application/connect+proto or +json\n"
                         : "the method does not stream: use application/proto or "
                           "application/json\n",
                 NULL);
        return false;
    }
    if (call->conn_weak->http != &pl_rpc_http2 && method->client_streaming &&
        method->server_streaming) {
        end_text(call, 505, "this needs HTTP/2\n", NULL);
        return false;
    }
    if (find_types(call))
        return true;
    end_text(call, 415, "the service is not called in JSON\n", NULL);
    return false;
}

/* What the whole response needs: room to turn it into text, where the client wants
 * that. */
static bool take_form(struct pl_rpc_call *call)
{
    struct pl_bytes accept;

    if (call->format->text)
        call->text_out = true;
    else if (pl_rpc_format_text(call->format) != NULL && pl_rpc_call_field(call, "accept", &accept))
        call->text_out = pl_rpc_format_is_text(accept);
    if ((call->format->json || call->text_out) && pl_rpc_convert_need(call) < 0) {
        pl_rpc_call_reset(call, PL_RPC_INTERNAL_ERROR);
        return false;
    }
    return true;
}

static void open_call(struct pl_rpc_call *call)
{
    struct pl_rpc_conn *conn = call->conn_weak;
    struct pl_rpc_host *host = conn->host_weak;

    pl_rpc_call_set_state(call, PL_RPC_CALL_OPEN);
    if (!call->method_weak->client_streaming)
        call->intake->due_ms = conn->now_ms + host->limits.request_ms;
    pl_rpc_conn_due_at(conn, pl_rpc_call_next_due(call));
    call->id = ++host->calls_made;
    call->handled = true;
    pl_map_put(&host->calls_by_id, &call->by_id, pl_hash_u64(call->id));
    if (call->method_weak->on_open != NULL)
        call->method_weak->on_open(call);
}

/* Whether the connection can carry the protocol. */
static bool take_protocol(struct pl_rpc_call *call)
{
    if (call->format->codec->trail == NULL || call->conn_weak->http == &pl_rpc_http2)
        return take_form(call);
    end_text(call, 505, "gRPC needs HTTP/2\n", NULL);
    return false;
}

static void dispatch_post(struct pl_rpc_call *call)
{
    char text[TEXT_SIZE];
    bool found = find_method(call, text);

    if (call->format == NULL) {
        if (found)
            end_text(call, 415, "the content-type is none of a protocol that is spoken here\n",
                     NULL);
        else
            end_text(call, 404, "there is no such page\n", NULL);
        return;
    }
    if (!take_protocol(call))
        return;
    if (!found) {
        call->http_status = 404;
        pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED, text);
        return;
    }
    if (fits(call) && take_version(call) && take_encodings(call) && take_size(call) &&
        take_timeout(call))
        open_call(call);
}

static void get_method(struct pl_rpc_call *call)
{
    const struct pl_rpc_method *method = call->method_weak;
    bool gettable =
        method->no_side_effects && !method->client_streaming && !method->server_streaming;

    if (!gettable)
        end_text(call, 405, "the method is called with POST\n", "POST");
    else if (call->verb != PL_RPC_VERB_GET)
        end_text(call, 405, "the method is called with GET or POST\n", "GET, POST");
    else if (!pl_rpc_connect_get_format(call))
        end_text(call, 415, "the query needs encoding=json or encoding=proto\n", NULL);
    else if (take_form(call) && fits(call) && take_encodings(call) &&
             pl_rpc_connect_get_message(call) && take_timeout(call))
        open_call(call);
}

static void dispatch_get(struct pl_rpc_call *call)
{
    const struct pl_rpc_host_page *page =
        pl_rpc_host_page_find(call->conn_weak->host_weak, request_path(call));
    struct pl_rpc_page content = {0};
    char text[TEXT_SIZE];

    if (page != NULL) {
        page->get(page->self, &content);
        pl_rpc_call_end_page(call, &content, NULL);
    } else if (find_method(call, text)) {
        get_method(call);
    } else {
        end_text(call, 404, "there is no such page\n", NULL);
    }
}

/* The headers are too many, or one of them cannot be read. */
static void refuse_headers(struct pl_rpc_call *call)
{
    bool too_large = call->intake->refusal == PL_CODE_RESOURCE_EXHAUSTED, is_h2;

    is_h2 = call->conn_weak->http == &pl_rpc_http2;
    if (call->verb == PL_RPC_VERB_GET)
        (void)pl_rpc_connect_get_format(call);
    else if (call->format == NULL && call->verb == PL_RPC_VERB_POST && too_large && is_h2)
        /* Its content-type may be what was too much. */
        call->format = pl_rpc_format_find(pl_bytes_str("application/grpc"));
    if (call->format == NULL) {
        end_text(call, too_large ? 431 : 400, call->intake->refusal_text, NULL);
    } else if (take_protocol(call)) {
        call->http_status = too_large ? 431 : 0;
        pl_rpc_call_abort(call, too_large ? call->intake->refusal : call->format->codec->malformed,
                          call->intake->refusal_text);
    }
}

/* The peer is at the wrong door. The connection stays for a while: GOAWAY would make
 * clients connect again and again, rather than hear this. */
static void turn_away(struct pl_rpc_call *call)
{
    const char *text = call->conn_weak->away_text;

    if (call->format == NULL)
        end_text(call, 400, text, NULL);
    else if (take_protocol(call))
        pl_rpc_call_abort(call, PL_CODE_FAILED_PRECONDITION, text);
}

void pl_rpc_call_dispatch(struct pl_rpc_call *call)
{
    /* Others are no calls, or say theirs in the query; HEAD's response has no body. */
    if (call->verb != PL_RPC_VERB_POST)
        call->format = NULL;
    if (call->conn_weak->away_text != NULL) {
        turn_away(call);
        return;
    }
    if (call->intake->refusal != PL_CODE_OK) {
        refuse_headers(call);
        return;
    }
    switch (call->verb) {
    case PL_RPC_VERB_POST:
        dispatch_post(call);
        break;
    case PL_RPC_VERB_GET:
    case PL_RPC_VERB_HEAD:
        dispatch_get(call);
        break;
    case PL_RPC_VERB_OPTIONS:
        pl_rpc_cors_preflight(call);
        break;
    case PL_RPC_VERB_OTHER:
        end_text(call, 405, "calls are made with POST\n", "POST");
        break;
    }
}
