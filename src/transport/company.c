/*
 * company.c - some words that loops share. They are hints: no order among them is needed, and who
 * reads one with another's time is wrong for a moment. Each is written only where that changes
 * it, so that loops do not take the line from each other.
 */
#include "transport/company.h"

#include <stddef.h>

enum { LIGHTS_LEN = sizeof((struct pl_company *)0)->lights / sizeof(struct pl_company_light) };

static int64_t get(const _Atomic int64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void set(_Atomic int64_t *word, int64_t now_ms)
{
    if (get(word) < now_ms)
        atomic_store_explicit(word, now_ms, memory_order_relaxed);
}

void pl_company_init(struct pl_company *company)
{
    atomic_init(&company->last_hash, 0);
    atomic_init(&company->mixed_ms, INT64_MIN / 2);
    for (size_t i = 0; i < LIGHTS_LEN; i++) {
        atomic_init(&company->lights[i].hash, 0);
        atomic_init(&company->lights[i].light_ms, INT64_MIN / 2);
    }
}

void pl_company_note(struct pl_company *company, uint64_t hash, int64_t now_ms)
{
    uint64_t last = atomic_load_explicit(&company->last_hash, memory_order_relaxed);

    if (last == hash)
        return;
    if (last != 0)
        set(&company->mixed_ms, now_ms);
    atomic_store_explicit(&company->last_hash, hash, memory_order_relaxed);
}

static uint64_t hash_of(const struct pl_company_light *light)
{
    return atomic_load_explicit(&light->hash, memory_order_relaxed);
}

/* In the place that it has, or that of the one that has been silent longer. */
void pl_company_note_light(struct pl_company *company, uint64_t hash, int64_t now_ms)
{
    struct pl_company_light *lights = company->lights, *place = &lights[0];

    if (hash_of(&lights[1]) == hash ||
        (hash_of(&lights[0]) != hash && get(&lights[1].light_ms) < get(&lights[0].light_ms)))
        place = &lights[1];
    if (hash_of(place) != hash)
        atomic_store_explicit(&place->hash, hash, memory_order_relaxed);
    set(&place->light_ms, now_ms);
}

enum pl_company_kind pl_company_kind(const struct pl_company *company, uint64_t hash,
                                     int64_t now_ms)
{
    if (now_ms - get(&company->mixed_ms) >= PL_COMPANY_ALONE_MS)
        return PL_COMPANY_ALONE;
    for (size_t i = 0; i < LIGHTS_LEN; i++)
        if (now_ms - get(&company->lights[i].light_ms) < PL_COMPANY_LIGHT_MS &&
            (hash == 0 || hash_of(&company->lights[i]) != hash))
            return PL_COMPANY_LIGHT;
    return PL_COMPANY_HEAVY;
}
