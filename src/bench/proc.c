/*
 * proc.c - /proc, read as text.
 *
 * A listening socket's inode is in /proc/net/tcp and tcp6; whose it is, the links of
 * /proc/PID/fd tell to who may read them.
 */
#include "bench/proc.h"

#include "base/err.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BLANKS " \t\n"

enum { LINE_SIZE = 1024, TCP_LISTEN = 10, INODES_MAX = 64 };

struct inodes {
    unsigned long v[INODES_MAX];
    size_t len;
};

/* Where the field of that number begins, counted from 0; "" where there are fewer. */
static const char *field_of(const char *line, unsigned number)
{
    line += strspn(line, BLANKS);
    for (; number > 0; number--) {
        line += strcspn(line, BLANKS);
        line += strspn(line, BLANKS);
    }
    return line;
}

/* A line of /proc/net/tcp: "sl local rem st tx:rx tr:when retrnsmt uid timeout inode";
 * addresses are "ADDRESS:PORT" in hexadecimal. */
static void read_line(const char *line, uint16_t port, struct inodes *inodes)
{
    const char *local = field_of(line, 1);
    const char *colon = memchr(local, ':', strcspn(local, BLANKS));
    unsigned long inode = strtoul(field_of(line, 9), NULL, 10);

    if (colon != NULL && strtoul(colon + 1, NULL, 16) == port &&
        strtoul(field_of(line, 3), NULL, 16) == TCP_LISTEN && inodes->len < INODES_MAX)
        inodes->v[inodes->len++] = inode;
}

static void read_table(const char *path, uint16_t port, struct inodes *inodes)
{
    FILE *file = fopen(path, "re");
    char line[LINE_SIZE];

    if (file == NULL)
        return;
    while (fgets(line, sizeof line, file) != NULL)
        read_line(line, port, inodes);
    fclose(file);
}

static bool has_inode(const struct inodes *inodes, const char *link)
{
    static const char prefix[] = "socket:[";
    unsigned long inode;

    if (strncmp(link, prefix, sizeof prefix - 1) != 0)
        return false;
    inode = strtoul(link + sizeof prefix - 1, NULL, 10);
    for (size_t i = 0; i < inodes->len; i++) {
        if (inodes->v[i] == inode)
            return true;
    }
    return false;
}

static bool owns(const char *pid, const struct inodes *inodes)
{
    char path[LINE_SIZE], link[64];
    const struct dirent *entry;
    bool found = false;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%s/fd", pid);
    dir = opendir(path);
    if (dir == NULL)
        return false;
    while (!found && (entry = readdir(dir)) != NULL) {
        ssize_t size;

        snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, entry->d_name);
        size = readlink(path, link, sizeof link - 1);
        if (size <= 0)
            continue;
        link[size] = 0;
        found = has_inode(inodes, link);
    }
    closedir(dir);
    return found;
}

uint32_t pl_bench_proc_find(const struct pl_address *address)
{
    struct inodes inodes = {.len = 0};
    const struct dirent *entry;
    uint32_t pid = 0;
    DIR *dir;

    if (strncmp(address->host, "127.", 4) != 0 && strcmp(address->host, "localhost") != 0 &&
        strcmp(address->host, "::1") != 0)
        return 0;
    read_table("/proc/net/tcp", address->port, &inodes);
    read_table("/proc/net/tcp6", address->port, &inodes);
    dir = opendir("/proc");
    if (dir == NULL)
        return 0;
    while (pid == 0 && inodes.len > 0 && (entry = readdir(dir)) != NULL) {
        if (isdigit((unsigned char)entry->d_name[0]) && owns(entry->d_name, &inodes))
            pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
    }
    closedir(dir);
    return pid;
}

/* The number behind a label that begins a line, such as "Rss:" in kB. */
static bool read_kb(uint32_t pid, const char *name, const char *label, uint64_t *ret_size)
{
    char path[LINE_SIZE], line[LINE_SIZE];
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%u/%s", pid, name);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof line, file) != NULL)
        found = strncmp(line, label, strlen(label)) == 0;
    fclose(file);
    if (found)
        *ret_size = strtoull(line + strlen(label), NULL, 10) * 1024;
    return found;
}

/* The share of the two in what was used; the sum comes from a finer clock. */
static bool read_split(uint32_t pid, struct pl_bench_usage *usage)
{
    char path[LINE_SIZE], line[LINE_SIZE];
    const char *rest = NULL;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(line, sizeof line, file) != NULL)
        rest = strrchr(line, ')'); /* the name may hold anything */
    fclose(file);
    if (rest == NULL || field_of(rest + 1, 12)[0] == 0)
        return false;
    usage->user_s = strtod(field_of(rest + 1, 11), NULL) / (double)sysconf(_SC_CLK_TCK);
    usage->system_s = strtod(field_of(rest + 1, 12), NULL) / (double)sysconf(_SC_CLK_TCK);
    return true;
}

int pl_bench_proc_read(uint32_t pid, struct pl_bench_usage *ret_usage)
{
    struct pl_bench_usage usage = {0};
    struct timespec time;
    clockid_t clock;

    if (!read_split(pid, &usage))
        return PL_E_NOTFOUND;
    usage.cpu_s = usage.user_s + usage.system_s;
    if (clock_getcpuclockid((pid_t)pid, &clock) == 0 && clock_gettime(clock, &time) == 0)
        usage.cpu_s = (double)time.tv_sec + (double)time.tv_nsec / 1e9;
    if (!read_kb(pid, "smaps_rollup", "Rss:", &usage.rss_size) &&
        !read_kb(pid, "status", "VmRSS:", &usage.rss_size))
        return PL_E_NOTFOUND;
    *ret_usage = usage;
    return PL_OK;
}

uint32_t pl_bench_proc_self(void)
{
    return (uint32_t)getpid();
}
