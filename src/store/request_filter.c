/*
 * request_filter.c - bits side by side, so that most questions end after a few
 * words, whatever the number of chunks.
 */
#include "store/request_filter.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <string.h>

enum {
    ROWS_OF_KEY = 8,   /* that a key stands for */
    ROWS_PER_KEY = 16, /* that there are in a group for each key of a chunk */
};

void pl_request_filter_init(struct pl_request_filter *filter, uint32_t chunk_len)
{
    uint32_t rows_len = 1;

    PL_ASSERT(chunk_len > 0 && chunk_len <= UINT32_MAX / 2 / ROWS_PER_KEY);
    while (rows_len < chunk_len * ROWS_PER_KEY)
        rows_len *= 2;
    *filter = (struct pl_request_filter){.rows_len = rows_len};
}

void pl_request_filter_clear(struct pl_request_filter *filter)
{
    pl_request_filter_drop_before(filter, filter->first + filter->len);
    pl_free(filter->groups);
    *filter = (struct pl_request_filter){.rows_len = filter->rows_len};
}

size_t pl_request_filter_group_size(const struct pl_request_filter *filter)
{
    return (size_t)filter->rows_len * PL_REQUEST_ROW_SIZE;
}

static int grow(struct pl_request_filter *filter)
{
    uint32_t cap = filter->cap == 0 ? 4 : filter->cap * 2;
    uint8_t **groups;

    if (filter->len < filter->cap)
        return PL_OK;
    groups = pl_realloc(filter->groups, cap * sizeof(uint8_t *));
    if (groups == NULL)
        return PL_E_NOMEM;
    filter->groups = groups;
    filter->cap = cap;
    return PL_OK;
}

int pl_request_filter_need(struct pl_request_filter *filter, uint64_t group)
{
    if (filter->len == 0)
        filter->first = group;
    PL_ASSERT(group >= filter->first);
    while (filter->first + filter->len <= group) {
        uint8_t *rows;

        if (grow(filter) < 0)
            return PL_E_NOMEM;
        rows = pl_zalloc(pl_request_filter_group_size(filter));
        if (rows == NULL)
            return PL_E_NOMEM;
        filter->groups[filter->len++] = rows;
    }
    return PL_OK;
}

uint8_t *pl_request_filter_rows(const struct pl_request_filter *filter, uint64_t group)
{
    if (group < filter->first || group - filter->first >= filter->len)
        return NULL;
    return filter->groups[group - filter->first];
}

void pl_request_filter_drop_before(struct pl_request_filter *filter, uint64_t group)
{
    uint32_t len = 0;

    while (len < filter->len && filter->first + len < group)
        pl_free(filter->groups[len++]);
    if (len == 0)
        return;
    memmove(filter->groups, filter->groups + len, (filter->len - len) * sizeof(uint8_t *));
    filter->len -= len;
    filter->first += len;
}

/* The rows of a key are a series of numbers that two halves of it make. */
struct series {
    uint32_t at;
    uint32_t step;
    uint32_t mask;
};

static struct series series_of(const struct pl_request_filter *filter, uint64_t key)
{
    uint64_t mixed = (key ^ key >> 29) * UINT64_C(0xbf58476d1ce4e5b9);

    mixed = (mixed ^ mixed >> 32) * UINT64_C(0x94d049bb133111eb);
    return (struct series){
        .at = (uint32_t)mixed, .step = (uint32_t)(mixed >> 32) | 1, .mask = filter->rows_len - 1};
}

static size_t next_row(struct series *series)
{
    series->at += series->step;
    return (size_t)(series->at & series->mask) * PL_REQUEST_ROW_SIZE;
}

void pl_request_filter_put(struct pl_request_filter *filter, uint64_t chunk, uint64_t key)
{
    uint8_t *rows = pl_request_filter_rows(filter, chunk / PL_REQUEST_GROUP_LEN);
    uint32_t bit = (uint32_t)(chunk % PL_REQUEST_GROUP_LEN);
    struct series series = series_of(filter, key);

    PL_ASSERT(rows != NULL);
    for (int i = 0; i < ROWS_OF_KEY; i++) {
        uint8_t *byte = &rows[next_row(&series) + bit / 8];

        *byte = (uint8_t)(*byte | 1u << bit % 8);
    }
}

/* The bits that are set in all of the key's rows; false for none. */
static bool ask(const struct pl_request_filter *filter, const uint8_t *rows, uint64_t key,
                uint8_t ret_bits[PL_REQUEST_ROW_SIZE])
{
    struct series series = series_of(filter, key);
    uint64_t all = UINT64_MAX;

    for (int i = 0; i < ROWS_OF_KEY && all != 0; i++) {
        uint64_t row;

        memcpy(&row, &rows[next_row(&series)], sizeof row);
        all &= row;
    }
    memcpy(ret_bits, &all, sizeof all);
    return all != 0;
}

uint64_t pl_request_filter_next(const struct pl_request_filter *filter, uint64_t chunk,
                                uint64_t end, uint64_t key)
{
    while (chunk < end) {
        uint64_t group = chunk / PL_REQUEST_GROUP_LEN;
        uint64_t group_end = (group + 1) * PL_REQUEST_GROUP_LEN;
        const uint8_t *rows = pl_request_filter_rows(filter, group);
        uint8_t bits[PL_REQUEST_ROW_SIZE];

        if (rows != NULL && ask(filter, rows, key, bits)) {
            for (; chunk < group_end && chunk < end; chunk++) {
                uint32_t bit = (uint32_t)(chunk % PL_REQUEST_GROUP_LEN);

                if ((bits[bit / 8] >> bit % 8 & 1) != 0)
                    return chunk;
            }
        }
        chunk = group_end;
    }
    return end;
}
