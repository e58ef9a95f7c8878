/* page_token.c - see page_token.h. */
#include "wire/page_token.h"

#include "base/err.h"
#include "base/secret.h"
#include "model/limits.h"

#include <string.h>

enum { TOKEN_CHECK_SIZE = 8 };

/* The check covers both strings with their NULs, so that no two pairs look alike. */
static int make_check(const char *list, const char *last, struct pl_arena *arena,
                      uint8_t check[TOKEN_CHECK_SIZE])
{
    size_t list_size = strlen(list) + 1, last_size = strlen(last) + 1;
    char *both = pl_arena_alloc(arena, list_size + last_size);
    struct pl_hash hash;

    if (both == NULL)
        return PL_E_NOMEM;
    memcpy(both, list, list_size);
    memcpy(both + list_size, last, last_size);
    hash = pl_hash_of((struct pl_bytes){(const uint8_t *)both, list_size + last_size});
    memcpy(check, hash.v, TOKEN_CHECK_SIZE);
    return PL_OK;
}

char *pl_page_token_make(const char *list, const char *last, struct pl_arena *arena)
{
    size_t last_size = strlen(last);
    uint8_t *bytes = pl_arena_alloc(arena, last_size + TOKEN_CHECK_SIZE);
    char *text = pl_arena_alloc(arena, PL_BASE64_SIZE(last_size + TOKEN_CHECK_SIZE));

    if (bytes == NULL || text == NULL)
        return NULL;
    memcpy(bytes, last, last_size);
    if (make_check(list, last, arena, bytes + last_size) < 0)
        return NULL;
    pl_base64url_encode(bytes, last_size + TOKEN_CHECK_SIZE, text);
    return text;
}

int pl_page_token_open(const char *list, const char *token, struct pl_arena *arena, char **ret_last)
{
    uint8_t bytes[PL_PAGE_TOKEN_SIZE_MAX], check[TOKEN_CHECK_SIZE];
    size_t size = 0;
    char *last;
    int rc;

    if (token[0] == 0) {
        last = pl_arena_copy(arena, "", 0);
        if (last == NULL)
            return PL_E_NOMEM;
        *ret_last = last;
        return PL_OK;
    }
    rc = pl_base64url_decode(pl_bytes_str(token), bytes, sizeof bytes, &size);
    if (rc < 0)
        return rc;
    if (size < TOKEN_CHECK_SIZE || memchr(bytes, 0, size - TOKEN_CHECK_SIZE) != NULL)
        return PL_E_INVALID;
    last = pl_arena_copy(arena, bytes, size - TOKEN_CHECK_SIZE);
    if (last == NULL)
        return PL_E_NOMEM;
    rc = make_check(list, last, arena, check);
    if (rc < 0)
        return rc;
    if (memcmp(check, bytes + size - TOKEN_CHECK_SIZE, sizeof check) != 0)
        return PL_E_INVALID;
    *ret_last = last;
    return PL_OK;
}
