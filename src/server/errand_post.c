/*
 * errand_post.c - counts what is under way, and has lanes say when each may go.
 */
#include "server/errand_post.h"

#include "base/assert.h"
#include "base/err.h"
#include "server/service.h"

enum { POST_US = 2 }; /* what posting one counts as */

/* Counts what the errand holds until it comes back; PL_E_LIMIT: too much is held. */
static int charge(struct pl_io_loop *io, struct pl_errand *errand)
{
    size_t size = sizeof *errand + errand->arena.size;

    if (io->errands_size + size > PL_ERRANDS_SIZE_MAX)
        return PL_E_LIMIT;
    errand->charged_size = size;
    io->errands_size += size;
    return PL_OK;
}

static void uncharge(struct pl_io_loop *io, struct pl_errand *errand)
{
    PL_ASSERT(io->errands_size >= errand->charged_size);
    io->errands_size -= errand->charged_size;
    if (errand->lane_weak != NULL)
        pl_lanes_leave(&io->lanes, errand);
}

void pl_errand_give_up(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand,
                       int err)
{
    struct pl_refusal refusal = pl_refusal_of_err(err);

    uncharge(io, errand);
    pl_errand_pool_give(&io->pool, errand);
    if (call != NULL)
        pl_call_refuse(call, &refusal);
}

void pl_errand_to_engine(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand)
{
    int rc = charge(io, errand);

    if (rc == PL_OK)
        rc = pl_engine_thread_put(io->config.engine_weak, errand);
    if (rc < 0)
        pl_errand_give_up(io, call, errand, rc);
}

/* Its lane has let it go. */
static int post(struct pl_io_loop *io, struct pl_errand *errand)
{
    int rc = errand->asked ? pl_reader_pool_post(io->config.readers_weak, errand)
                           : pl_engine_thread_put(io->config.engine_weak, errand);

    if (rc < 0)
        pl_lanes_back(&io->lanes, errand);
    return rc;
}

void pl_errand_post(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand)
{
    int rc = charge(io, errand);

    errand->asked = errand->kind != PL_ERRAND_COMMAND && errand->kind != PL_ERRAND_ONLINE;
    if (rc == PL_OK)
        rc = pl_lanes_enter(&io->lanes, pl_port_peer(pl_rpc_call_conn(call)), errand);
    if (rc == PL_OK)
        rc = pl_lanes_go(&io->lanes, errand);
    if (rc == PL_E_AGAIN)
        return; /* it waits */
    if (rc == PL_OK)
        rc = post(io, errand);
    if (rc < 0)
        pl_errand_give_up(io, call, errand, rc);
}

static void post_next(struct pl_io_loop *io, struct pl_errand *errand)
{
    struct pl_rpc_call *call = pl_rpc_host_call(io->host, errand->call);
    int rc = PL_E_CLOSED;

    if (call != NULL)
        rc = post(io, errand);
    else
        pl_lanes_back(&io->lanes, errand);
    if (rc < 0)
        pl_errand_give_up(io, call, errand, rc);
}

void pl_errand_on_turn(struct pl_turn *turn)
{
    struct pl_lane *lane = PL_CONTAINER(turn, struct pl_lane, turn);
    struct pl_io_loop *io = lane->owner_weak;
    struct pl_errand *errand = pl_lanes_turn(&io->lanes, lane);

    if (errand != NULL) {
        pl_port_charge(io->port, lane->peer, POST_US);
        post_next(io, errand);
    }
    pl_lanes_turn_end(&io->lanes, lane);
}

void pl_errand_back(struct pl_io_loop *io, struct pl_rpc_call *call, struct pl_errand *errand)
{
    struct pl_lane *lane = errand->lane_weak;

    if (lane != NULL) {
        pl_port_charge_others(io->port, lane->peer, errand->work_us);
        pl_lanes_back(&io->lanes, errand);
    } else if (call != NULL) {
        pl_port_charge_others(io->port, pl_port_peer(pl_rpc_call_conn(call)), errand->work_us);
    }
    uncharge(io, errand);
}
