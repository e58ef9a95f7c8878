/*
 * lanes.c - a map of peers, each with two queues. A lane lasts as long as it has errands, here
 * or under way; one is kept for the next that is needed.
 *
 * A lane whose first command and first question may not go is blocked. Each errand that comes
 * back has all of those wait for a turn again, first those that had nothing of their last: so
 * none hangs on the turn of another, and as long as some lane is blocked something is under way.
 */
#include "server/lanes.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

static struct pl_errand *errand_of(struct pl_list *node)
{
    struct pl_letter *letter = PL_CONTAINER(node, struct pl_letter, node);

    return PL_CONTAINER(PL_CONTAINER(letter, struct pl_msg, letter), struct pl_errand, msg);
}

void pl_lanes_init(struct pl_lanes *lanes, struct pl_port *port,
                   void (*on_turn)(struct pl_turn *turn), void *self)
{
    *lanes = (struct pl_lanes){.port_weak = port, .on_turn = on_turn, .self = self};
    pl_map_init(&lanes->map);
    pl_list_init(&lanes->blocked);
    pl_list_init(&lanes->served);
}

static void free_all(struct pl_list *errands)
{
    PL_LIST_EACH (node, errands) {
        pl_list_remove(node);
        pl_errand_free(errand_of(node));
    }
}

void pl_lanes_done(struct pl_lanes *lanes)
{
    struct pl_map_node *node = pl_map_walk(&lanes->map, NULL);

    while (node != NULL) {
        struct pl_lane *lane = PL_CONTAINER(node, struct pl_lane, map_node);

        node = pl_map_walk(&lanes->map, node);
        free_all(&lane->commands);
        free_all(&lane->questions);
        pl_map_remove(&lanes->map, &lane->map_node);
        pl_free(lane);
    }
    pl_map_done(&lanes->map);
    pl_free(lanes->spare);
}

static struct pl_lane *find(const struct pl_lanes *lanes, const struct pl_peer *peer)
{
    PL_MAP_EACH (node, &lanes->map, pl_peer_hash(peer)) {
        struct pl_lane *lane = PL_CONTAINER(node, struct pl_lane, map_node);

        if (lane->peer == peer)
            return lane;
    }
    return NULL;
}

static struct pl_lane *add(struct pl_lanes *lanes, struct pl_peer *peer)
{
    struct pl_lane *lane = lanes->spare != NULL ? lanes->spare : pl_alloc(sizeof *lane);

    lanes->spare = NULL;
    if (lane == NULL)
        return NULL;
    *lane = (struct pl_lane){.peer = peer, .owner_weak = lanes->self};
    lane->turn.go_on = lanes->on_turn;
    pl_list_init(&lane->turn.node);
    pl_list_init(&lane->blocked_node);
    pl_list_init(&lane->commands);
    pl_list_init(&lane->questions);
    pl_port_hold_peer(lanes->port_weak, peer);
    pl_map_put(&lanes->map, &lane->map_node, pl_peer_hash(peer));
    return lane;
}

int pl_lanes_enter(struct pl_lanes *lanes, struct pl_peer *peer, struct pl_errand *errand)
{
    struct pl_lane *lane = find(lanes, peer);

    PL_ASSERT(errand->lane_weak == NULL);
    if (lane == NULL)
        lane = add(lanes, peer);
    if (lane == NULL)
        return PL_E_NOMEM;
    lane->len++;
    errand->lane_weak = lane;
    return PL_OK;
}

static void let_go(struct pl_lanes *lanes, struct pl_lane *lane)
{
    PL_ASSERT(lane->len > 0);
    if (--lane->len > 0)
        return;
    PL_ASSERT(lane->commands_len == 0 && lane->waiting_size == 0);
    pl_list_remove(&lane->turn.node);
    pl_list_remove(&lane->blocked_node);
    pl_port_release_peer(lanes->port_weak, lane->peer);
    pl_map_remove(&lanes->map, &lane->map_node);
    if (lanes->spare == NULL)
        lanes->spare = lane;
    else
        pl_free(lane);
}

void pl_lanes_leave(struct pl_lanes *lanes, struct pl_errand *errand)
{
    struct pl_lane *lane = errand->lane_weak;

    errand->lane_weak = NULL;
    let_go(lanes, lane);
}

static bool command_may_go(const struct pl_lanes *lanes, const struct pl_lane *lane,
                           enum pl_company_kind company)
{
    if (company == PL_COMPANY_ALONE)
        return true;
    if (company == PL_COMPANY_HEAVY)
        return lanes->commands_len < PL_LANES_COMMANDS_MAX ||
               lane->commands_len < PL_LANE_COMMANDS_MAX;
    return lanes->commands_len < PL_LANES_COMMANDS_LIGHT_MAX ||
           lane->commands_len < PL_LANE_COMMANDS_LIGHT_MAX;
}

static bool question_may_go(const struct pl_lanes *lanes, enum pl_company_kind company)
{
    return lanes->questions_len <
           (company == PL_COMPANY_LIGHT ? PL_LANES_QUESTIONS_LIGHT_MAX : PL_LANES_QUESTIONS_MAX);
}

static bool waits(const struct pl_lane *lane)
{
    return !pl_list_empty(&lane->commands) || !pl_list_empty(&lane->questions);
}

static void gone(struct pl_lanes *lanes, struct pl_errand *errand)
{
    if (errand->asked) {
        lanes->questions_len++;
    } else {
        lanes->commands_len++;
        errand->lane_weak->commands_len++;
    }
}

static struct pl_list *queue_of(struct pl_lane *lane, const struct pl_errand *errand)
{
    return errand->asked ? &lane->questions : &lane->commands;
}

/* As quickly as in the company of heavy ones only, as long as it asks for little. */
static bool may_go_now(const struct pl_lanes *lanes, const struct pl_errand *errand)
{
    struct pl_lane *lane = errand->lane_weak;
    bool alone = pl_port_company(lanes->port_weak, lane->peer) == PL_COMPANY_ALONE;

    if (!pl_list_empty(queue_of(lane, errand)) || pl_port_has_turns(lanes->port_weak, lane->peer))
        return false;
    if (errand->asked)
        return question_may_go(lanes, PL_COMPANY_HEAVY);
    return command_may_go(lanes, lane, alone ? PL_COMPANY_ALONE : PL_COMPANY_HEAVY);
}

static int wait_in(struct pl_lane *lane, struct pl_errand *errand)
{
    if (lane->waiting_size + errand->charged_size > PL_LANE_SIZE_MAX)
        return PL_E_LIMIT;
    lane->waiting_size += errand->charged_size;
    pl_list_append(queue_of(lane, errand), &errand->msg.letter.node);
    return PL_OK;
}

static bool next_command_may_go(const struct pl_lanes *lanes, const struct pl_lane *lane)
{
    return !pl_list_empty(&lane->commands) &&
           command_may_go(lanes, lane, pl_port_company(lanes->port_weak, lane->peer));
}

static bool next_question_may_go(const struct pl_lanes *lanes, const struct pl_lane *lane)
{
    return !pl_list_empty(&lane->questions) &&
           question_may_go(lanes, pl_port_company(lanes->port_weak, lane->peer));
}

static void await_turn(struct pl_lanes *lanes, struct pl_lane *lane)
{
    pl_list_remove(&lane->blocked_node);
    if (pl_list_empty(&lane->turn.node))
        pl_port_await_turn(lanes->port_weak, lane->peer, &lane->turn);
}

/* What waits there waits for a turn if some of it may go, or else until something comes back. */
static void wait_on(struct pl_lanes *lanes, struct pl_lane *lane)
{
    if (next_command_may_go(lanes, lane) || next_question_may_go(lanes, lane))
        await_turn(lanes, lane);
    else if (waits(lane) && pl_list_empty(&lane->blocked_node) && pl_list_empty(&lane->turn.node))
        pl_list_append(lane->gave ? &lanes->served : &lanes->blocked, &lane->blocked_node);
}

int pl_lanes_go(struct pl_lanes *lanes, struct pl_errand *errand)
{
    int rc;

    if (may_go_now(lanes, errand)) {
        gone(lanes, errand);
        return PL_OK;
    }
    rc = wait_in(errand->lane_weak, errand);
    if (rc < 0)
        return rc;
    wait_on(lanes, errand->lane_weak);
    return PL_E_AGAIN;
}

static void wake(struct pl_lanes *lanes, struct pl_list *blocked)
{
    PL_LIST_EACH (node, blocked)
        await_turn(lanes, PL_CONTAINER(node, struct pl_lane, blocked_node));
}

void pl_lanes_back(struct pl_lanes *lanes, struct pl_errand *errand)
{
    if (errand->asked) {
        PL_ASSERT(lanes->questions_len > 0);
        lanes->questions_len--;
    } else {
        PL_ASSERT(errand->lane_weak->commands_len > 0 && lanes->commands_len > 0);
        errand->lane_weak->commands_len--;
        lanes->commands_len--;
    }
    wake(lanes, &lanes->blocked);
    wake(lanes, &lanes->served);
}

static struct pl_errand *take_first(struct pl_lanes *lanes, struct pl_lane *lane,
                                    struct pl_list *queue)
{
    struct pl_errand *errand = errand_of(pl_list_first(queue));

    pl_list_remove(&errand->msg.letter.node);
    PL_ASSERT(lane->waiting_size >= errand->charged_size);
    lane->waiting_size -= errand->charged_size;
    gone(lanes, errand);
    return errand;
}

struct pl_errand *pl_lanes_turn(struct pl_lanes *lanes, struct pl_lane *lane)
{
    lane->len++; /* so that it is still there at the end */
    lane->gave = true;
    if (next_command_may_go(lanes, lane))
        return take_first(lanes, lane, &lane->commands);
    if (next_question_may_go(lanes, lane))
        return take_first(lanes, lane, &lane->questions);
    lane->gave = false;
    return NULL;
}

void pl_lanes_turn_end(struct pl_lanes *lanes, struct pl_lane *lane)
{
    wait_on(lanes, lane);
    let_go(lanes, lane);
}
