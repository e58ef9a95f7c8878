/*
 * unary.c - all unary methods in one: decode, ask, answer.
 */
#include "server/service.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/details.h"
#include "server/connection.h"
#include "server/errand_post.h"
#include "server/io_loop.h"

#include <string.h>

#define BEARER "Bearer "

/* A token is 256 random bits in base64. */
enum { TOKEN_SIZE = 32 };

_Static_assert(PL_BASE64_SIZE(TOKEN_SIZE) <= sizeof((struct pl_errand *)0)->token,
               "an errand holds a token");

void pl_call_refuse(struct pl_rpc_call *call, const struct pl_refusal *refusal)
{
    enum pl_code code = pl_reason_code(refusal->reason);
    const char *text = refusal->detail[0] != 0 ? refusal->detail : pl_reason_text(refusal->reason);
    struct pl_rpc_details details = {
        .code = code,
        .message = text,
        .reason = pl_reason_name(refusal->reason),
        .domain = "parla",
        .field = refusal->field,
        .retry_ms = refusal->retry_ms,
    };
    struct pl_rpc_status status = {.code = code, .message = text};
    struct pl_buf *buf = NULL;

    /* short of memory, the status alone has to do */
    if (pl_rpc_details_pack(&details, &buf) == PL_OK)
        status.details = (struct pl_bytes){buf->data, buf->size};
    pl_rpc_call_finish(call, &status);
    pl_buf_unref(buf);
}

/* Calls come in batches from one connection, most with the same token: the latest
 * one's hash is kept. */
static struct pl_hash hash_of(struct pl_token_memo *memo, struct pl_bytes token)
{
    if (memo->size != token.size || !pl_secret_equal(memo->token, token.data, token.size)) {
        struct pl_hash hash = pl_hash_of(token);

        if (token.size > sizeof memo->token)
            return hash;
        memcpy(memo->token, token.data, token.size);
        memo->size = token.size;
        memo->hash = hash;
    }
    return memo->hash;
}

bool pl_call_token(struct pl_rpc_call *call, struct pl_hash *ret_hash)
{
    const struct pl_service_ctx *ctx = pl_rpc_call_ctx(call);
    const size_t prefix = strlen(BEARER);
    struct pl_refusal refusal;
    struct pl_bytes value;

    if (pl_rpc_call_metadata(call, "authorization", &value) && value.size > prefix &&
        strncasecmp((const char *)value.data, BEARER, prefix) == 0) {
        *ret_hash = hash_of(&ctx->io_weak->token_memo,
                            (struct pl_bytes){value.data + prefix, value.size - prefix});
        return true;
    }
    refusal = pl_refusal_of(PL_REASON_TOKEN_MISSING);
    pl_call_refuse(call, &refusal);
    return false;
}

static const struct pl_unary *unary_of(const struct pl_rpc_call *call)
{
    const struct pl_service_ctx *ctx = pl_rpc_call_ctx(call);

    return &ctx->def->unary[pl_rpc_call_method(call) - ctx->def->service.methods];
}

/* A new session's token: told once, kept as a hash. */
static void make_token(struct pl_errand *errand)
{
    uint8_t secret[TOKEN_SIZE];

    pl_random(secret, sizeof secret);
    pl_base64url_encode(secret, sizeof secret, errand->token);
    errand->command.token_hash = pl_hash_of(pl_bytes_str(errand->token));
}

static int decode(const struct pl_unary *unary, struct pl_bytes message, struct pl_errand *errand)
{
    int rc;

    if (unary->command != NULL)
        return unary->command(message, &errand->arena, &errand->command, &errand->refusal);
    errand->kind = PL_ERRAND_QUERY;
    rc = unary->query(message, &errand->arena, &errand->query, &errand->refusal);
    if (rc == PL_OK && errand->refusal.reason == PL_REASON_NONE &&
        errand->query.kind == PL_QUERY_LIST_USERS)
        errand->kind = errand->query.u.list_users.online_only ? PL_ERRAND_ONLINE : PL_ERRAND_USERS;
    return rc;
}

/* Each loop gives its share, since an address's connections spread over all of them. */
static void limit_sign_ins(struct pl_io_loop *io, struct pl_rpc_call *call,
                           struct pl_errand *errand)
{
    uint32_t len_max = io->config.config->sign_ins_max, loops_len = io->config.config->loops;
    const uint8_t *key = pl_port_peer_key(pl_rpc_call_conn(call));
    uint32_t wait_ms;

    if (len_max == 0 || errand->refusal.reason != PL_REASON_NONE)
        return;
    wait_ms = pl_newcomers_take(&io->newcomers, key, (len_max + loops_len - 1) / loops_len,
                                pl_loop_now_ms(io->loop));
    if (wait_ms > 0) {
        errand->refusal = pl_refusal_of(PL_REASON_TOO_MANY_GUESTS);
        errand->refusal.retry_ms = wait_ms;
    }
}

/* SignInAsGuest: nobody has to be known. */
static void send_anonymous(struct pl_io_loop *io, struct pl_rpc_call *call,
                           struct pl_errand *errand)
{
    limit_sign_ins(io, call, errand);
    if (errand->refusal.reason != PL_REASON_NONE) {
        pl_call_refuse(call, &errand->refusal);
        pl_errand_pool_give(&io->pool, errand);
        return;
    }
    make_token(errand);
    pl_errand_post(io, call, errand);
}

/* A connection that sends more than it may is told when to go on. */
static void limit_sends(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand)
{
    struct pl_connection *connection = pl_connection_of(call);
    uint32_t per_second = io->config.config->send_rate;
    uint32_t wait_ms;

    if (per_second == 0 || errand->kind != PL_ERRAND_COMMAND ||
        errand->command.kind != PL_COMMAND_SEND_MESSAGE)
        return;
    wait_ms = pl_rate_take(&connection->sends, per_second, pl_loop_now_ms(io->loop));
    if (wait_ms > 0) {
        errand->refusal = pl_refusal_of(PL_REASON_SENDING_TOO_FAST);
        errand->refusal.retry_ms = wait_ms;
    }
}

void pl_unary_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    const struct pl_service_ctx *ctx = pl_rpc_call_ctx(call);
    const struct pl_unary *unary = unary_of(call);
    struct pl_io_loop *io = ctx->io_weak;
    struct pl_refusal refusal;
    struct pl_errand *errand;
    int rc;

    if (unary->command == NULL && unary->query == NULL) {
        refusal = pl_refusal_of(PL_REASON_METHOD_UNSUPPORTED);
        pl_call_refuse(call, &refusal);
        return;
    }
    errand =
        pl_errand_pool_take(&io->pool, PL_ERRAND_COMMAND, io->config.number, pl_rpc_call_id(call));
    rc = errand == NULL ? PL_E_NOMEM : decode(unary, message, errand);
    if (rc < 0) {
        refusal = pl_refusal_of_err(rc);
        pl_errand_pool_give(&io->pool, errand);
        pl_call_refuse(call, &refusal);
    } else if (unary->anonymous) {
        send_anonymous(io, call, errand);
    } else if (!pl_call_token(call, &errand->command.token_hash)) {
        pl_errand_pool_give(&io->pool, errand);
    } else {
        errand->query.token_hash = errand->command.token_hash;
        limit_sends(io, call, errand);
        if (errand->refusal.reason != PL_REASON_NONE && pl_errand_only_token(errand) < 0)
            pl_errand_give_up(io, call, errand, PL_E_NOMEM);
        else
            pl_errand_post(io, call, errand);
    }
}

/* Notes that the connection holds the response until the call is over. False where
 * it holds too much: who does not read what it has asked for gets no more of it. What
 * a command has done is told in any case; that is short. */
static bool hold(struct pl_rpc_call *call, const struct pl_errand *errand)
{
    struct pl_connection *connection = pl_connection_of(call);
    size_t size = errand->response->size;

    if (errand->kind != PL_ERRAND_COMMAND && connection->answers_size > 0 &&
        connection->answers_size + size > PL_ANSWERS_SIZE_MAX)
        return false;
    connection->answers_size += size;
    pl_rpc_call_set_data(call, pl_buf_ref(errand->response));
    return true;
}

void pl_unary_on_close(struct pl_rpc_call *call)
{
    struct pl_connection *connection = pl_connection_of(call);
    struct pl_buf *response = pl_rpc_call_data(call);

    if (response == NULL)
        return;
    PL_ASSERT(connection->answers_size >= response->size);
    connection->answers_size -= response->size;
    pl_buf_unref(response);
}

void pl_unary_answer(struct pl_rpc_call *call, const struct pl_errand *errand)
{
    struct pl_rpc_status status = {.code = PL_CODE_OK};
    int rc;

    PL_ASSERT(errand->answered);
    if (errand->refusal.reason != PL_REASON_NONE) {
        pl_call_refuse(call, &errand->refusal);
        return;
    }
    if (errand->pending != NULL) {
        pl_call_refuse(call, errand->pending);
        return;
    }
    PL_ASSERT(errand->response != NULL);
    rc = hold(call, errand) ? pl_rpc_call_send(call, errand->response) : PL_E_LIMIT;
    if (rc < 0) {
        struct pl_refusal refusal = pl_refusal_of_err(rc);

        pl_call_refuse(call, &refusal);
        return;
    }
    pl_rpc_call_finish(call, &status);
}
