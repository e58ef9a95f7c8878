/*
 * faults.c - a library to be preloaded: makes the calls of the program fail that
 * a disk, a short memory or a wrong clock would.
 *
 * What is to fail is told while the program runs, by a file that the test maps
 * too (PARLA_FAULTS): numbers of 64 bits in the order of `struct faults`. Only
 * files below the folder PARLA_FAULTS_DIR are touched.
 *
 * A sync that fails does what Linux does: what was written since the last good one
 * may never reach the disk, though it can still be read, and a later sync says that
 * all is well. The places are noted in the file PARLA_FAULTS_LOST as "OFFSET SIZE
 * PATH" lines, so that the test can undo the writes once the program has ended.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { RANGES_LEN_MAX = 65536 };

/* `left`: how many, or how much, before the fault begins; < 0: no fault. */
struct faults {
    _Atomic int64_t writes_left; /* calls, then write_errno */
    _Atomic int64_t write_errno;
    _Atomic int64_t syncs_left; /* calls, then sync_errno */
    _Atomic int64_t sync_errno;
    _Atomic int64_t space_left;  /* bytes by which files may grow, then ENOSPC */
    _Atomic int64_t kill_left;   /* calls, then SIGKILL in the midst of one */
    _Atomic int64_t mallocs_ppm; /* so many of a million fail */
    _Atomic int64_t mallocs_seed;
    _Atomic int64_t clock_ms; /* added to the time of day */
    /* what has happened */
    _Atomic int64_t writes_failed;
    _Atomic int64_t syncs_failed;
    _Atomic int64_t space_failed;
    _Atomic int64_t mallocs_failed;
    _Atomic int64_t mallocs;
    _Atomic int64_t calls; /* on files below the folder */
};

/* What was written and not yet synced. */
struct range {
    dev_t dev;
    ino_t ino;
    off_t offset;
    size_t size;
};

static struct faults *faults;
static char folder[PATH_MAX];
static size_t folder_size;
static pthread_mutex_t ranges_lock = PTHREAD_MUTEX_INITIALIZER;
static struct range ranges[RANGES_LEN_MAX];
static size_t ranges_len;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t len, size_t size);
void *__libc_realloc(void *ptr, size_t size);

static void give_up(const char *why)
{
    dprintf(STDERR_FILENO, "faults.c: %s: %s\n", why, strerror(errno));
    _exit(99);
}

__attribute__((constructor)) static void set_up(void)
{
    const char *path = getenv("PARLA_FAULTS"), *dir = getenv("PARLA_FAULTS_DIR");
    int fd;

    if (path == NULL || dir == NULL)
        return;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        give_up(path);
    folder_size = (size_t)snprintf(folder, sizeof folder, "%s/", dir);
    faults = mmap(NULL, sizeof *faults, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (faults == MAP_FAILED)
        give_up("mmap");
    close(fd);
}

static void *next(const char *name)
{
    void *symbol = dlsym(RTLD_NEXT, name);

    if (symbol == NULL)
        give_up(name);
    return symbol;
}

static bool path_of(int fd, char *ret_path, size_t size)
{
    char link[64];
    ssize_t len;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, ret_path, size - 1);
    if (len < 0)
        return false;
    ret_path[len] = 0;
    return true;
}

/* Whether some fault is asked for, and the file is one that it may strike. */
static bool is_struck(int fd)
{
    int saved = errno;
    char path[PATH_MAX];
    bool struck;

    if (faults == NULL ||
        (atomic_load(&faults->writes_left) < 0 && atomic_load(&faults->syncs_left) < 0 &&
         atomic_load(&faults->space_left) < 0 && atomic_load(&faults->kill_left) < 0))
        return false;
    struck = path_of(fd, path, sizeof path) && strncmp(path, folder, folder_size) == 0;
    errno = saved;
    if (struck)
        atomic_fetch_add(&faults->calls, 1);
    return struck;
}

/* Counts down; true from the call on that finds nothing left. */
static bool is_over(_Atomic int64_t *left)
{
    int64_t now = atomic_load(left);

    while (now > 0)
        if (atomic_compare_exchange_weak(left, &now, now - 1))
            return false;
    return now == 0;
}

static void note_write(int fd, off_t offset, size_t size)
{
    struct range *last;
    struct stat st;

    if (atomic_load(&faults->syncs_left) < 0 || fstat(fd, &st) < 0)
        return;
    pthread_mutex_lock(&ranges_lock);
    last = ranges_len > 0 ? &ranges[ranges_len - 1] : NULL;
    if (last != NULL && last->dev == st.st_dev && last->ino == st.st_ino &&
        last->offset + (off_t)last->size == offset) {
        last->size += size;
    } else {
        if (ranges_len == RANGES_LEN_MAX) {
            errno = ENOMEM;
            give_up("too many writes between two syncs");
        }
        ranges[ranges_len++] = (struct range){st.st_dev, st.st_ino, offset, size};
    }
    pthread_mutex_unlock(&ranges_lock);
}

/* The file's writes are on the disk, or never will be. */
static void settle_writes(int fd, bool lost)
{
    const char *log = getenv("PARLA_FAULTS_LOST");
    size_t kept = 0;
    struct stat st;
    char path[PATH_MAX];
    int out = -1;

    if (fstat(fd, &st) < 0)
        return;
    if (lost && log != NULL && path_of(fd, path, sizeof path))
        out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pthread_mutex_lock(&ranges_lock);
    for (size_t i = 0; i < ranges_len; i++) {
        if (ranges[i].dev != st.st_dev || ranges[i].ino != st.st_ino)
            ranges[kept++] = ranges[i];
        else if (out >= 0)
            dprintf(out, "%lld %zu %s\n", (long long)ranges[i].offset, ranges[i].size, path);
    }
    ranges_len = kept;
    pthread_mutex_unlock(&ranges_lock);
    if (out >= 0)
        close(out);
}

/* Bytes of a write that may be written: less than `size` where the disk gets full,
 * < 0 where it must fail. */
static ssize_t allowed(int fd, size_t size, off_t offset)
{
    int64_t left, grows;
    struct stat st;

    if (is_over(&faults->writes_left)) {
        atomic_fetch_add(&faults->writes_failed, 1);
        errno = (int)atomic_load(&faults->write_errno);
        return -1;
    }
    left = atomic_load(&faults->space_left);
    if (left < 0 || fstat(fd, &st) < 0)
        return (ssize_t)size;
    grows = (int64_t)offset + (int64_t)size - (int64_t)st.st_size;
    if (grows <= 0)
        return (ssize_t)size;
    if (grows > (int64_t)size)
        grows = (int64_t)size;
    if (left >= grows) {
        atomic_fetch_sub(&faults->space_left, grows);
        return (ssize_t)size;
    }
    atomic_fetch_add(&faults->space_failed, 1);
    atomic_store(&faults->space_left, 0);
    if ((int64_t)size - grows + left > 0)
        return (ssize_t)((int64_t)size - grows + left);
    errno = ENOSPC;
    return -1;
}

/* The C library's own parameters have names that are reserved.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
static ssize_t write_at(int fd, const void *data, size_t size, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))next("pwrite64");
    ssize_t len;

    if (!is_struck(fd))
        return real(fd, data, size, offset);
    if (is_over(&faults->kill_left)) {
        (void)!real(fd, data, size / 2, offset);
        raise(SIGKILL);
    }
    len = allowed(fd, size, offset);
    if (len < 0)
        return -1;
    len = real(fd, data, (size_t)len, offset);
    if (len > 0)
        note_write(fd, offset, (size_t)len);
    return len;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_at(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return write_at(fd, data, size, offset);
}

static int sync_with(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))next(name);
    bool fails;
    int rc;

    if (!is_struck(fd))
        return real(fd);
    if (is_over(&faults->kill_left))
        raise(SIGKILL);
    fails = is_over(&faults->syncs_left);
    rc = fails ? -1 : real(fd);
    if (fails) {
        /* The kernel tells of it once; from then on the pages count as clean. */
        atomic_store(&faults->syncs_left, INT64_MAX);
        atomic_fetch_add(&faults->syncs_failed, 1);
    }
    settle_writes(fd, fails);
    if (fails)
        errno = (int)atomic_load(&faults->sync_errno);
    return rc;
}

int fsync(int fd)
{
    return sync_with("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_with("fdatasync", fd);
}

static int truncate_with(const char *name, int fd, off_t size)
{
    int (*real)(int, off_t) = (int (*)(int, off_t))next(name);

    if (is_struck(fd)) {
        if (is_over(&faults->kill_left))
            raise(SIGKILL);
        if (is_over(&faults->writes_left)) {
            atomic_fetch_add(&faults->writes_failed, 1);
            errno = (int)atomic_load(&faults->write_errno);
            return -1;
        }
    }
    return real(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return truncate_with("ftruncate", fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return truncate_with("ftruncate64", fd, size);
}

/* Seeded, and the same for the n-th allocation of a run: splitmix64. */
static bool memory_is_short(void)
{
    uint64_t x;
    int64_t ppm;

    if (faults == NULL || (ppm = atomic_load(&faults->mallocs_ppm)) <= 0)
        return false;
    x = (uint64_t)atomic_load(&faults->mallocs_seed) +
        (uint64_t)atomic_fetch_add(&faults->mallocs, 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    x ^= x >> 31;
    if ((int64_t)(x % 1000000) >= ppm)
        return false;
    atomic_fetch_add(&faults->mallocs_failed, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return memory_is_short() ? NULL : __libc_malloc(size);
}

void *calloc(size_t len, size_t size)
{
    return memory_is_short() ? NULL : __libc_calloc(len, size);
}

void *realloc(void *ptr, size_t size)
{
    return memory_is_short() ? NULL : __libc_realloc(ptr, size);
}

static int64_t clock_offset_ms(void)
{
    return faults == NULL ? 0 : atomic_load(&faults->clock_ms);
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    static int (*_Atomic real)(clockid_t, struct timespec *);
    int (*call)(clockid_t, struct timespec *) = atomic_load(&real);
    int rc;

    if (call == NULL) {
        call = (int (*)(clockid_t, struct timespec *))next("clock_gettime");
        atomic_store(&real, call);
    }
    rc = call(id, ts);
    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        int64_t ms = clock_offset_ms();

        ts->tv_sec += ms / 1000;
        ts->tv_nsec += ms % 1000 * 1000000;
        if (ts->tv_nsec < 0) {
            ts->tv_sec--;
            ts->tv_nsec += 1000000000;
        } else if (ts->tv_nsec >= 1000000000) {
            ts->tv_sec++;
            ts->tv_nsec -= 1000000000;
        }
    }
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_REALTIME, &ts);

    (void)tz;
    if (rc == 0)
        *tv = (struct timeval){.tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec / 1000};
    return rc;
}

time_t time(time_t *ret)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return (time_t)-1;
    if (ret != NULL)
        *ret = ts.tv_sec;
    return ts.tv_sec;
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
