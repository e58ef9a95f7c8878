/*
 * query.h - what is asked of a reader: pages and lists, beside the engine.
 *
 * Ownership: strings and arrays are borrowed from the query's arena. No string is
 * NULL.
 */
#ifndef PL_MODEL_QUERY_H
#define PL_MODEL_QUERY_H

#include "base/secret.h"
#include "model/reader.h"

enum pl_query_kind {
    PL_QUERY_LIST_USERS,
    PL_QUERY_GET_ROOM,
    PL_QUERY_LIST_ROOMS,
    PL_QUERY_LIST_MEMBERS,
    PL_QUERY_LIST_MESSAGES,
    PL_QUERY_READ_PAGE, /* of a stream */
};

struct pl_query {
    enum pl_query_kind kind;
    struct pl_hash token_hash; /* who asks; unused by READ_PAGE */
    const char *page_token;
    uint32_t page_len; /* 1 to PL_PAGE_LEN_MAX */
    union {
        struct {
            bool online_only;
            const char *prefix;
        } list_users;
        struct {
            const char *room;
        } room; /* GET_ROOM, LIST_MEMBERS */
        struct {
            bool unjoined;
        } list_rooms;
        struct {
            const char *room;
            pl_sequence before;
            pl_sequence after;
            pl_sequence thread;
            bool ascending;
        } list_messages;
        struct pl_page_query page; /* READ_PAGE; its arrays in the arena */
    } u;
};

#endif
