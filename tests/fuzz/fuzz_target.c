/*
 * fuzz_target.c - which server to call, as text: read or refused; what is read is
 * written, and read as the same. And a server's first bytes: what they are does not
 * depend on how they are cut.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "transport/preface.h"
#include "transport/target.h"

#include <stdlib.h>
#include <string.h>

static void read_target(const char *text)
{
    struct pl_target target, again;
    char written[PL_TARGET_TEXT_SIZE];
    int rc = pl_target_parse(text, &target);

    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID);
    if (rc < 0)
        return;
    PL_ASSERT(target.address.host[0] != 0);
    PL_ASSERT(memchr(target.address.host, 0, sizeof target.address.host) != NULL);
    pl_target_format(&target, written, sizeof written);
    PL_ASSERT(pl_target_parse(written, &again) == PL_OK);
    PL_ASSERT(strcmp(again.address.host, target.address.host) == 0);
    PL_ASSERT(again.address.port == target.address.port && again.tls == target.tls);
}

static void read_preface(struct pl_bytes data)
{
    struct pl_preface whole = {.size = 0}, cut = {.size = 0};
    enum pl_preface_kind kind = pl_preface_feed(&whole, data), told = PL_PREFACE_MORE;

    for (size_t i = 0; i < data.size; i++) {
        enum pl_preface_kind now = pl_preface_feed(&cut, (struct pl_bytes){data.data + i, 1});

        PL_ASSERT(told == PL_PREFACE_MORE || now == told);
        told = now;
    }
    if (data.size > 0)
        PL_ASSERT(told == kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_string((struct pl_bytes){data, size});

    read_target(text);
    read_preface((struct pl_bytes){data, size});
    free(text);
    return 0;
}
