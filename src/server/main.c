/* main.c - parlad: a command, or options, limits of the process, then the server. */
#include "base/diag.h"
#include "base/secret.h"
#include "server/command.h"
#include "server/config.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* A connection is a descriptor: as many as the system allows. */
static void raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        pl_diag(PL_DIAG_WARNING, "server", "cannot raise the limit of open files");
}

int main(int argc, char **argv)
{
    static struct pl_config config; /* large */
    enum pl_config_result result;

    umask(077);
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
    raise_files();
    return pl_server_run(&config);
}
