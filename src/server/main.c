/* main.c - parlad: a command, or options, limits of the process, then the server. */
#include "base/diag.h"
#include "base/secret.h"
#include "server/command.h"
#include "server/config.h"
#include "server/server.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* What is open before the first connection: libraries abort where their own cannot be. */
enum { FILES_MIN = 48, FILES_PER_LOOP = 8 };

/* A connection is a descriptor: as many as the system allows. False where that is too few
 * to begin with. */
static bool raise_files(const struct pl_config *config)
{
    unsigned long long min = FILES_MIN + config->loops * (FILES_PER_LOOP + config->listen_len);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    if (limit.rlim_max < min) {
        fprintf(stderr,
                "parlad: it may have %llu files open, and needs %llu to begin with; raise the "
                "limit (ulimit -n)\n",
                (unsigned long long)limit.rlim_max, min);
        return false;
    }
    if (limit.rlim_cur == limit.rlim_max)
        return true;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        pl_diag(PL_DIAG_WARNING, "server", "cannot raise the limit of open files");
    return true;
}

int main(int argc, char **argv)
{
    static struct pl_config config; /* large */
    enum pl_config_result result;

    umask(077);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like others */
    if (pl_secret_init() < 0) {
        fprintf(stderr, "parlad: the system has no source of randomness\n");
        return EXIT_FAILURE;
    }
    if (argc > 1 && strcmp(argv[1], PL_COMMAND_CHECK) == 0)
        return pl_cmd_check(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], PL_COMMAND_BACKUP) == 0)
        return pl_cmd_backup(argc - 1, argv + 1);
    result = pl_config_read(argc, argv, &config);
    if (result != PL_CONFIG_RUN)
        return result == PL_CONFIG_DONE ? EXIT_SUCCESS : 2;
    pl_diag_set(config.log_level, config.log_format);
    if (!raise_files(&config))
        return EXIT_FAILURE;
    return pl_server_run(&config);
}
