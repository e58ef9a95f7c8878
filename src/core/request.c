/*
 * request.c - what was asked before is known by its target, as it was given,
 * its id, and a hash of the rest.
 */
#include "core/request.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/send.h"
#include "core/tell.h"

#include <string.h>

enum { EXPIRE_LEN_MAX = 256 };

static void put_u64(uint8_t *to, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* Of all that a send holds besides target and id: the same on every machine. */
static struct pl_hash content_of(const struct pl_send *send)
{
    struct pl_hash text = pl_hash_of(pl_bytes_str(send->text));
    uint8_t all[PL_HASH_SIZE + 3 * 8];

    for (size_t i = 0; i < PL_HASH_SIZE; i++)
        all[i] = text.v[i];
    put_u64(all + PL_HASH_SIZE, send->reply_to);
    put_u64(all + PL_HASH_SIZE + 8, send->thread);
    put_u64(all + PL_HASH_SIZE + 16, send->expected_last_message);
    return pl_hash_of((struct pl_bytes){all, sizeof all});
}

void pl_request_key_init(struct pl_request_key *key, const struct pl_send *send)
{
    bool is_room = send->room[0] != 0;
    const char *name = is_room ? send->room : send->user;
    size_t at = 0, size = strlen(name);

    key->id = send->request_id;
    if (key->id[0] == 0)
        return;
    PL_ASSERT(size + 2 <= sizeof key->target);
    if (!is_room)
        key->target[at++] = '@';
    memcpy(key->target + at, name, size + 1);
    key->content = content_of(send);
}

int pl_request_replay(struct pl_turn *turn, const struct pl_request_key *key, bool *ret_found)
{
    struct pl_engine *engine = turn->engine;
    struct pl_request request;
    struct pl_room room;
    int rc;

    *ret_found = false;
    if (key->id[0] == 0)
        return PL_OK;
    rc = PL_ASK(engine, get_request, turn->user->id, key->target, key->id, &request);
    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    if (rc < 0)
        return rc;
    if (engine->age_ms - request.create_ms > PL_REQUEST_ID_MS)
        return PL_OK;
    if (!pl_secret_equal(request.content.v, key->content.v, PL_HASH_SIZE))
        return pl_refuse_at(turn, PL_REASON_REQUEST_ID_REUSED, "request_id");

    rc = pl_must_be(pl_cache_peek_room(&engine->cache, request.room, &room));
    if (rc == PL_OK && request.sequence < room.first_sequence)
        return pl_refuse_detail(turn, PL_REASON_MESSAGE_NOT_FOUND,
                                "it was sent under this request_id, and is past the room's "
                                "retention");
    if (rc == PL_OK)
        rc = pl_must_be(
            pl_send_view(engine, request.room, request.sequence, &turn->reply->u.send.message));
    if (rc < 0)
        return rc;
    turn->reply->u.send.deduplicated = true;
    turn->reply->u.send.room = pl_tell_str(engine, room.name);
    *ret_found = true;
    return turn->reply->u.send.room != NULL ? PL_OK : PL_E_NOMEM;
}

int pl_request_keep(struct pl_turn *turn, const struct pl_request_key *key, pl_room_id room,
                    pl_sequence sequence)
{
    struct pl_request request = {.user = turn->user->id,
                                 .target = key->target,
                                 .request_id = key->id,
                                 .content = key->content,
                                 .room = room,
                                 .sequence = sequence,
                                 .create_ms = turn->engine->now_ms};

    if (key->id[0] == 0)
        return PL_OK;
    return PL_ASK(turn->engine, put_request, &request);
}

int pl_request_expire(struct pl_engine *engine)
{
    uint32_t len = 0;
    int rc =
        PL_ASK(engine, expire_requests, engine->age_ms - PL_REQUEST_ID_MS, EXPIRE_LEN_MAX, &len);

    if (rc == PL_OK && len == EXPIRE_LEN_MAX)
        engine->follow_up = true;
    return rc;
}
