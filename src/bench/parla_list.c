/*
 * parla_list.c - what rooms hold, page by page, read without unpacking.
 */
#include "base/err.h"
#include "bench/parla_inner.h"
#include "bench/parla_walk.h"
#include "model/limits.h"
#include "parla/v1/chat_service.pb-c.h"

static const char path[] = "/parla.v1.ChatService/ListMessages";

int pl_bench_parla_list(struct pl_bench_parla_conn *conn, uint32_t room, uint64_t after,
                        uint32_t page_size, pl_bench_parla_done on_done, void *self)
{
    Parla__V1__ListMessagesRequest request = PARLA__V1__LIST_MESSAGES_REQUEST__INIT;

    request.room = (char *)(uintptr_t)pl_bench_channel_name(conn->parla_weak->run_weak, room);
    request.after = after;
    request.ascending = true;
    request.page_size = page_size;
    return pl_bench_parla_unary_pb(conn, path, pl_bench_parla_user_of(conn)->bearer, &request.base,
                                   on_done, self, room);
}

static bool read_message(struct pl_bench_parla *parla, struct pl_bytes data)
{
    struct pl_bench_event message;

    if (!pl_bench_walk_message(data, &message) || message.sequence <= parla->read_after)
        return false;
    parla->read_after = message.sequence;
    pl_bench_logged(parla->run_weak, parla->read_room, message.text, message.sequence);
    return true;
}

/* How many messages the page holds; -1 where it cannot be read. */
static int64_t read_page(struct pl_bench_parla *parla, struct pl_bytes page)
{
    struct pl_bytes message;
    int64_t len = 0;

    for (;; len++) {
        if (!pl_bench_walk_page(&page, &message))
            return -1;
        if (message.data == NULL)
            return len;
        if (!read_message(parla, message))
            return -1;
    }
}

static int list(struct pl_bench_parla *parla);

static void on_page(void *self, uint32_t tag, const struct pl_rpc_status *status,
                    struct pl_bytes answer)
{
    struct pl_bench_parla *parla = self;
    const char *room = pl_bench_channel_name(parla->run_weak, tag);
    int64_t len = status->code == PL_CODE_OK ? read_page(parla, answer) : 0;
    int err = PL_OK;

    if (status->code != PL_CODE_OK)
        pl_bench_fail(parla->run_weak, "%s is not to be read back: %s, %s", room,
                      pl_code_name((int)status->code), status->message);
    else if (len < 0)
        pl_bench_fail(parla->run_weak, "wrong: a page of %s is not in order, or not to be read",
                      room);
    if (parla->run_weak->failed)
        return;
    if (len == 0) { /* the room's end */
        parla->read_room++;
        parla->read_after = 0;
    }
    if (parla->read_room == pl_bench_channels_len(parla->run_weak))
        pl_bench_read_back(parla->run_weak);
    else
        err = list(parla);
    if (err < 0)
        pl_bench_fail(parla->run_weak, "%s: %s", path + 1, pl_err_text(err));
}

static int list(struct pl_bench_parla *parla)
{
    return pl_bench_parla_list(parla->control_weak, parla->read_room, parla->read_after,
                               PL_PAGE_LEN_MAX, on_page, parla);
}

int pl_bench_parla_read_back(void *self, struct pl_bench_conn *conn)
{
    struct pl_bench_parla *parla = self;

    parla->control_weak = conn->driver;
    parla->read_room = 0;
    parla->read_after = 0;
    return list(parla);
}
