/* test_preface.c - what a server's first bytes tell. */
#include "transport/preface.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define CASE(bytes, kind)              \
    {                                  \
        bytes, sizeof(bytes) - 1, kind \
    }

static void each_kind_of_server_is_told(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum pl_preface_kind kind;
    } cases[] = {
        CASE("\0\0\0\4\0\0\0\0\0", PL_PREFACE_HTTP2),
        CASE("\0\0\6\4\0\0\0\0\0\0\3\0\0\0\1", PL_PREFACE_HTTP2),
        CASE("\0\0\0\4\0\0\0\0", PL_PREFACE_MORE),
        CASE("\0\0\0\4\1\0\0\0\0", PL_PREFACE_OTHER), /* an acknowledgement */
        CASE("\0\0\0\4\0\0\0\0\1", PL_PREFACE_OTHER), /* of a stream */
        CASE("\0\0\0\6\0\0\0\0\0", PL_PREFACE_OTHER),
        CASE("HTTP/1.1 400", PL_PREFACE_HTTP1),
        CASE("HTTP", PL_PREFACE_MORE),
        CASE("\x15\3\1\0\2\2\x46", PL_PREFACE_TLS),
        CASE("220 mail", PL_PREFACE_MORE),
        CASE("220 mail.example", PL_PREFACE_OTHER),
        CASE("", PL_PREFACE_MORE),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_preface whole = {0}, parts = {0};
        enum pl_preface_kind kind = PL_PREFACE_MORE;
        struct pl_bytes bytes = {(const uint8_t *)cases[i].bytes, cases[i].size};

        assert_int_equal(pl_preface_feed(&whole, bytes), cases[i].kind);
        for (size_t at = 0; at < bytes.size && kind == PL_PREFACE_MORE; at++)
            kind = pl_preface_feed(&parts, (struct pl_bytes){bytes.data + at, 1});
        assert_int_equal(kind, cases[i].kind);
        if (kind != PL_PREFACE_MORE)
            assert_int_equal(pl_preface_feed(&parts, pl_bytes_str("what follows")), kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_server_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
