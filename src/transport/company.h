/*
 * company.h - who else is there: what the ports of one server tell each other.
 *
 * Where one address alone sends anything, nothing needs to be shared, and all goes as
 * quickly as it can. Where several do, each has its share (peers.h). And while one of them asks
 * for little, those that ask for much leave it some of the processors: a wait for one of those
 * is what it would feel.
 *
 * Threads: any. Times are the loops' (pl_loop_now_ms()).
 */
#ifndef PL_TRANSPORT_COMPANY_H
#define PL_TRANSPORT_COMPANY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    PL_COMPANY_ALONE_MS = 10 * 1000, /* without another peer, until one is alone */
    PL_COMPANY_LIGHT_MS = 200,       /* how long one that asks for little is thought of */
};

/* A peer that asks for little. */
struct pl_company_light {
    _Atomic uint64_t hash;    /* 0: nobody */
    _Atomic int64_t light_ms; /* when it last sent something */
};

struct pl_company {
    _Atomic uint64_t last_hash;        /* of the peer that sent last; 0: nobody has */
    _Atomic int64_t mixed_ms;          /* when it was another than the one before */
    struct pl_company_light lights[2]; /* the latest two: one of them is another than oneself */
};

void pl_company_init(struct pl_company *company);

/* A peer has sent something. Its hash is never 0. */
void pl_company_note(struct pl_company *company, uint64_t hash, int64_t now_ms);

/* And it is one that asks for little. */
void pl_company_note_light(struct pl_company *company, uint64_t hash, int64_t now_ms);

enum pl_company_kind {
    PL_COMPANY_ALONE = 1, /* one peer alone has sent anything of late */
    PL_COMPANY_HEAVY,     /* several have, but just now none that asks for little */
    PL_COMPANY_LIGHT,     /* one that does is among them */
};

/* As it is for the peer of that hash, who makes none for itself; 0: for any. */
enum pl_company_kind pl_company_kind(const struct pl_company *company, uint64_t hash,
                                     int64_t now_ms);

#endif
