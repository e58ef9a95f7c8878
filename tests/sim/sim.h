/*
 * sim.h - a whole chat in one thread: clients, loops, the engine, the disk.
 *
 * What would be threads and sockets are steps, which a seed puts in an order:
 * a batch is applied, a letter reaches a loop, a page is read, a client reads some
 * bytes, and so on. The server's parts are the production's; what joins them here
 * does what src/server does with mailboxes and calls.
 *
 * What a run's requests and letters take is of one arena, until its end.
 */
#ifndef PL_TESTS_SIM_SIM_H
#define PL_TESTS_SIM_SIM_H

#include "base/arena.h"
#include "base/bytes.h"
#include "chance.h"
#include "core/engine.h"
#include "disk.h"
#include "fanout/hub.h"
#include "fanout/router.h"
#include "journal/local.h"
#include "judge.h"
#include "replay.h"
#include "server/age_clock.h"
#include "wire/cursor.h"
#include "wire/frame.h"

enum {
    SIM_CLIENTS_LEN = 8,
    SIM_LOOPS_LEN = 2,
    SIM_ROOMS_LEN = 10, /* names that clients use, besides the lobby's */
    SIM_FLYING_LEN = 6, /* requests of a client under way */
    SIM_UNSURE_LEN = 8, /* sends of which it does not know whether they were done */
    SIM_TAKEN_LEN = 24,
    SIM_REFUSED_LEN = 64,
    SIM_EFFECTS_SIZE_MAX = 16 << 20,
};

struct sim;
struct sim_block;
struct client;

/* In the engine's mailbox: a request, or that a call is gone. */
struct mail {
    struct pl_list node;
    bool gone;
};

enum start_kind {
    START_NOW,
    START_UNREAD,
    START_BEGINNING,
    START_CURSOR,
};

struct request {
    struct mail mail;
    struct client *client;
    uint32_t connection; /* of the client, when it asked */
    struct pl_command command;
    bool silent; /* nobody waits for an answer */
    /* the answer */
    enum pl_reason reason;
    pl_sequence sequence;
    const char *room;
    pl_user_id user;
    pl_session_id session;
    pl_position shown;
    struct pl_subscribed_room *rooms;
    uint32_t rooms_len;
};

/* A call that stays open: a stream, or a taker. */
enum call_state {
    CALL_ASKING,
    CALL_OPEN,
    CALL_GONE,
};

struct call {
    struct mail mail;    /* that it is gone */
    struct pl_list node; /* of its loop, until it is gone */
    uint64_t id;
    uint32_t loop;
    bool taker;
    enum call_state state;
    struct client *client;
    struct pl_command gone;
    bool forgotten; /* the engine's command for it was made */
    /* a stream's */
    enum start_kind from;
    struct pl_cursor cursor;
    struct pl_stream *stream;
    bool awake;
    bool page_wanted;
    bool page_read;
    bool page_failed; /* for want of memory */
    struct pl_page_query page_query;
    struct pl_buf *page_frames;
    pl_position page_through;
    pl_position page_states_until;
    /* at the client */
    struct judge_stream judged;
    struct pl_bytebuf bytes;
};

enum letter_kind {
    LETTER_REPLY,
    LETTER_FEED, /* feed NULL: it was lost, and all streams end */
    LETTER_TAKEN,
    LETTER_TAKER_ENDED,
};

struct letter {
    struct pl_list node;
    enum letter_kind kind;
    struct request *request;
    struct pl_feed *feed;
    uint64_t call;
    uint64_t lease;
    pl_sequence sequence;
    enum pl_reason reason;
};

struct loop {
    struct pl_hub *hub;
    struct pl_list letters;
    struct pl_list calls;
    struct pl_hub_config config;
    uint32_t wanted;  /* pages asked for */
    size_t page_size; /* of the page that came last */
    bool starved;     /* memory was short once */
    bool draining;
};

/* A batch of which its callers were told that the disk is full, at its very end: if the
 * server dies before the next commit, it may be there after all. */
struct refused {
    struct pl_batch *batch;
    struct pl_event_row *rows;
    uint32_t rows_len;
};

struct server {
    struct pl_engine *engine;
    struct pl_journal_local local;
    struct pl_journal journal;
    struct pl_router *router;
    struct pl_wire_framer framer;
    struct pl_framer framer_iface;
    struct pl_effects effects;
    struct loop loops[SIM_LOOPS_LEN];
    struct pl_list inbox;
    struct pl_list gone;     /* calls to be forgotten before the next batch */
    struct pl_list gone_now; /* those whose commands are in this one */
    pl_position through;
    bool follow_up;
    struct pl_age_clock age;
    int64_t age_ms; /* of the last batch, when the steady clock was at: */
    int64_t aged_ms;
};

struct taken {
    const char *room;
    pl_sequence sequence;
    uint64_t lease;
};

enum client_state {
    CLIENT_OUT,
    CLIENT_SIGNING_IN,
    CLIENT_IN,
    CLIENT_SIGNING_OUT,
};

struct client {
    uint32_t number;
    uint32_t names_len; /* that it has used */
    enum client_state state;
    const char *name;
    struct pl_hash token_hash;
    uint32_t connection;
    uint32_t loop;
    bool asleep;    /* does not read */
    uint32_t rooms; /* where it believes to be; one bit each */
    struct request *flying[SIM_FLYING_LEN];
    uint32_t flying_len;
    struct request *unsure[SIM_UNSURE_LEN];
    uint32_t unsure_len;
    struct request *said; /* the last send with a request_id */
    struct call *stream;
    struct call *taker;
    struct taken taken[SIM_TAKEN_LEN];
    uint32_t taken_len;
    /* where a stream that broke off goes on */
    const char *direct;         /* a direct room where it has sent something, or NULL */
    char *cursor;               /* "" where there is none */
    const pl_sequence *missing; /* what the judge says is missing up to there, by room */
    size_t missing_len;
    bool all;
    const char *const *stream_rooms;
    uint32_t stream_rooms_len;
};

/* What was met: each must be, in enough seeds. */
struct sim_seen {
    uint64_t steps;
    uint64_t restarts;
    uint64_t failed_commits;
    uint64_t fell_behind;
    uint64_t rejoined;
    uint64_t handed_again;
    uint64_t repeats;
    uint64_t batches;
    uint64_t events;
    uint64_t given; /* to streams */
    uint64_t resumed;
    uint64_t trimmed; /* events */
    uint64_t states;  /* of rooms, given in place of those */
    uint64_t idled;   /* sessions that ended unused */
    uint64_t starved; /* what loops did, while memory was short */
    uint64_t let_go;  /* pages that were not read in time */
    uint64_t cached;  /* pages that were made for another */
    uint64_t lists;   /* history and lists looked at */
    uint64_t revived; /* refused batches that were there after a loss of power */
};

struct sim {
    struct chance chance;
    struct pl_arena arena; /* of what production code copies */
    struct sim_block *blocks;
    struct disk disk;
    struct server server;
    struct client clients[SIM_CLIENTS_LEN];
    struct judge judge;
    struct replay replay;
    struct sim_seen *seen;
    enum fault fault;
    int64_t now_ms;            /* the time of day, which is set at times */
    int64_t steady_ms;         /* a clock that nobody sets; it begins anew with the machine */
    int64_t mono_ms;           /* the loops' */
    struct request **requests; /* by number */
    uint64_t requests_len;
    uint64_t requests_cap;
    uint64_t sends_len;
    uint64_t starts_len;
    int64_t idle_ms; /* after which a session ends */
    struct refused refused[SIM_REFUSED_LEN];
    uint32_t refused_len;   /* since the last commit */
    struct pl_batch *dying; /* its outcome is known by the disk only */
    bool waiting;           /* a commit is under way */
    uint32_t fail_alloc;    /* the allocation of the next batch that fails; 0: none */
    bool calm;              /* no faults: all that is owed is to come */
};

/* sim.c */
void sim_run(uint64_t seed, uint64_t steps, enum fault fault, struct sim_seen *seen);
void *sim_alloc(struct sim *sim, size_t size);
const char *sim_printf(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_others(void *self); /* what goes on while a commit waits */

/* Memory may be short for what is done until sim_fed(), which says whether it was. */
void sim_starve(struct sim *sim, uint32_t once_in);
bool sim_fed(struct sim *sim);

/* lists.c: what is listed is what the judge says; of SQLite's store only. */
void lists_look(struct sim *sim);

/* server.c: the engine's thread */
void server_config(struct sim *sim, struct pl_engine_config *config);
void server_start(struct sim *sim);
void server_stop(struct sim *sim);
void server_start_loops(struct sim *sim); /* with what the engine's thread knows of them */
void server_stop_loops(struct sim *sim);
void server_post(struct sim *sim, struct mail *mail);
/* One batch of what waits, at most len commands. False: the server died. */
bool server_batch(struct sim *sim, uint32_t len);
bool server_busy(const struct sim *sim);

/* loop.c: the loops, and the threads that read pages */
void loop_start(struct sim *sim, uint32_t number);
void loop_stop(struct sim *sim, uint32_t number);
bool loop_deliver(struct sim *sim, uint32_t number); /* false: there was no letter */
void loop_turn(struct sim *sim, uint32_t number);
void loop_tick(struct sim *sim, uint32_t number);
void loop_judge(const struct sim *sim, uint32_t number);
bool loop_page(struct sim *sim, struct call *call); /* reads a page, or hands it over */
void loop_leave(struct sim *sim, struct call *call);

/* client.c */
void client_init(struct sim *sim, uint32_t number);
void client_act(struct sim *sim, struct client *client);
void client_disconnect(struct sim *sim, struct client *client);
void client_on_reply(struct sim *sim, struct request *request);
void client_on_taken(struct sim *sim, struct call *call, const struct letter *letter);
void client_call_ended(struct sim *sim, struct call *call, enum pl_reason reason);
struct request *client_ask(struct sim *sim, struct client *client, enum pl_command_kind kind);
void client_post(struct sim *sim, struct request *request);
void client_open_stream(struct sim *sim, struct client *client, enum start_kind from);
void client_open_taker(struct sim *sim, struct client *client, const char *room, uint32_t len);
void client_finish_taken(struct sim *sim, struct client *client, uint32_t i,
                         enum pl_command_kind kind, uint32_t delay_s);
void client_sign_in(struct sim *sim, struct client *client);
extern const char *const client_rooms[SIM_ROOMS_LEN];

/* reading.c: what a client makes of a stream's bytes */
uint32_t reading_size_of_frame(const uint8_t *head); /* without its head of five bytes */
void reading_pull(struct sim *sim, struct call *call, size_t size);

#endif
