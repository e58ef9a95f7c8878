/*
 * server.c - starts from the disk upwards, and stops the other way round.
 *
 * start:  certificates → addresses → lock of the data → store → checkpoints → engine →
 *         readers → loops
 * stop:   loops drain → loops → readers → engine → checkpoints → store → lock
 *
 * Each step's failure is told here, once, with what to do about it.
 */
#include "server/server.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "server/checkpoint_thread.h"
#include "server/io_loop.h"
#include "server/tls_files.h"
#include "server/trimmer.h"
#include "store/dir.h"
#include "store/lock.h"
#include "store/sqlite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READERS_LEN = 2,
    DRAIN_MS_MAX = 4000, /* then what is still open is cut off */
    CONTROL_INBOX_LEN_MAX = 4096,
    SIGNALS_LEN = 3,
    TLS_ERROR_SIZE_MAX = 1024,
};

struct pl_server {
    const struct pl_config *config;
    struct pl_bound *bounds[PL_CONFIG_LISTEN_LEN_MAX];
    uint32_t bounds_len;
    struct pl_data_lock *lock;
    struct pl_checkpoint_thread *checkpoints;
    struct pl_sqlite_store *store;
    struct pl_engine_thread *engine;
    struct pl_reader_pool *readers;
    struct pl_age_clock age;
    struct pl_company company; /* of all loops' ports */
    struct pl_io_loop *loops[PL_LOOPS_LEN_MAX];
    uint32_t loops_len;
    uint64_t to_ring; /* the engine's: loops that have been sent something */
    /* the main thread's: signals, and the end of the drain */
    struct pl_loop *control;
    struct pl_signal *signals[SIGNALS_LEN];
    struct pl_tls_files *tls; /* NULL: plain */
    struct pl_timer *deadline;
    struct pl_trimmer trimmer;
    uint32_t drained_len;
    int signals_len; /* that have come */
};

static void to_loop(void *self, uint32_t loop, struct pl_msg *msg)
{
    struct pl_server *server = self;

    if (loop < server->loops_len)
        pl_io_loop_post(server->loops[loop], msg);
    else
        pl_msg_discard(msg); /* a stop while starting */
}

/* The same from the engine, which rings when it has sent a batch's letters. */
static void put_to_loop(void *self, uint32_t loop, struct pl_msg *msg)
{
    struct pl_server *server = self;

    if (loop >= server->loops_len) {
        pl_msg_discard(msg);
        return;
    }
    pl_io_loop_put(server->loops[loop], msg);
    server->to_ring |= UINT64_C(1) << loop;
}

static void ring_loops(void *self)
{
    struct pl_server *server = self;

    for (uint32_t i = 0; i < PL_LOOPS_LEN_MAX; i++)
        if ((server->to_ring >> i & 1) != 0)
            pl_io_loop_ring(server->loops[i]);
    server->to_ring = 0;
}

/* A reader has answered: users pass by the engine, the rest goes to its loop. */
static void on_answer(void *self, struct pl_errand *errand)
{
    struct pl_server *server = self;
    bool engine = errand->kind == PL_ERRAND_USERS || errand->kind == PL_ERRAND_COMMAND;

    if (!engine)
        to_loop(server, errand->loop, &errand->msg);
    else if (pl_engine_thread_post_always(server->engine, &errand->msg) < 0)
        pl_msg_discard(&errand->msg);
}

static void on_drained(void *self, struct pl_msg *msg)
{
    struct pl_server *server = self;

    if (pl_loop_post_always(server->control, &msg->letter) < 0)
        pl_msg_discard(msg);
}

static void on_control_letter(void *self, struct pl_letter *letter)
{
    struct pl_server *server = self;

    (void)letter; /* DRAINED, of which each loop has one */
    if (++server->drained_len == server->loops_len)
        pl_loop_stop(server->control);
}

static void on_deadline(void *self)
{
    struct pl_server *server = self;

    pl_diag(PL_DIAG_WARNING, "server", "not all calls ended in time; cutting them off");
    pl_loop_stop(server->control);
}

static void on_signal(void *self, int signum)
{
    struct pl_server *server = self;

    if (++server->signals_len > 1) {
        pl_diag(PL_DIAG_WARNING, "server", "signal %d again: ending at once", signum);
        _exit(128 + signum);
    }
    pl_diag(PL_DIAG_INFO, "server", "signal %d: draining", signum);
    pl_timer_start(server->deadline, DRAIN_MS_MAX, 0);
    for (uint32_t i = 0; i < server->loops_len; i++)
        pl_io_loop_drain(server->loops[i]);
}

static void on_hangup(void *self, int signum)
{
    struct pl_server *server = self;

    (void)signum;
    pl_tls_files_reload(server->tls);
}

/* The terminal is gone, which may be told more than once. */
static void on_terminal_gone(void *self, int signum)
{
    struct pl_server *server = self;

    if (server->signals_len == 0)
        on_signal(self, signum);
}

/* With certificates it asks for them to be read again. Else it ends the server like
 * SIGTERM, unless who started it has it ignored (nohup). */
static int catch_hangup(struct pl_server *server)
{
    struct sigaction inherited = {.sa_handler = SIG_DFL};
    int rc;

    if (server->tls == NULL && sigaction(SIGHUP, NULL, &inherited) == 0 &&
        inherited.sa_handler == SIG_IGN)
        return PL_OK;
    rc = pl_signal_new(server->control, SIGHUP, server->tls != NULL ? on_hangup : on_terminal_gone,
                       server, &server->signals[2]);
    if (rc < 0)
        fprintf(stderr, "parlad: cannot start: %s\n", pl_err_text(rc));
    return rc;
}

static int on_tls_context(void *self, struct pl_tls_context *context)
{
    struct pl_server *server = self;
    int rc = PL_OK;

    for (uint32_t i = 0; rc == PL_OK && i < server->loops_len; i++)
        rc = pl_io_loop_set_tls(server->loops[i], context);
    return rc;
}

static int open_tls(struct pl_server *server)
{
    const struct pl_config *config = server->config;
    struct pl_tls_files_config files = {
        .paths = {config->tls_cert, config->tls_key,
                  config->tls_client_ca[0] != 0 ? config->tls_client_ca : NULL},
        .on_context = on_tls_context,
        .self = server,
    };
    struct pl_bytebuf error_text;
    int rc;

    if (config->tls_cert[0] == 0)
        return PL_OK;
    pl_bytebuf_init(&error_text, TLS_ERROR_SIZE_MAX);
    rc = pl_tls_files_open(server->control, &files, &error_text, &server->tls);
    if (rc < 0)
        fprintf(stderr, "parlad: no TLS: %s\n",
                error_text.size > 0 ? pl_bytebuf_cstr(&error_text) : pl_err_text(rc));
    pl_bytebuf_done(&error_text);
    return rc;
}

/* Whether only this machine can reach it. */
static bool is_loopback(const struct pl_address *address)
{
    uint8_t v4[4], v6[16];
    static const uint8_t one[16] = {[15] = 1};

    if (inet_pton(AF_INET, address->host, v4) == 1)
        return v4[0] == 127;
    if (inet_pton(AF_INET6, address->host, v6) == 1)
        return memcmp(v6, one, sizeof one) == 0;
    return strcmp(address->host, "localhost") == 0;
}

static void warn_if_open(const struct pl_server *server)
{
    for (uint32_t i = 0; server->tls == NULL && i < server->bounds_len; i++) {
        const struct pl_address *address = pl_bound_address(server->bounds[i]);
        char text[300];

        if (is_loopback(address))
            continue;
        pl_address_format(address, text, sizeof text);
        pl_diag(PL_DIAG_WARNING, "server",
                "what is said on %s can be read and changed on its way: there is no TLS; "
                "give --tls-cert and --tls-key",
                text);
        return;
    }
}

static int open_addresses(struct pl_server *server)
{
    const struct pl_config *config = server->config;

    for (uint32_t i = 0; i < config->listen_len; i++) {
        char text[300];
        int rc = pl_bound_open(&config->listen[i], &server->bounds[i]);

        pl_address_format(&config->listen[i], text, sizeof text);
        if (rc == PL_E_BUSY)
            fprintf(stderr, "parlad: %s is in use; stop that program or give --listen HOST:PORT\n",
                    text);
        else if (rc < 0)
            fprintf(stderr, "parlad: cannot listen on %s: %s; give --listen HOST:PORT\n", text,
                    pl_err_text(rc));
        if (rc < 0)
            return rc;
        server->bounds_len++;
    }
    return PL_OK;
}

/* The addresses, as they are told: "127.0.0.1:50051, [::1]:50051". */
static void describe(const struct pl_server *server, char *text, size_t size)
{
    size_t at = 0;

    text[0] = 0;
    for (uint32_t i = 0; i < server->bounds_len && at < size; i++) {
        char address[300];

        pl_address_format(pl_bound_address(server->bounds[i]), address, sizeof address);
        at += (size_t)snprintf(text + at, size - at, "%s%s", i > 0 ? ", " : "", address);
    }
}

static int open_data(struct pl_server *server)
{
    const char *dir = server->config->data;
    struct pl_data_lock_holder holder = {.text = "another program"};
    char text[400], addresses[360];
    int rc = pl_data_lock_open(dir, &server->lock, &holder);

    if (rc == PL_E_BUSY)
        fprintf(stderr, "parlad: %s is in use by %s; stop it or give --data DIR\n", dir,
                holder.text);
    else if (rc < 0)
        fprintf(stderr, "parlad: cannot use %s: %s; give --data DIR\n", dir,
                errno != 0 ? strerror(errno) : pl_err_text(rc));
    if (rc < 0)
        return rc;
    describe(server, addresses, sizeof addresses);
    snprintf(text, sizeof text, "listening on %s", addresses);
    rc = pl_data_lock_describe(server->lock, text);
    if (rc < 0)
        fprintf(stderr, "parlad: cannot write to %s: %s\n", dir, pl_err_text(rc));
    return rc;
}

/* What to do about a store that does not open. */
static const char *store_advice(int rc)
{
    switch (rc) {
    case PL_E_CORRUPT:
        return "; 'parlad check' tells how far the damage goes, and a backup restores it: see man "
               "parlad, BACKUPS";
    case PL_E_IO:
        return "; check the disk, then start again: what was acknowledged is in the data folder";
    case PL_E_FULL:
        return "; free some space, then start again";
    case PL_E_BUSY:
        return "; another program uses the database: end it, then start again";
    default:
        return "";
    }
}

/* A server would begin with nothing where all was lost, and nobody would know. */
static int refuse_empty(const struct pl_server *server)
{
    const char *dir = server->config->data;

    if (!pl_data_lock_used(server->lock) || pl_data_dir_has(dir, PL_SQLITE_FILE))
        return PL_OK;
    fprintf(stderr,
            "parlad: %s/" PL_SQLITE_FILE " is gone or empty, and a server has used this folder; "
            "restore a backup (see man parlad, BACKUPS), or, to begin with nothing, delete %s\n",
            dir, dir);
    return PL_E_CORRUPT;
}

static int start_engine(struct pl_server *server, uint64_t log)
{
    const struct pl_config *config = server->config;
    struct pl_engine_thread_config engine = {
        .store = pl_sqlite_store_iface(server->store),
        .log = log,
        .loops_len = config->loops,
        .guests = config->guests,
        .durability = config->durability,
        .session_idle_ms = config->guest_idle_ms,
        .age = &server->age,
        .text_size_max = config->text_size_max,
        .inbox_len_max = config->requests_max,
        .to_loop = put_to_loop,
        .ring_loops = ring_loops,
        .self = server,
    };
    int rc = pl_engine_thread_start(&engine, &server->engine);

    if (rc < 0)
        fprintf(stderr, "parlad: the engine did not start: %s%s\n", pl_err_text(rc),
                store_advice(rc));
    return rc;
}

/* From here on an empty folder is one that was emptied. */
static int set_used(struct pl_server *server)
{
    int rc = pl_data_lock_set_used(server->lock);

    if (rc < 0)
        fprintf(stderr, "parlad: cannot write to %s/" PL_DATA_LOCK_FILE ": %s%s\n",
                server->config->data, pl_err_text(rc), store_advice(rc));
    return rc;
}

static int start_store(struct pl_server *server, uint64_t log)
{
    const struct pl_config *config = server->config;
    struct pl_store_problem problem = {.text = ""};
    struct pl_sqlite_config sqlite = {
        .dir = config->data,
        .durability = config->durability,
        .on_checkpoint_due = pl_checkpoint_thread_wake,
        .lay_wal = config->durability == PL_DURABILITY_SYNCED,
    };
    struct pl_reader_pool_config readers = {
        .store = &sqlite,
        .threads = READERS_LEN,
        .log = log,
        .session_idle_ms = config->guest_idle_ms,
        .age = &server->age,
        .pages_size_max = config->page_cache_size_max,
        .on_answer = on_answer,
        .self = server,
    };
    int rc = refuse_empty(server);

    if (rc < 0)
        return rc;
    rc = pl_checkpoint_thread_new(&server->checkpoints);
    sqlite.self = server->checkpoints;
    if (rc == PL_OK)
        rc = pl_sqlite_store_open(&sqlite, &server->store, &problem);
    if (rc == PL_OK)
        rc = pl_checkpoint_thread_start(server->checkpoints, server->store, &sqlite, &problem);
    if (rc < 0 && problem.text[0] == 0)
        snprintf(problem.text, sizeof problem.text, "the data folder: %s", pl_err_text(rc));
    if (rc == PL_OK)
        rc = set_used(server);
    if (rc == PL_OK)
        rc = start_engine(server, log);
    if (rc == PL_OK)
        rc = pl_reader_pool_start(&readers, &server->readers, &problem);
    if (problem.text[0] != 0)
        fprintf(stderr, "parlad: %s%s\n", problem.text, store_advice(rc));
    return rc;
}

static int start_loops(struct pl_server *server, uint64_t log)
{
    struct pl_io_loop_config config = {
        .config = server->config,
        .log = log,
        .tls = server->tls != NULL ? pl_tls_files_context(server->tls) : NULL,
        .company = &server->company,
        .engine_weak = server->engine,
        .readers_weak = server->readers,
        .on_drained = on_drained,
        .self = server,
    };
    int rc = PL_OK;

    pl_company_init(&server->company);
    for (uint32_t i = 0; rc == PL_OK && i < server->config->loops; i++) {
        config.number = i;
        rc = pl_io_loop_new(&config, &server->loops[i]);
        if (rc == PL_OK)
            server->loops_len++;
        for (uint32_t k = 0; rc == PL_OK && k < server->bounds_len; k++)
            rc = pl_io_loop_listen(server->loops[i], server->bounds[k]);
    }
    for (uint32_t i = 0; rc == PL_OK && i < server->loops_len; i++)
        rc = pl_io_loop_start(server->loops[i]);
    if (rc < 0)
        fprintf(stderr, "parlad: cannot serve: %s\n", pl_err_text(rc));
    return rc;
}

static int make_control(struct pl_server *server)
{
    static const int signums[] = {SIGTERM, SIGINT};
    struct pl_loop_ops ops = {.self = server, .on_letter = on_control_letter};
    int rc = pl_loop_new(&ops, CONTROL_INBOX_LEN_MAX, &server->control);

    if (rc == PL_OK)
        rc = pl_timer_new(server->control, on_deadline, server, &server->deadline);
    if (rc == PL_OK)
        rc = pl_trimmer_start(&server->trimmer, server->control);
    for (size_t i = 0; rc == PL_OK && i < 2; i++)
        rc = pl_signal_new(server->control, signums[i], on_signal, server, &server->signals[i]);
    if (rc < 0)
        fprintf(stderr, "parlad: cannot start: %s\n", pl_err_text(rc));
    return rc;
}

static int start(struct pl_server *server)
{
    uint64_t log;
    int rc;

    pl_random(&log, sizeof log);
    rc = make_control(server);
    if (rc == PL_OK)
        rc = open_tls(server);
    if (rc == PL_OK)
        rc = catch_hangup(server);
    if (rc == PL_OK)
        rc = open_addresses(server);
    if (rc == PL_OK)
        rc = open_data(server);
    if (rc == PL_OK)
        rc = start_store(server, log);
    if (rc == PL_OK)
        rc = start_loops(server, log);
    return rc;
}

/* Whatever has been started is ended; takes a half-started server. */
static void stop(struct pl_server *server)
{
    for (uint32_t i = 0; i < server->loops_len; i++)
        pl_io_loop_stop(server->loops[i]);
    pl_reader_pool_stop(server->readers);
    pl_engine_thread_stop(server->engine);
    pl_checkpoint_thread_stop(server->checkpoints);
    for (uint32_t i = 0; i < server->loops_len; i++)
        pl_io_loop_free(server->loops[i]);
    pl_sqlite_store_close(server->store);
    pl_data_lock_close(server->lock);
    for (uint32_t i = 0; i < server->bounds_len; i++)
        pl_bound_close(server->bounds[i]);
    pl_tls_files_close(server->tls);
    for (size_t i = 0; i < SIGNALS_LEN; i++)
        pl_signal_free(server->signals[i]);
    pl_timer_free(server->deadline);
    pl_trimmer_stop(&server->trimmer);
    pl_loop_free(server->control);
}

/* How a client names the address. */
static void format_target(const struct pl_server *server, const struct pl_bound *bound, char *text,
                          size_t size)
{
    char address[300];

    pl_address_format(pl_bound_address(bound), address, sizeof address);
    snprintf(text, size, "%s%s", server->tls != NULL ? "grpcs://" : "", address);
}

/* It serves. Who started it may have said, in PARLAD_CLIENT, how a client is started;
 * then that is told too, in one line with where everything is. */
static void announce(const struct pl_server *server)
{
    const char *client = getenv("PARLAD_CLIENT");
    char target[320], all[400];

    for (uint32_t i = 0; i < server->bounds_len; i++) {
        format_target(server, server->bounds[i], target, sizeof target);
        printf("listening on %s", target);
        if (server->tls != NULL)
            printf(" and https%s", target + strlen("grpcs"));
        printf("\n");
    }
    if (client == NULL || client[0] == 0) {
        printf("data in %s\n", server->config->data);
    } else {
        describe(server, all, sizeof all);
        format_target(server, server->bounds[0], target, sizeof target);
        printf("parlad is at %s, its data in %s; next, in another terminal: %s%s%s\n", all,
               server->config->data, client,
               strcmp(target, PL_LISTEN_DEFAULT) == 0 ? "" : " --server ",
               strcmp(target, PL_LISTEN_DEFAULT) == 0 ? "" : target);
    }
    fflush(stdout);
    warn_if_open(server);
}

int pl_server_run(const struct pl_config *config)
{
    struct pl_server *server = pl_zalloc(sizeof *server);
    int rc;

    if (server == NULL) {
        fprintf(stderr, "parlad: %s\n", pl_err_text(PL_E_NOMEM));
        return EXIT_FAILURE;
    }
    server->config = config;
    rc = start(server);
    if (rc == PL_OK) {
        announce(server);
        pl_loop_run(server->control);
    }
    stop(server);
    pl_free(server);
    if (rc == PL_OK)
        pl_diag(PL_DIAG_INFO, "server", "stopped");
    return rc == PL_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
