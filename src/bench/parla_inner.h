/*
 * parla_inner.h - what the files of parla's driver share.
 */
#ifndef PL_BENCH_PARLA_INNER_H
#define PL_BENCH_PARLA_INNER_H

#include "base/list.h"
#include "bench/parla.h"
#include "bench/run.h"
#include "rpc/client.h"
#include "transport/preface.h"

#include <protobuf-c/protobuf-c.h>

enum {
    PL_BENCH_BEARER_SIZE = 300,
    PL_BENCH_ROOM_SIZE = 80,
};

struct pl_bench_parla_user {
    char name[PL_BENCH_NAME_SIZE];
    char bearer[PL_BENCH_BEARER_SIZE]; /* "Bearer TOKEN"; "" before sign-in */
};

/* The steps of preparing and cleaning up; each is so many calls, all of which are
 * over before the next begins. */
enum pl_bench_parla_step {
    PL_BENCH_STEP_OWNER,
    PL_BENCH_STEP_ROOMS,
    PL_BENCH_STEP_USERS,
    PL_BENCH_STEP_JOIN,
    PL_BENCH_STEP_READY,
    PL_BENCH_STEP_DELETE,
    PL_BENCH_STEP_SIGN_OUT,
    PL_BENCH_STEP_OVER,
};

struct pl_bench_parla {
    struct pl_bench_run *run_weak;
    struct pl_bench_parla_user *users;
    uint32_t users_len;
    struct pl_bench_parla_conn *control_weak; /* where it is prepared */
    enum pl_bench_parla_step step;
    uint32_t begun, done;     /* calls of the step */
    uint32_t read_room;       /* of what is read back */
    uint64_t read_after;      /* a sequence */
    struct pl_bytebuf cursor; /* where streams resume; empty: they start now */
    struct pl_bytebuf began;  /* where the first stream began */
};

struct pl_bench_parla_conn {
    struct pl_bench_parla *parla_weak;
    struct pl_bench_conn *conn_weak;
    struct pl_rpc_client *client;
    struct pl_preface preface; /* of the server, until it is ready */
    bool ready;
};

/* Who acts on that connection. */
const struct pl_bench_parla_user *pl_bench_parla_user_of(const struct pl_bench_parla_conn *conn);

/* One call with one message each way. on_done gets PL_CODE_OK and the answer's bytes, or
 * another code and its text; it is called once, and not when the run ends first. The
 * request is copied. bearer: "" for none. */
typedef void (*pl_bench_parla_done)(void *self, uint32_t tag, const struct pl_rpc_status *status,
                                    struct pl_bytes answer);
int pl_bench_parla_unary(struct pl_bench_parla_conn *conn, const char *path, const char *bearer,
                         struct pl_bytes request, pl_bench_parla_done on_done, void *self,
                         uint32_t tag);
int pl_bench_parla_unary_pb(struct pl_bench_parla_conn *conn, const char *path, const char *bearer,
                            const ProtobufCMessage *request, pl_bench_parla_done on_done,
                            void *self, uint32_t tag);

/* Streams that are begun from now on go on after that cursor; empty: with what comes. */
int pl_bench_parla_resume_at(struct pl_bench_parla *parla, struct pl_bytes cursor);

/* A page of a room's messages, oldest first, after a sequence: the answer is a
 * ListMessagesResponse. */
int pl_bench_parla_list(struct pl_bench_parla_conn *conn, uint32_t room, uint64_t after,
                        uint32_t page_size, pl_bench_parla_done on_done, void *self);

/* pl_bench_driver's functions that are not in parla.c. */
int pl_bench_parla_read_back(void *self, struct pl_bench_conn *conn);
int pl_bench_parla_prepare(void *self, struct pl_bench_conn *conn);
int pl_bench_parla_clean(void *self, struct pl_bench_conn *conn);

#endif
