/*
 * lanes.c - a map of addresses, each with two queues. A lane lasts as long as it has
 * errands, here or under way; one is kept for the next that is needed.
 */
#include "server/lanes.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

static struct pl_errand *errand_of(struct pl_list *node)
{
    struct pl_letter *letter = PL_CONTAINER(node, struct pl_letter, node);

    return PL_CONTAINER(PL_CONTAINER(letter, struct pl_msg, letter), struct pl_errand, msg);
}

void pl_lanes_init(struct pl_lanes *lanes)
{
    *lanes = (struct pl_lanes){.mixed_ms = INT64_MIN / 2};
    pl_map_init(&lanes->map);
    pl_list_init(&lanes->asking);
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

static struct pl_lane *find(const struct pl_lanes *lanes, const uint8_t *key, uint64_t hash)
{
    PL_MAP_EACH (node, &lanes->map, hash) {
        struct pl_lane *lane = PL_CONTAINER(node, struct pl_lane, map_node);

        if (memcmp(lane->key, key, PL_PEER_KEY_SIZE) == 0)
            return lane;
    }
    return NULL;
}

static struct pl_lane *add(struct pl_lanes *lanes, const uint8_t *key, uint64_t hash)
{
    struct pl_lane *lane = lanes->spare != NULL ? lanes->spare : pl_alloc(sizeof *lane);

    lanes->spare = NULL;
    if (lane == NULL)
        return NULL;
    *lane = (struct pl_lane){.len = 0};
    memcpy(lane->key, key, PL_PEER_KEY_SIZE);
    pl_list_init(&lane->asking_node);
    pl_list_init(&lane->commands);
    pl_list_init(&lane->questions);
    pl_map_put(&lanes->map, &lane->map_node, hash);
    return lane;
}

int pl_lanes_enter(struct pl_lanes *lanes, const uint8_t key[PL_PEER_KEY_SIZE],
                   struct pl_errand *errand)
{
    uint64_t hash = pl_hash_bytes(key, PL_PEER_KEY_SIZE);
    struct pl_lane *lane = find(lanes, key, hash);

    PL_ASSERT(errand->lane_weak == NULL);
    if (lane == NULL)
        lane = add(lanes, key, hash);
    if (lane == NULL)
        return PL_E_NOMEM;
    lane->len++;
    errand->lane_weak = lane;
    return PL_OK;
}

void pl_lanes_leave(struct pl_lanes *lanes, struct pl_errand *errand)
{
    struct pl_lane *lane = errand->lane_weak;

    errand->lane_weak = NULL;
    PL_ASSERT(lane->len > 0);
    if (--lane->len > 0)
        return;
    PL_ASSERT(lane->out_len == 0 && lane->waiting_size == 0);
    pl_map_remove(&lanes->map, &lane->map_node);
    if (lanes->spare == NULL)
        lanes->spare = lane;
    else
        pl_free(lane);
}

static bool may_go(const struct pl_lanes *lanes, const struct pl_lane *lane, int64_t now_ms)
{
    return lanes->out_len < PL_LANES_OUT_MAX || lane->out_len < PL_LANE_OUT_MAX ||
           now_ms - lanes->mixed_ms >= PL_LANES_ALONE_MS;
}

static int wait_in(struct pl_lane *lane, struct pl_list *queue, struct pl_errand *errand)
{
    if (lane->waiting_size + errand->charged_size > PL_LANE_SIZE_MAX)
        return PL_E_LIMIT;
    lane->waiting_size += errand->charged_size;
    pl_list_append(queue, &errand->msg.letter.node);
    return PL_OK;
}

static struct pl_errand *take_first(struct pl_lane *lane, struct pl_list *queue)
{
    struct pl_list *node = pl_list_first(queue);
    struct pl_errand *errand;

    if (node == NULL)
        return NULL;
    pl_list_remove(node);
    errand = errand_of(node);
    PL_ASSERT(lane->waiting_size >= errand->charged_size);
    lane->waiting_size -= errand->charged_size;
    return errand;
}

int pl_lanes_command(struct pl_lanes *lanes, struct pl_errand *errand, int64_t now_ms)
{
    struct pl_lane *lane = errand->lane_weak;
    int rc;

    if (lanes->has_last && memcmp(lanes->last_key, lane->key, sizeof lanes->last_key) != 0)
        lanes->mixed_ms = now_ms;
    memcpy(lanes->last_key, lane->key, sizeof lanes->last_key);
    lanes->has_last = true;
    if (!pl_list_empty(&lane->commands) || !may_go(lanes, lane, now_ms)) {
        rc = wait_in(lane, &lane->commands, errand);
        return rc == PL_OK ? PL_E_AGAIN : rc;
    }
    lane->out_len++;
    lanes->out_len++;
    return PL_OK;
}

void pl_lanes_command_back(struct pl_lanes *lanes, struct pl_errand *errand)
{
    PL_ASSERT(errand->lane_weak->out_len > 0 && lanes->out_len > 0);
    errand->lane_weak->out_len--;
    lanes->out_len--;
}

struct pl_errand *pl_lanes_next_command(struct pl_lanes *lanes, struct pl_lane *lane,
                                        int64_t now_ms)
{
    struct pl_errand *errand;

    if (!may_go(lanes, lane, now_ms))
        return NULL;
    errand = take_first(lane, &lane->commands);
    if (errand != NULL) {
        lane->out_len++;
        lanes->out_len++;
    }
    return errand;
}

int pl_lanes_question(struct pl_lanes *lanes, struct pl_errand *errand)
{
    struct pl_lane *lane = errand->lane_weak;
    int rc = wait_in(lane, &lane->questions, errand);

    if (rc == PL_OK && pl_list_empty(&lane->asking_node))
        pl_list_append(&lanes->asking, &lane->asking_node);
    return rc;
}

struct pl_errand *pl_lanes_next_question(struct pl_lanes *lanes)
{
    struct pl_list *node = pl_list_first(&lanes->asking);
    struct pl_errand *errand;
    struct pl_lane *lane;

    if (node == NULL)
        return NULL;
    pl_list_remove(node);
    lane = PL_CONTAINER(node, struct pl_lane, asking_node);
    errand = take_first(lane, &lane->questions);
    if (!pl_list_empty(&lane->questions))
        pl_list_append(&lanes->asking, node);
    return errand;
}
