/*
 * client.c - what people do: by chance, and without trusting the network.
 *
 * A client knows what it was answered, no more. A send of which it does not know
 * whether it was done is repeated under its request_id, or given up if it has none.
 */
#include "sim.h"

#include "base/err.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const client_rooms[SIM_ROOMS_LEN] = {
    PL_LOBBY_NAME, "r1", "r2", "r3", "r4", "r5", "w6", "w7", "w8", "p9",
};

void client_init(struct sim *sim, uint32_t number)
{
    struct client *client = &sim->clients[number];

    *client = (struct client){.number = number};
    client->name = sim_printf(sim, "c%u", number);
    client->cursor = "";
}

/* A request of the client, to be filled and posted. */
struct request *client_ask(struct sim *sim, struct client *client, enum pl_command_kind kind)
{
    struct request *request = sim_alloc(sim, sizeof *request);

    request->client = client;
    request->connection = client->connection;
    request->command.kind = kind;
    request->command.token_hash = client->token_hash;
    request->command.reply_loop = client->loop;
    if (sim->requests_len + 1 >= sim->requests_cap) {
        uint64_t cap = sim->requests_cap * 2 + 256;
        struct request **requests = sim_alloc(sim, cap * sizeof(struct request *));

        if (sim->requests_len > 0)
            memcpy(requests, sim->requests, (sim->requests_len + 1) * sizeof *requests);
        sim->requests = requests;
        sim->requests_cap = cap;
    }
    request->command.reply_to = ++sim->requests_len;
    sim->requests[sim->requests_len] = request;
    return request;
}

void client_post(struct sim *sim, struct request *request)
{
    struct client *client = request->client;

    JUDGE(client->flying_len < SIM_FLYING_LEN, "a client asks too much");
    client->flying[client->flying_len++] = request;
    server_post(sim, &request->mail);
}

static const char *choose_room(struct sim *sim, const struct client *client)
{
    uint32_t at = chance_below(&sim->chance, SIM_ROOMS_LEN);

    if (!chance_once_in(&sim->chance, 8)) /* else perhaps one where it is not */
        for (uint32_t i = 0; i < SIM_ROOMS_LEN; i++, at = (at + 1) % SIM_ROOMS_LEN)
            if (client->rooms >> at & 1)
                break;
    return client_rooms[at];
}

static uint32_t bit_of_room(const char *name)
{
    for (uint32_t i = 0; i < SIM_ROOMS_LEN; i++)
        if (strcmp(client_rooms[i], name) == 0)
            return 1U << i;
    return 0;
}

void client_sign_in(struct sim *sim, struct client *client)
{
    struct request *request;
    uint64_t token = sim->requests_len + 1;

    client->token_hash = (struct pl_hash){{0}};
    for (size_t i = 0; i < 8; i++)
        client->token_hash.v[i] = (uint8_t)(token >> 8 * i);
    request = client_ask(sim, client, PL_COMMAND_SIGN_IN_GUEST);
    request->command.u.sign_in_guest.name = client->name;
    request->command.u.sign_in_guest.label = "";
    client->state = CLIENT_SIGNING_IN;
    client->rooms = 1;
    trace("%s signs in", client->name);
    client_post(sim, request);
}

static void sign_out(struct sim *sim, struct client *client)
{
    client->state = CLIENT_SIGNING_OUT;
    trace("%s signs out", client->name);
    client_post(sim, client_ask(sim, client, PL_COMMAND_SIGN_OUT));
}

static void post_send(struct sim *sim, struct client *client, const struct pl_send *send)
{
    struct request *request = client_ask(sim, client, PL_COMMAND_SEND_MESSAGE);

    request->command.u.send = *send;
    trace("%s sends %.12s to %s%s, id '%s'", client->name, send->text, send->room, send->user,
          send->request_id);
    if (send->request_id[0] != 0)
        client->said = request;
    client_post(sim, request);
}

static void send_new(struct sim *sim, struct client *client, bool direct)
{
    struct pl_send send = {.room = "", .user = "", .request_id = ""};
    uint64_t number = ++sim->sends_len;
    const char *mention = "";
    uint32_t padding = chance_below(&sim->chance, 8) == 0 ? chance_below(&sim->chance, 900) : 8;

    if (chance_once_in(&sim->chance, 6))
        mention = sim->clients[chance_below(&sim->chance, SIM_CLIENTS_LEN)].name;
    send.text = sim_printf(sim, "s%" PRIu64 " %s%s %0*d", number, mention[0] != 0 ? "@" : "",
                           mention, (int)padding + 1, 0);
    if (direct && client->direct != NULL && chance_once_in(&sim->chance, 3))
        send.room = client->direct;
    else if (direct)
        send.user = sim->clients[chance_below(&sim->chance, SIM_CLIENTS_LEN)].name;
    else
        send.room = choose_room(sim, client);
    if (chance_below(&sim->chance, 5) < 3)
        send.request_id = sim_printf(sim, "q%" PRIu64, number);
    if (chance_once_in(&sim->chance, 12))
        send.expected_last_message = 1 + chance_below(&sim->chance, 20);
    if (chance_once_in(&sim->chance, 12))
        send.reply_to = 1 + chance_below(&sim->chance, 30);
    if (chance_once_in(&sim->chance, 8))
        send.thread = 1 + chance_below(&sim->chance, 30);
    post_send(sim, client, &send);
}

/* Something that was said, or may have been, is said again. */
static void send_again(struct sim *sim, struct client *client)
{
    struct pl_send send;

    if (client->unsure_len > 0)
        send = client->unsure[--client->unsure_len]->command.u.send;
    else if (client->said != NULL && chance_once_in(&sim->chance, 3))
        send = client->said->command.u.send;
    else
        return;
    if (chance_once_in(&sim->chance, 10)) /* with other words, by mistake */
        send.text = sim_printf(sim, "s%" PRIu64 " other", ++sim->sends_len);
    post_send(sim, client, &send);
}

static void create_room(struct sim *sim, struct client *client)
{
    static const uint64_t retentions_s[] = {0, 0, 0, 2, 10, 3600};
    struct request *request = client_ask(sim, client, PL_COMMAND_CREATE_ROOM);
    const char *name = client_rooms[1 + chance_below(&sim->chance, SIM_ROOMS_LEN - 1)];

    request->command.u.create_room.name = name;
    request->command.u.create_room.title = "";
    request->command.u.create_room.topic = "";
    request->command.u.create_room.visibility = name[0] == 'p' ? PL_ROOM_PRIVATE : PL_ROOM_PUBLIC;
    request->command.u.create_room.delivery = name[0] == 'w' ? PL_ROOM_ONE : PL_ROOM_EVERYONE;
    request->command.u.create_room.quiet_membership = chance_once_in(&sim->chance, 3);
    request->command.u.create_room.retention_s = retentions_s[chance_below(&sim->chance, 6)];
    trace("%s makes %s", client->name, name);
    client_post(sim, request);
}

static void join(struct sim *sim, struct client *client)
{
    struct request *request = client_ask(sim, client, PL_COMMAND_JOIN_ROOM);
    const char *name = client_rooms[1 + chance_below(&sim->chance, SIM_ROOMS_LEN - 1)];

    request->command.u.join_room.room = name;
    request->command.u.join_room.create_if_missing =
        name[0] == 'r' && chance_once_in(&sim->chance, 6);
    trace("%s joins %s", client->name, name);
    client_post(sim, request);
}

static void leave(struct sim *sim, struct client *client)
{
    struct request *request = client_ask(sim, client, PL_COMMAND_LEAVE_ROOM);
    const char *room = choose_room(sim, client);

    request->command.u.leave_room.room = room;
    client->rooms &= ~bit_of_room(room) | 1;
    trace("%s leaves %s", client->name, room);
    client_post(sim, request);
}

static void mark_read(struct sim *sim, struct client *client)
{
    struct request *request = client_ask(sim, client, PL_COMMAND_MARK_READ);
    const char *room = choose_room(sim, client);

    request->command.u.mark_read.room = room;
    request->command.u.mark_read.sequence = chance_below(&sim->chance, 40);
    trace("%s has read %s to %" PRIu64, client->name, room, request->command.u.mark_read.sequence);
    client_post(sim, request);
}

static struct call *new_call(struct sim *sim, struct client *client, struct request *request)
{
    struct call *call = sim_alloc(sim, sizeof *call);

    call->mail.gone = true;
    call->id = request->command.reply_to;
    call->loop = client->loop;
    call->client = client;
    call->taker = request->command.kind == PL_COMMAND_OPEN_TAKER;
    pl_bytebuf_init(&call->bytes, 64 << 20);
    pl_list_append(&sim->server.loops[call->loop].calls, &call->node);
    return call;
}

/* All rooms, or some of those where the client believes to be. */
static void choose_stream_rooms(struct sim *sim, struct client *client)
{
    const char **rooms = sim_alloc(sim, SIM_ROOMS_LEN * sizeof *rooms);
    uint32_t few, len = 0;

    client->all = chance_once_in(&sim->chance, 2);
    few = !client->all && chance_once_in(&sim->chance, 3) ? 1 : SIM_ROOMS_LEN; /* as others have */
    for (uint32_t i = 0; i < few && !client->all; i++)
        if ((client->rooms >> i & 1) != 0 && (few == 1 || !chance_once_in(&sim->chance, 3)))
            rooms[len++] = client_rooms[i];
    client->stream_rooms = rooms;
    client->stream_rooms_len = len;
    client->cursor = "";
}

void client_open_stream(struct sim *sim, struct client *client, enum start_kind from)
{
    struct request *request = client_ask(sim, client, PL_QUERY_SUBSCRIBE);
    struct pl_subscribe *subscribe = &request->command.u.subscribe;
    struct call *call = new_call(sim, client, request);

    if (from == START_CURSOR && client->cursor[0] == 0)
        from = START_NOW;
    if (from != START_CURSOR)
        choose_stream_rooms(sim, client);
    else
        JUDGE(pl_cursor_decode(client->cursor, &sim->arena, &call->cursor) == PL_OK,
              "a cursor is damaged");
    call->from = from;
    if (from == START_CURSOR && !sim->calm && chance_once_in(&sim->chance, 50)) {
        call->cursor.log += chance_below(&sim->chance, 2); /* a bad one, perhaps */
        call->cursor.position += chance_below(&sim->chance, 4);
        client->missing_len = 0; /* it may be past a state that was due */
    }
    subscribe->rooms = client->stream_rooms;
    subscribe->rooms_len = client->stream_rooms_len;
    subscribe->has_cursor = from == START_CURSOR;
    subscribe->cursor_log = call->cursor.log;
    subscribe->cursor_position = call->cursor.position;
    sim->seen->resumed += from == START_CURSOR;
    client->stream = call;
    trace("%s opens stream %" PRIu64 " of %u rooms, from %d, position %" PRIu64, client->name,
          call->id, subscribe->rooms_len, from, call->cursor.position);
    client_post(sim, request);
}

void client_open_taker(struct sim *sim, struct client *client, const char *room, uint32_t len)
{
    struct request *request = client_ask(sim, client, PL_COMMAND_OPEN_TAKER);
    struct call *call = new_call(sim, client, request);

    request->command.u.open_taker.room = room;
    request->command.u.open_taker.taker = (uint64_t)call->loop << 56 | call->id;
    request->command.u.open_taker.unacked_len_max = len;
    request->command.u.open_taker.lease_s = 1 + chance_below(&sim->chance, 20);
    request->command.u.open_taker.include_own = sim->calm || chance_once_in(&sim->chance, 2);
    client->taker = call;
    trace("%s takes from %s, %u at a time, taker %" PRIu64, client->name, room, len, call->id);
    client_post(sim, request);
}

void client_finish_taken(struct sim *sim, struct client *client, uint32_t i,
                         enum pl_command_kind kind, uint32_t delay_s)
{
    struct request *request = client_ask(sim, client, kind);

    request->command.u.lease.room = client->taken[i].room;
    request->command.u.lease.sequence = client->taken[i].sequence;
    request->command.u.lease.lease = client->taken[i].lease;
    request->command.u.lease.delay_s = delay_s;
    trace("%s %s %" PRIu64 " of %s, lease %" PRIu64, client->name,
          kind == PL_COMMAND_ACK_MESSAGE ? "has done" : "gives back", client->taken[i].sequence,
          client->taken[i].room, client->taken[i].lease);
    client->taken[i] = client->taken[--client->taken_len];
    client_post(sim, request);
}

static void work(struct sim *sim, struct client *client)
{
    uint32_t i, dice, delay_s;

    if (client->taken_len == 0) {
        if (client->taker == NULL) {
            static const char *const rooms[] = {"w6", "w7", "w8"};
            const char *room = rooms[chance_below(&sim->chance, 3)];

            client_open_taker(sim, client, room, 1 + chance_below(&sim->chance, 3));
        }
        return;
    }
    i = chance_below(&sim->chance, client->taken_len);
    dice = chance_below(&sim->chance, 20);
    delay_s = chance_below(&sim->chance, 3) * 4;
    if (dice < 14)
        client_finish_taken(sim, client, i, PL_COMMAND_ACK_MESSAGE, 0);
    else if (dice < 17)
        client_finish_taken(sim, client, i, PL_COMMAND_RELEASE_MESSAGE, delay_s);
    else
        client->taken[i] = client->taken[--client->taken_len]; /* forgets it */
}

static void stream(struct sim *sim, struct client *client)
{
    enum start_kind from = START_CURSOR;

    if (client->stream != NULL)
        return;
    if (client->cursor[0] == 0 || chance_once_in(&sim->chance, 8))
        from = (enum start_kind)chance_below(&sim->chance, 3);
    client_open_stream(sim, client, from);
}

static void act_in(struct sim *sim, struct client *client)
{
    uint32_t dice = chance_below(&sim->chance, 100);

    if (dice < 40)
        send_new(sim, client, dice < 5);
    else if (dice < 48)
        send_again(sim, client);
    else if (dice < 56)
        join(sim, client);
    else if (dice < 59)
        leave(sim, client);
    else if (dice < 62)
        create_room(sim, client);
    else if (dice < 66)
        mark_read(sim, client);
    else if (dice < 76)
        stream(sim, client);
    else if (dice < 80)
        client->asleep = !client->asleep;
    else if (dice < 82)
        client_disconnect(sim, client);
    else if (dice < 98)
        work(sim, client);
    else if (chance_once_in(&sim->chance, 4))
        sign_out(sim, client);
}

void client_act(struct sim *sim, struct client *client)
{
    if (client->flying_len == SIM_FLYING_LEN)
        return;
    if (client->state == CLIENT_OUT)
        client_sign_in(sim, client);
    else if (client->state == CLIENT_IN)
        act_in(sim, client);
}

/* The token is gone, and with it all that hangs on it. */
static void forget_user(struct sim *sim, struct client *client, bool new_name)
{
    client->state = CLIENT_OUT;
    client->unsure_len = 0;
    client->said = NULL;
    client->taken_len = 0;
    client->cursor = "";
    client->direct = NULL;
    if (new_name)
        client->name = sim_printf(sim, "c%u-%u", client->number, ++client->names_len);
}

/* Whether it was done will not be known. */
static void unknown(struct sim *sim, struct client *client, struct request *request)
{
    if (request->command.kind == PL_COMMAND_SEND_MESSAGE &&
        request->command.u.send.request_id[0] != 0 && client->unsure_len < SIM_UNSURE_LEN &&
        client->state == CLIENT_IN)
        client->unsure[client->unsure_len++] = request;
    if (request->command.kind == PL_COMMAND_SIGN_IN_GUEST)
        forget_user(sim, client, true);
    if (request->command.kind == PL_COMMAND_SIGN_OUT)
        forget_user(sim, client, true);
}

void client_disconnect(struct sim *sim, struct client *client)
{
    trace("%s loses its connection", client->name);
    client->connection++;
    if (client->stream != NULL)
        loop_leave(sim, client->stream);
    if (client->taker != NULL)
        loop_leave(sim, client->taker);
    client->stream = NULL;
    client->taker = NULL;
    client->asleep = false;
    for (uint32_t i = 0; i < client->flying_len; i++)
        unknown(sim, client, client->flying[i]);
    client->flying_len = 0;
    client->loop = chance_below(&sim->chance, SIM_LOOPS_LEN);
}

/* Whether it was asked with the token that the client has now. */
static bool is_of_now(const struct client *client, const struct request *request)
{
    return client->state == CLIENT_IN && memcmp(&request->command.token_hash, &client->token_hash,
                                                sizeof client->token_hash) == 0;
}

static void on_sent(struct sim *sim, struct client *client, const struct request *request)
{
    const struct pl_send *send = &request->command.u.send;

    trace("%s hears: %.12s is %" PRIu64 " of %s (%d)", client->name, send->text, request->sequence,
          request->room != NULL ? request->room : "-", request->reason);
    if (request->reason == PL_REASON_NONE)
        judge_acknowledged(&sim->judge, send->text, request->room, request->sequence);
    if (request->reason == PL_REASON_NONE && request->room[0] == '@')
        client->direct = request->room;
    if ((request->reason == PL_REASON_DISK_FULL || request->reason == PL_REASON_OVERLOADED) &&
        send->request_id[0] != 0 && is_of_now(client, request) && chance_once_in(&sim->chance, 2) &&
        client->unsure_len < SIM_UNSURE_LEN)
        client->unsure[client->unsure_len++] = sim->requests[request->command.reply_to];
}

void client_on_reply(struct sim *sim, struct request *request)
{
    struct client *client = request->client;
    bool granted = request->reason == PL_REASON_NONE;
    uint32_t i = 0;

    if (request->connection != client->connection)
        return; /* the call is gone */
    while (i < client->flying_len && client->flying[i] != request)
        i++;
    JUDGE(i < client->flying_len, "request %" PRIu64 " was answered twice",
          request->command.reply_to);
    client->flying[i] = client->flying[--client->flying_len];
    if (request->reason == PL_REASON_TOKEN_INVALID && is_of_now(client, request))
        forget_user(sim, client, false); /* it was idle for too long */
    switch (request->command.kind) {
    case PL_COMMAND_SIGN_IN_GUEST:
        client->state = granted ? CLIENT_IN : CLIENT_OUT;
        if (request->reason == PL_REASON_NAME_TAKEN)
            forget_user(sim, client, true);
        break;
    case PL_COMMAND_SIGN_OUT:
        if (granted || request->reason == PL_REASON_TOKEN_INVALID)
            forget_user(sim, client, false);
        else
            client->state = CLIENT_IN;
        break;
    case PL_COMMAND_CREATE_ROOM:
        if (granted)
            client->rooms |= bit_of_room(request->command.u.create_room.name);
        break;
    case PL_COMMAND_JOIN_ROOM:
        if (granted)
            client->rooms |= bit_of_room(request->command.u.join_room.room);
        break;
    case PL_COMMAND_SEND_MESSAGE:
        on_sent(sim, client, request);
        break;
    default:
        break;
    }
}

void client_on_taken(struct sim *sim, struct call *call, const struct letter *letter)
{
    struct client *client = call->client;
    const char *room = sim->requests[call->id]->command.u.open_taker.room;

    trace("%s is handed %" PRIu64 " of %s, lease %" PRIu64, client->name, letter->sequence, room,
          letter->lease);
    if (client->taken_len < SIM_TAKEN_LEN) /* else it is forgotten */
        client->taken[client->taken_len++] = (struct taken){room, letter->sequence, letter->lease};
}

void client_call_ended(struct sim *sim, struct call *call, enum pl_reason reason)
{
    struct client *client = call->client;

    (void)sim;
    if (client->stream == call)
        client->stream = NULL;
    if (client->taker == call)
        client->taker = NULL;
    if (!call->taker && reason != PL_REASON_NONE && reason != PL_REASON_STORE_FAILED &&
        reason != PL_REASON_DISK_FULL && reason != PL_REASON_OVERLOADED &&
        reason != PL_REASON_DRAINING)
        client->cursor = ""; /* a room of it was left */
}
