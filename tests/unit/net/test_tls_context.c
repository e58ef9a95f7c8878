/* test_tls_context.c - files that serve, and what is said of those that do not. */
#include "certs.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/tls_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct certs certs;

/* --- what is wrong with files -------------------------------------------- */

static void assert_says(struct pl_bytebuf *said, const char *what, const char *file,
                        const char *reason)
{
    char expected[1200];

    snprintf(expected, sizeof expected, "%s %s: %s", what, file, reason);
    assert_string_equal(pl_bytebuf_cstr(said), expected);
    pl_bytebuf_done(said);
}

static void expect_of_cert(const char *file, int err, const char *reason)
{
    struct pl_tls_server_files files = {.cert_file = file,
                                        .key_file = certs_path(&certs, "server.key")};
    struct pl_tls_context *context = NULL;
    struct pl_bytebuf said;

    pl_bytebuf_init(&said, 2000);
    assert_int_equal(pl_tls_server_context_new(&files, &said, &context), err);
    assert_null(context);
    assert_says(&said, "certificate", file, reason);
}

static void expect_of_key(const char *file, int err, const char *reason)
{
    struct pl_tls_server_files files = {.cert_file = certs_path(&certs, "server.crt"),
                                        .key_file = file};
    struct pl_tls_context *context = NULL;
    struct pl_bytebuf said;

    pl_bytebuf_init(&said, 2000);
    assert_int_equal(pl_tls_server_context_new(&files, &said, &context), err);
    assert_null(context);
    assert_says(&said, "key", file, reason);
}

static void expect_of_ca(const char *file, int err, const char *reason)
{
    struct pl_tls_server_files of_server = {.cert_file = certs_path(&certs, "server.crt"),
                                            .key_file = certs_path(&certs, "server.key"),
                                            .client_ca_file = file};
    struct pl_tls_client_files of_client = {.ca_file = file};
    struct pl_tls_context *context = NULL;
    struct pl_bytebuf said;

    pl_bytebuf_init(&said, 2000);
    assert_int_equal(pl_tls_server_context_new(&of_server, &said, &context), err);
    assert_says(&said, "CA", file, reason);
    pl_bytebuf_init(&said, 2000);
    assert_int_equal(pl_tls_client_context_new(&of_client, &said, &context), err);
    assert_says(&said, "CA", file, reason);
    assert_null(context);
}

static const char cut_cert[] = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
static const char bad_cert[] = "-----BEGIN CERTIFICATE-----\n?!\n-----END CERTIFICATE-----\n";
static const char cut_key[] = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n";

static const char nothing[] = "nothing of that kind is in it";
static const char of_another[] = "it belongs to another certificate";
static const char no_file[] = "no such file or directory";
static const char a_folder[] = "illegal operation on a directory";

static void a_certificate_that_cannot_be_used_is_named_with_the_reason(void **state)
{
    (void)state;
    expect_of_cert(certs_path(&certs, "none"), PL_E_NOTFOUND, no_file);
    expect_of_cert(certs.folder, PL_E_IO, a_folder);
    expect_of_cert(certs_write(&certs, "empty", ""), PL_E_INVALID, nothing);
    expect_of_cert(certs_write(&certs, "text", "it is me\n"), PL_E_INVALID, nothing);
    expect_of_cert(certs_path(&certs, "server.key"), PL_E_INVALID, nothing);
    expect_of_cert(certs_write(&certs, "cut", cut_cert), PL_E_INVALID, "header too long");
    expect_of_cert(certs_write(&certs, "bad", bad_cert), PL_E_INVALID, "bad base64 decode");
}

static void a_key_that_cannot_be_used_is_named_with_the_reason(void **state)
{
    (void)state;
    expect_of_key(certs_path(&certs, "none"), PL_E_NOTFOUND, no_file);
    expect_of_key(certs.folder, PL_E_IO, a_folder);
    expect_of_key(certs_write(&certs, "empty", ""), PL_E_INVALID, nothing);
    expect_of_key(certs_path(&certs, "server.crt"), PL_E_INVALID, nothing);
    expect_of_key(certs_write(&certs, "cut", cut_key), PL_E_INVALID, nothing);
    expect_of_key(certs_path(&certs, "client.key"), PL_E_INVALID, of_another);
    expect_of_key(certs_path(&certs, "rsa.key"), PL_E_INVALID, of_another);
    expect_of_key(certs_path(&certs, "secret.key"), PL_E_INVALID,
                  "it is protected by a passphrase");
}

static void authorities_that_cannot_be_used_are_named_with_the_reason(void **state)
{
    (void)state;
    expect_of_ca(certs_path(&certs, "none"), PL_E_NOTFOUND, no_file);
    expect_of_ca(certs.folder, PL_E_IO, a_folder);
    expect_of_ca(certs_write(&certs, "empty", ""), PL_E_INVALID, nothing);
    expect_of_ca(certs_path(&certs, "server.key"), PL_E_INVALID, nothing);
    expect_of_ca(certs_write(&certs, "cut", cut_cert), PL_E_INVALID, "header too long");
}

static void a_file_that_may_not_be_read_is_named(void **state)
{
    const char *path = certs_write(&certs, "closed", "");

    (void)state;
    assert_int_equal(chmod(path, 0), 0);
    if (access(path, R_OK) == 0) /* root may read it all the same */
        expect_of_key(path, PL_E_INVALID, nothing);
    else
        expect_of_key(path, PL_E_IO, "permission denied");
}

/* --- contexts that serve ------------------------------------------------- */

static void a_client_may_trust_whom_the_system_trusts(void **state)
{
    struct pl_tls_context *context = certs_client(&certs, NULL, NULL);

    (void)state;
    assert_int_equal(SSL_CTX_get_verify_mode(context->ssl), SSL_VERIFY_PEER);
    assert_ptr_equal(pl_tls_context_ref(context), context);
    pl_tls_context_unref(context);
    pl_tls_context_unref(context);
    pl_tls_context_unref(NULL);
}

static void contexts_survive_each_failing_allocation(void **state)
{
    struct pl_tls_server_files of_server = {.cert_file = certs_path(&certs, "sub.crt"),
                                            .key_file = certs_path(&certs, "sub.key"),
                                            .client_ca_file = certs_path(&certs, "ca.crt")};
    struct pl_tls_client_files of_client = {.ca_file = certs_path(&certs, "ca.crt"),
                                            .cert_file = certs_path(&certs, "client.crt"),
                                            .key_file = certs_path(&certs, "client.key")};
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth += 1 + nth / 40) {
        for (int i = 0; i < 2; i++) {
            struct pl_tls_context *context = NULL;
            struct pl_bytebuf said;
            int rc;

            pl_bytebuf_init(&said, 2000);
            pl_mem_fail_at(nth);
            rc = i == 0 ? pl_tls_server_context_new(&of_server, &said, &context)
                        : pl_tls_client_context_new(&of_client, &said, &context);
            failed = pl_mem_failed();
            pl_mem_fail_at(0);
            assert_int_equal(rc == PL_OK, context != NULL);
            assert_true(rc == PL_OK || failed);
            assert_true(rc == PL_OK || said.size > 0 || said.err == PL_E_NOMEM);
            pl_tls_context_unref(context);
            pl_bytebuf_done(&said);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_that_cannot_be_used_is_named_with_the_reason),
        cmocka_unit_test(a_key_that_cannot_be_used_is_named_with_the_reason),
        cmocka_unit_test(authorities_that_cannot_be_used_are_named_with_the_reason),
        cmocka_unit_test(a_file_that_may_not_be_read_is_named),
        cmocka_unit_test(a_client_may_trust_whom_the_system_trusts),
        cmocka_unit_test(contexts_survive_each_failing_allocation),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&certs);
    return failed_len;
}
