/*
 * fuzz_config.c - configuration files: read, or refused with a text, and what is
 * read is within its bounds.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "server/config.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PATH_SIZE = 64, SAID_SIZE_MAX = 1 << 20 };

/* A file that only this process sees. */
static int file_of(struct pl_bytes content, char path[PATH_SIZE])
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("config", MFD_CLOEXEC);
    PL_ASSERT(fd >= 0);
    PL_ASSERT(ftruncate(fd, 0) == 0);
    PL_ASSERT(content.size == 0 ||
              pwrite(fd, content.data, content.size, 0) == (ssize_t)content.size);
    snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
    return fd;
}

static void check(const struct pl_config *config)
{
    PL_ASSERT(config->listen_len >= 1 && config->listen_len <= PL_CONFIG_LISTEN_LEN_MAX);
    for (uint32_t i = 0; i < config->listen_len; i++)
        PL_ASSERT(config->listen[i].host[0] != 0);
    PL_ASSERT(config->data[0] != 0);
    PL_ASSERT(memchr(config->data, 0, sizeof config->data) != NULL);
    PL_ASSERT(config->loops >= 1 && config->loops <= 64);
    PL_ASSERT(config->text_size_max >= 1 && config->text_size_max <= 16384);
    PL_ASSERT((config->tls_cert[0] != 0) == (config->tls_key[0] != 0));
    PL_ASSERT(config->heartbeat_ms >= 10);
    PL_ASSERT(config->guest_idle_ms >= 1000 && config->requests_max >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pl_config config;
    static char said[SAID_SIZE_MAX];
    char path[PATH_SIZE], program[] = "parlad", option[] = "--config", folder[] = "--data=/data";
    char *argv[] = {program, option, path, folder, NULL};
    FILE *real = stderr, *log = fmemopen(said, sizeof said, "w");
    enum pl_config_result result;

    PL_ASSERT(log != NULL);
    file_of((struct pl_bytes){data, size}, path);
    stderr = log; /* what it says is looked at, not shown */
    result = pl_config_read(4, argv, &config);
    stderr = real;
    fclose(log);

    if (result == PL_CONFIG_RUN) {
        check(&config);
    } else {
        PL_ASSERT(result == PL_CONFIG_INVALID);
        PL_ASSERT(strncmp(said, "parlad: ", 8) == 0);
    }
    return 0;
}
