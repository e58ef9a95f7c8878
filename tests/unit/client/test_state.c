/* test_state.c - tokens, the last name, and locks. */
#include "client/state.h"

#include "base/err.h"
#include "base/mem.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER "127.0.0.1:50051"

static char folder[64];
static const char *xdg;
static const char *home;

static char *get_env(const char *name)
{
    const char *value = strcmp(name, "XDG_STATE_HOME") == 0 ? xdg
                        : strcmp(name, "HOME") == 0         ? home
                                                            : NULL;

    return (char *)(uintptr_t)value;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat;
    (void)type;
    (void)walk;
    return remove(path);
}

static int setup(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    snprintf(folder, sizeof folder, "%s/parla-state-XXXXXX", base != NULL ? base : "/tmp");
    xdg = mkdtemp(folder);
    home = NULL;
    return xdg != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static struct pl_state *open_state(const char *server)
{
    struct pl_state *state = NULL;

    assert_int_equal(pl_state_open(server, get_env, &state), PL_OK);
    return state;
}

static mode_t mode_of(struct pl_state *state, const char *name)
{
    char path[512];
    struct stat stat;

    snprintf(path, sizeof path, "%s/%s", pl_state_path(state), name);
    assert_int_equal(lstat(path, &stat), 0);
    return stat.st_mode & 0777;
}

static void a_token_is_kept_for_its_name(void **unused)
{
    struct pl_state *state = open_state(SERVER);
    char token[PL_TOKEN_SIZE_MAX + 1] = "untouched";

    (void)unused;
    assert_int_equal(pl_state_token(state, "ana", token), PL_E_NOTFOUND);
    assert_string_equal(token, "untouched");
    assert_int_equal(pl_state_keep(state, "ana", "secret"), PL_OK);
    assert_int_equal(pl_state_keep(state, "ana.b", "other"), PL_OK);
    pl_state_close(state);

    state = open_state(SERVER);
    assert_int_equal(pl_state_token(state, "ana", token), PL_OK);
    assert_string_equal(token, "secret");
    assert_int_equal(pl_state_token(state, "ana.b", token), PL_OK);
    assert_string_equal(token, "other");
    assert_int_equal(pl_state_keep(state, "ana", "newer"), PL_OK);
    assert_int_equal(pl_state_token(state, "ana", token), PL_OK);
    assert_string_equal(token, "newer");
    pl_state_close(state);
}

static void a_token_is_of_one_server(void **unused)
{
    struct pl_state *one = open_state(SERVER);
    struct pl_state *other = open_state("[::1]:50051");
    char token[PL_TOKEN_SIZE_MAX + 1];

    (void)unused;
    assert_int_equal(pl_state_keep(one, "ana", "secret"), PL_OK);
    assert_int_equal(pl_state_token(other, "ana", token), PL_E_NOTFOUND);
    pl_state_close(one);
    pl_state_close(other);
}

static void no_server_name_leads_out_of_the_folder(void **unused)
{
    struct pl_state *state = open_state("../..:1");

    (void)unused;
    assert_null(strstr(pl_state_path(state) + strlen(folder), "/.."));
    pl_state_close(state);
}

static void only_the_owner_reads(void **unused)
{
    struct pl_state *state = open_state(SERVER);
    mode_t before = umask(0);

    (void)unused;
    assert_int_equal(pl_state_keep(state, "ana", "secret"), PL_OK);
    assert_int_equal(pl_state_lock(state, "ana"), PL_OK);
    umask(before);
    assert_int_equal(mode_of(state, "ana.token"), 0600);
    assert_int_equal(mode_of(state, "ana.lock"), 0600);
    assert_int_equal(mode_of(state, "last-name"), 0600);
    assert_int_equal(mode_of(state, "."), 0700);
    assert_int_equal(mode_of(state, ".."), 0700);
    pl_state_close(state);
}

static void the_last_name_is_remembered(void **unused)
{
    struct pl_state *state = open_state(SERVER);
    char user[PL_USER_NAME_SIZE_MAX + 1];

    (void)unused;
    assert_int_equal(pl_state_last_name(state, user), PL_E_NOTFOUND);
    assert_int_equal(pl_state_keep(state, "ana", "a"), PL_OK);
    assert_int_equal(pl_state_keep(state, "bob", "b"), PL_OK);
    assert_int_equal(pl_state_last_name(state, user), PL_OK);
    assert_string_equal(user, "bob");
    pl_state_close(state);
}

static void a_forgotten_token_is_gone(void **unused)
{
    struct pl_state *state = open_state(SERVER);
    char token[PL_TOKEN_SIZE_MAX + 1];

    (void)unused;
    assert_int_equal(pl_state_forget(state, "ana"), PL_OK);
    assert_int_equal(pl_state_keep(state, "ana", "secret"), PL_OK);
    assert_int_equal(pl_state_forget(state, "ana"), PL_OK);
    assert_int_equal(pl_state_token(state, "ana", token), PL_E_NOTFOUND);
    pl_state_close(state);
}

static void a_name_is_held_by_one_run_at_a_time(void **unused)
{
    struct pl_state *one = open_state(SERVER);
    struct pl_state *other = open_state(SERVER);

    (void)unused;
    assert_false(pl_state_is_locked(other, "ana"));
    assert_int_equal(pl_state_lock(one, "ana"), PL_OK);
    assert_true(pl_state_is_locked(other, "ana"));
    assert_int_equal(pl_state_lock(other, "ana"), PL_E_BUSY);
    assert_int_equal(pl_state_lock(other, "bob"), PL_OK);

    assert_int_equal(pl_state_lock(one, "cleo"), PL_OK); /* lets go of ana */
    assert_int_equal(pl_state_lock(other, "ana"), PL_OK);
    pl_state_close(other);
    assert_int_equal(pl_state_lock(one, "ana"), PL_OK);
    assert_int_equal(pl_state_lock(one, "ana"), PL_OK);
    pl_state_close(one);
}

static void a_name_is_held_for_each_server_apart(void **unused)
{
    struct pl_state *one = open_state(SERVER);
    struct pl_state *other = open_state("127.0.0.1:2");

    (void)unused;
    assert_int_equal(pl_state_lock(one, "ana"), PL_OK);
    assert_int_equal(pl_state_lock(other, "ana"), PL_OK);
    pl_state_close(one);
    pl_state_close(other);
}

static void home_stands_in_for_xdg(void **unused)
{
    struct pl_state *state;

    (void)unused;
    home = xdg;
    xdg = NULL;
    state = open_state(SERVER);
    assert_non_null(strstr(pl_state_path(state), "/.local/state/parla/"));
    pl_state_close(state);
    home = NULL;
    assert_int_equal(pl_state_open(SERVER, get_env, &state), PL_E_NOTFOUND);
}

static void a_folder_that_cannot_be_made_is_told(void **unused)
{
    struct pl_state *state = NULL;

    (void)unused;
    xdg = "/dev/null/nowhere";
    assert_int_equal(pl_state_open(SERVER, get_env, &state), PL_E_IO);
    assert_null(state);
    xdg = folder;
}

static void opening_survives_want_of_memory(void **unused)
{
    (void)unused;
    for (uint64_t nth = 1;; nth++) {
        struct pl_state *state = NULL;
        int err;

        pl_mem_fail_at(nth);
        err = pl_state_open(SERVER, get_env, &state);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(err, PL_OK);
            pl_state_close(state);
            break;
        }
        assert_int_equal(err, PL_E_NOMEM);
        assert_null(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_token_is_kept_for_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_token_is_of_one_server, setup, teardown),
        cmocka_unit_test_setup_teardown(no_server_name_leads_out_of_the_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_owner_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_name_is_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_forgotten_token_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_held_by_one_run_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_name_is_held_for_each_server_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(home_stands_in_for_xdg, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_made_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(opening_survives_want_of_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
