/* web.c - see web.h. */
#include "web.h"

#include "base/assert.h"
#include "rpc/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The client's side of HTTP/2. */

static void add_field(char *to, size_t to_size, const char *name, size_t name_size,
                      const char *value, size_t value_size)
{
    size_t at = strlen(to);

    PL_ASSERT(at + name_size + value_size + 4 <= to_size);
    snprintf(to + at, to_size - at, "%.*s: %.*s\n", (int)name_size, name, (int)value_size, value);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                     void *self)
{
    struct web_reply *reply = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    bool trailers = reply != NULL && frame->headers.cat == NGHTTP2_HCAT_HEADERS;

    (void)flags;
    (void)self;
    if (reply == NULL)
        return 0;
    if (name_size == 7 && memcmp(name, ":status", 7) == 0)
        reply->status = atoi((const char *)value);
    else if (trailers)
        add_field(reply->trailers, sizeof reply->trailers, (const char *)name, name_size,
                  (const char *)value, value_size);
    else
        add_field(reply->head, sizeof reply->head, (const char *)name, name_size,
                  (const char *)value, value_size);
    return 0;
}

static void add_body(struct web_reply *reply, const void *data, size_t size)
{
    reply->body = realloc(reply->body, reply->body_size + size + 1);
    PL_ASSERT(reply->body != NULL);
    memcpy(reply->body + reply->body_size, data, size);
    reply->body_size += size;
    reply->body[reply->body_size] = 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream_id, const uint8_t *data,
                   size_t size, void *self)
{
    struct web_reply *reply = nghttp2_session_get_stream_user_data(session, stream_id);

    (void)flags;
    (void)self;
    if (reply != NULL)
        add_body(reply, data, size);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
    struct web_reply *reply = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct web *web = self;

    if (frame->hd.type == NGHTTP2_GOAWAY)
        web->goaway = frame->goaway.error_code + 1;
    if (reply == NULL)
        return 0;
    if (frame->hd.type == NGHTTP2_RST_STREAM && !reply->ended)
        reply->reset = (int)frame->rst_stream.error_code;
    else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
             (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        reply->ended = 1;
    return 0;
}

static ssize_t on_read(nghttp2_session *session, int32_t stream_id, uint8_t *to, size_t size,
                       uint32_t *data_flags, nghttp2_data_source *source, void *self)
{
    struct web_reply *reply = source->ptr;

    (void)session;
    (void)stream_id;
    (void)self;
    if (size > reply->request_size)
        size = reply->request_size;
    if (size > 0) {
        memcpy(to, reply->request, size);
        memmove(reply->request, reply->request + size, reply->request_size - size);
    }
    reply->request_size -= size;
    if (reply->request_ended && reply->request_size == 0)
        *data_flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (size == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)size;
}

static int connect_h2(struct web *web)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_settings_entry window = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, web->window};

    PL_ASSERT(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    PL_ASSERT(nghttp2_session_client_new(&web->client, callbacks, web) == 0);
    nghttp2_session_callbacks_del(callbacks);
    PL_ASSERT(nghttp2_submit_settings(web->client, NGHTTP2_FLAG_NONE, &window,
                                      web->window > 0 ? 1 : 0) == 0);
    return PL_OK;
}

static nghttp2_nv field_of(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void open_h2(struct web_reply *reply, const char *method, const char *path,
                    const char *const *fields, bool has_body)
{
    nghttp2_data_provider provider = {.source.ptr = reply, .read_callback = on_read};
    nghttp2_nv items[64] = {
        field_of(":method", method),
        field_of(":scheme", "http"),
        field_of(":authority", "test"),
        field_of(":path", path),
    };
    size_t len = 4;

    for (; fields != NULL && fields[0] != NULL; fields += 2)
        items[len++] = field_of(fields[0], fields[1]);
    reply->stream_id = nghttp2_submit_request(reply->web->client, NULL, items, len,
                                              has_body ? &provider : NULL, reply);
    PL_ASSERT(reply->stream_id > 0);
}

/* The client's side of HTTP/1.1. */

static void add_out(struct web *web, const void *data, size_t size)
{
    web->out = realloc(web->out, web->out_size + size + 1);
    PL_ASSERT(web->out != NULL);
    if (size > 0)
        memcpy(web->out + web->out_size, data, size);
    web->out_size += size;
}

static void add_out_str(struct web *web, const char *str)
{
    add_out(web, str, strlen(str));
}

static void open_h1(struct web_reply *reply, const char *method, const char *path,
                    const char *const *fields, const char *framing)
{
    struct web *web = reply->web;
    struct web_reply **last = &web->first;

    while (*last != NULL)
        last = &(*last)->next;
    *last = reply;
    add_out_str(web, method);
    add_out_str(web, " ");
    add_out_str(web, path);
    add_out_str(web, " HTTP/1.1\r\nhost: test\r\n");
    for (; fields != NULL && fields[0] != NULL; fields += 2) {
        add_out_str(web, fields[0]);
        add_out_str(web, ": ");
        add_out_str(web, fields[1]);
        add_out_str(web, "\r\n");
    }
    add_out_str(web, framing);
    add_out_str(web, "\r\n");
}

/* The line at `at`, without its CRLF; NULL where it is not whole. */
static char *line_at(struct web *web, size_t *at, size_t *ret_size)
{
    char *start, *end;

    if (web->in_size <= *at)
        return NULL;
    start = (char *)web->in + *at;
    end = memmem(start, web->in_size - *at, "\r\n", 2);
    if (end == NULL)
        return NULL;
    *ret_size = (size_t)(end - start);
    *at += *ret_size + 2;
    return start;
}

/* Takes the body apart; true: it is whole, and ends at *at. */
static bool parse_chunks(struct web *web, struct web_reply *reply, size_t *at)
{
    size_t line_size;

    for (;;) {
        char *line = line_at(web, at, &line_size);
        size_t size;

        if (line == NULL)
            return false;
        PL_ASSERT(line_size > 0);
        size = strtoul(line, NULL, 16);
        if (web->in_size - *at < size + 2)
            return false;
        add_body(reply, web->in + *at, size);
        *at += size;
        PL_ASSERT(memcmp(web->in + *at, "\r\n", 2) == 0);
        *at += 2;
        if (size == 0)
            return true;
    }
}

static bool parse_body(struct web *web, struct web_reply *reply, size_t *at)
{
    const char *length = strstr(reply->head, "content-length: ");
    size_t size = web->in_size - *at;
    bool whole = web->gone;

    if (strstr(reply->head, "transfer-encoding: chunked\n") != NULL)
        return parse_chunks(web, reply, at);
    if (length != NULL && !reply->head_only) {
        size_t told = strtoul(length + strlen("content-length: "), NULL, 10);

        whole = size >= told;
        if (whole)
            size = told;
    } else if (length != NULL || reply->status == 204) {
        whole = true;
        size = 0;
    }
    add_body(reply, web->in + *at, size);
    *at += size;
    return whole;
}

/* Reads a response from the start of what has come; true: it is whole. */
static bool parse_reply(struct web *web, struct web_reply *reply)
{
    size_t at = 0, size;
    char *line;
    bool whole;

    reply->head[0] = 0;
    reply->body_size = 0;
    line = line_at(web, &at, &size);
    if (line == NULL)
        return false;
    PL_ASSERT(size > 12 && memcmp(line, "HTTP/1.1 ", 9) == 0);
    reply->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    while ((line = line_at(web, &at, &size)) != NULL && size > 0) {
        char *colon = memchr(line, ':', size);

        PL_ASSERT(colon != NULL && colon[1] == ' ');
        add_field(reply->head, sizeof reply->head, line, (size_t)(colon - line), colon + 2,
                  size - (size_t)(colon - line) - 2);
    }
    if (line == NULL)
        return false;
    if (reply->status == 100) {
        reply->interim++;
        reply->status = 0;
    } else {
        whole = parse_body(web, reply, &at);
        if (!whole)
            return false;
        reply->ended = 1;
    }
    web->in_size -= at;
    memmove(web->in, web->in + at, web->in_size);
    return true;
}

static void parse_h1(struct web *web)
{
    while (web->first != NULL && web->in_size > 0) {
        struct web_reply *reply = web->first;

        if (!parse_reply(web, reply))
            return;
        if (reply->ended)
            web->first = reply->next;
    }
    if (web->first != NULL && web->gone && !web->first->ended)
        (void)parse_reply(web, web->first); /* one that ends with the connection */
}

/* Both. */

static void on_want_send(void *self, struct pl_rpc_conn *conn)
{
    (void)self;
    (void)conn;
}

int web_init_with(struct web *web, int version, const struct pl_rpc_limits *limits)
{
    struct pl_rpc_host_ops ops = {.self = web, .on_want_send = on_want_send};
    int rc;

    *web = (struct web){.version = version, .now_ms = 1000, .chunk_in = 65536, .chunk_out = 65536};
    rc = pl_rpc_host_new(&ops, &web->host);
    if (rc < 0)
        return rc;
    if (limits != NULL)
        pl_rpc_host_set_limits(web->host, limits);
    rc = pl_rpc_host_add(web->host, &kinds_service, &web->seen);
    return rc < 0 ? rc : web_connect(web);
}

int web_init(struct web *web, int version)
{
    return web_init_with(web, version, NULL);
}

int web_connect(struct web *web)
{
    int rc = pl_rpc_conn_new(web->host, PL_RPC_HTTP_ANY, web->now_ms, &web->conn);

    if (rc < 0)
        return rc;
    web->gone = false;
    web->conn_rc = PL_OK;
    web->first = NULL;
    web->out_size = web->in_size = 0;
    return web->version == 2 ? connect_h2(web) : PL_OK;
}

void web_hang_up(struct web *web)
{
    pl_rpc_conn_free(web->conn);
    web->conn = NULL;
    nghttp2_session_del(web->client);
    web->client = NULL;
}

void web_done(struct web *web)
{
    web_hang_up(web);
    pl_rpc_host_free(web->host);
    free(web->in);
    free(web->out);
    *web = (struct web){0};
}

static void reply_init(struct web *web, struct web_reply *reply, const char *method)
{
    memset(reply, 0, sizeof *reply);
    reply->web = web;
    reply->reset = -1;
    reply->head_only = strcmp(method, "HEAD") == 0;
}

void web_open(struct web *web, const char *method, const char *path, const char *const *fields,
              struct web_reply *reply)
{
    reply_init(web, reply, method);
    if (web->version == 2)
        open_h2(reply, method, path, fields, true);
    else
        open_h1(reply, method, path, fields, "transfer-encoding: chunked\r\n");
}

static void send_h2(struct web_reply *reply, const void *data, size_t size, bool end)
{
    reply->request = realloc(reply->request, reply->request_size + size + 1);
    PL_ASSERT(reply->request != NULL);
    if (size > 0)
        memcpy(reply->request + reply->request_size, data, size);
    reply->request_size += size;
    reply->request_ended = end;
    (void)nghttp2_session_resume_data(reply->web->client, reply->stream_id);
}

void web_send(struct web_reply *reply, const void *data, size_t size, bool end)
{
    char line[32];

    if (reply->web->version == 2) {
        send_h2(reply, data, size, end);
        return;
    }
    if (size > 0) {
        snprintf(line, sizeof line, "%zx\r\n", size);
        add_out_str(reply->web, line);
        add_out(reply->web, data, size);
        add_out_str(reply->web, "\r\n");
    }
    if (end)
        add_out_str(reply->web, "0\r\n\r\n");
}

void web_request(struct web *web, const char *method, const char *path, const char *const *fields,
                 const void *data, size_t size, struct web_reply *reply)
{
    bool has_body = strcmp(method, "POST") == 0 || size > 0;
    char line[64] = "";

    reply_init(web, reply, method);
    if (web->version == 2) {
        open_h2(reply, method, path, fields, has_body);
        if (has_body)
            send_h2(reply, data, size, true);
        return;
    }
    if (has_body)
        snprintf(line, sizeof line, "content-length: %zu\r\n", size);
    open_h1(reply, method, path, fields, line);
    add_out(web, data, size);
}

void web_reply_done(struct web_reply *reply)
{
    struct web_reply **at = reply->web != NULL ? &reply->web->first : NULL;

    for (; at != NULL && *at != NULL; at = &(*at)->next)
        if (*at == reply) {
            *at = reply->next;
            break;
        }
    if (reply->web != NULL && reply->web->client != NULL)
        (void)nghttp2_session_set_stream_user_data(reply->web->client, reply->stream_id, NULL);
    free(reply->body);
    free(reply->request);
    reply->body = reply->request = NULL;
}

/* Gives the server some bytes. */
static void give(struct web *web, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size && web->conn_rc == PL_OK;) {
        size_t part = size - at < web->chunk_in ? size - at : web->chunk_in;

        web->conn_rc = pl_rpc_conn_recv(web->conn, (struct pl_bytes){data + at, part}, web->now_ms);
        at += part;
    }
}

static bool move_out(struct web *web)
{
    const uint8_t *data;
    ssize_t size;

    if (web->version == 1) {
        bool moved = web->out_size > 0 && web->conn_rc == PL_OK;

        give(web, web->out, web->out_size);
        web->out_size = 0;
        return moved;
    }
    size = nghttp2_session_mem_send(web->client, &data);
    PL_ASSERT(size >= 0);
    if (size > 0)
        give(web, data, (size_t)size);
    return size > 0;
}

static bool move_in(struct web *web, uint8_t *data)
{
    ssize_t size = pl_rpc_conn_fill(web->conn, data, web->chunk_out);

    if (size <= 0) {
        web->gone = web->gone || size < 0 || web->conn_rc < 0 || pl_rpc_conn_finished(web->conn);
        return false;
    }
    if (web->version == 2) {
        PL_ASSERT(nghttp2_session_mem_recv(web->client, data, (size_t)size) == size);
        return true;
    }
    web->in = realloc(web->in, web->in_size + (size_t)size);
    PL_ASSERT(web->in != NULL);
    memcpy(web->in + web->in_size, data, (size_t)size);
    web->in_size += (size_t)size;
    return true;
}

void web_move_in(struct web *web)
{
    uint8_t *data = malloc(web->chunk_out);

    PL_ASSERT(data != NULL);
    (void)move_in(web, data);
    free(data);
}

void web_pump(struct web *web)
{
    uint8_t *data = malloc(web->chunk_out);
    bool moved = web->conn != NULL;

    PL_ASSERT(data != NULL);
    while (moved) {
        moved = move_out(web);
        if (move_in(web, data))
            moved = true;
    }
    free(data);
    if (web->version == 1)
        parse_h1(web);
}

void web_call(struct web *web, const char *path, const char *content_type,
              const char *const *fields, const void *data, size_t size, struct web_reply *reply)
{
    const char *all[64] = {"content-type", content_type};
    char whole[128];
    size_t len = content_type != NULL ? 2 : 0;

    for (; fields != NULL && fields[0] != NULL; fields += 2) {
        all[len++] = fields[0];
        all[len++] = fields[1];
    }
    all[len] = NULL;
    snprintf(whole, sizeof whole, "%s%s", path[0] == '/' ? "" : "/test.v1.Kinds/", path);
    web_request(web, "POST", whole, all, data, size, reply);
    web_pump(web);
}

static bool has_line(const char *lines, const char *line)
{
    size_t size = strlen(line);

    for (const char *at = lines; *at != 0; at = strchr(at, '\n') + 1)
        if (strncmp(at, line, size) == 0 && at[size] == '\n')
            return true;
    return false;
}

bool web_has(const struct web_reply *reply, const char *line)
{
    return has_line(reply->head, line) || has_line(reply->trailers, line);
}

bool web_names(const struct web_reply *reply, const char *name)
{
    char start[128];

    snprintf(start, sizeof start, "%s: ", name);
    for (const char *at = reply->head; *at != 0; at = strchr(at, '\n') + 1)
        if (strncmp(at, start, strlen(start)) == 0)
            return true;
    return false;
}

bool web_body_is(const struct web_reply *reply, const char *text)
{
    return reply->body_size == strlen(text) && memcmp(reply->body, text, reply->body_size) == 0;
}

bool web_next_frame(const struct web_reply *reply, size_t *offset, struct web_frame *ret_frame)
{
    const uint8_t *at = reply->body + *offset;
    size_t left = reply->body_size - *offset, size;

    if (left < PL_RPC_ENVELOPE_SIZE)
        return false;
    size = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
    if (left - PL_RPC_ENVELOPE_SIZE < size)
        return false;
    *ret_frame = (struct web_frame){at[0], size, at + PL_RPC_ENVELOPE_SIZE};
    *offset += PL_RPC_ENVELOPE_SIZE + size;
    return true;
}
