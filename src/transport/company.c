/*
 * company.c - three words that loops share. They are hints: no order among them is needed. Each
 * is written only where that changes it, so that loops do not take the line from each other.
 */
#include "transport/company.h"

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
    atomic_init(&company->light_ms, INT64_MIN / 2);
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

void pl_company_note_light(struct pl_company *company, int64_t now_ms)
{
    set(&company->light_ms, now_ms);
}

enum pl_company_kind pl_company_kind(const struct pl_company *company, int64_t now_ms)
{
    if (now_ms - get(&company->mixed_ms) >= PL_COMPANY_ALONE_MS)
        return PL_COMPANY_ALONE;
    return now_ms - get(&company->light_ms) < PL_COMPANY_LIGHT_MS ? PL_COMPANY_LIGHT
                                                                  : PL_COMPANY_HEAVY;
}
