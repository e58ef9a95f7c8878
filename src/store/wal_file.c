/*
 * wal_file.c - the WAL frame by frame.
 *
 *     WAL:    magic, version, page size, number, salts (8 bytes), checksums (8); all big-endian
 *     frame:  page's number, size of the database after a commit or 0, salts, checksums; page
 *     index:  twice 48 bytes: version, -, -, flags, last frame (at 16), -, checksums, salts (at
 *             32), checksums of all before; then how many frames are in the database (at 96);
 *             in the machine's order, but for the salts, which are as in the WAL
 *
 * Checksums are a chain from the header on; the magic's last bit says in which order their
 * words are read.
 */
#include "store/wal_file.h"

#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    HEADER_SIZE = 32,
    FRAME_HEADER_SIZE = 24,
    SALT_SIZE = 8,
    INDEX_SIZE = 48,
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 65536,
    PAGE_SIZE_DEFAULT = 4096, /* where the header does not tell any more */
};

#define MAGIC UINT32_C(0x377f0682) /* its last bit is the order */

struct walk {
    int fd;
    bool big_endian;
    uint32_t page_size;
    uint32_t sum[2];
    uint8_t salt[SALT_SIZE];
    uint8_t *frame;
};

struct index {
    bool known;
    uint32_t last;
    uint32_t in_db;
    uint8_t salt[SALT_SIZE];
};

static uint32_t big_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static uint32_t little_u32(const uint8_t *data)
{
    return (uint32_t)data[3] << 24 | (uint32_t)data[2] << 16 | (uint32_t)data[1] << 8 | data[0];
}

static uint32_t own_u32(const uint8_t *data)
{
    uint32_t value;

    memcpy(&value, data, sizeof value);
    return value;
}

static void add_up(uint32_t sum[2], const uint8_t *data, size_t size,
                   uint32_t (*word)(const uint8_t *data))
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        sum[0] += word(data + i) + sum[1];
        sum[1] += word(data + i + 4) + sum[0];
    }
}

/* As many bytes as there are, up to size; PL_E_IO. */
static int read_at(int fd, void *data, size_t size, uint64_t offset, size_t *ret_size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t len = pread(fd, (uint8_t *)data + done, size - done, (off_t)(offset + done));

        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return PL_E_IO;
        if (len == 0)
            break;
        done += (size_t)len;
    }
    *ret_size = done;
    return PL_OK;
}

static int open_beside(const char *db_path, const char *suffix, int *ret_fd)
{
    size_t size = strlen(db_path) + strlen(suffix) + 1;
    char *path = pl_alloc(size);
    int fd;

    if (path == NULL)
        return PL_E_NOMEM;
    snprintf(path, size, "%s%s", db_path, suffix);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    pl_free(path);
    if (fd < 0)
        return errno == ENOENT ? PL_E_NOTFOUND : PL_E_IO;
    *ret_fd = fd;
    return PL_OK;
}

static int read_index(const char *db_path, struct index *ret)
{
    uint8_t data[2 * INDEX_SIZE + 4];
    uint32_t sum[2] = {0};
    size_t size;
    int fd, rc = open_beside(db_path, "-shm", &fd);

    ret->known = false;
    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    rc = read_at(fd, data, sizeof data, 0, &size);
    close(fd);
    if (rc < 0 || size < sizeof data || memcmp(data, data + INDEX_SIZE, INDEX_SIZE) != 0)
        return rc;
    add_up(sum, data, INDEX_SIZE - 8, own_u32);
    ret->known = sum[0] == own_u32(data + 40) && sum[1] == own_u32(data + 44);
    ret->last = own_u32(data + 16);
    ret->in_db = own_u32(data + 2 * INDEX_SIZE);
    memcpy(ret->salt, data + 32, SALT_SIZE);
    return PL_OK;
}

static bool chain_holds(struct walk *walk, const uint8_t *sums)
{
    return walk->sum[0] == big_u32(sums) && walk->sum[1] == big_u32(sums + 4);
}

/* The header; false where it is none. */
static int read_header(struct walk *walk, bool *ret_right)
{
    uint8_t header[HEADER_SIZE];
    size_t size;
    int rc = read_at(walk->fd, header, sizeof header, 0, &size);

    *ret_right = false;
    walk->page_size = PAGE_SIZE_DEFAULT;
    if (rc < 0 || size < sizeof header || (big_u32(header) & ~UINT32_C(1)) != MAGIC)
        return rc;
    walk->big_endian = (big_u32(header) & 1) != 0;
    add_up(walk->sum, header, HEADER_SIZE - 8, walk->big_endian ? big_u32 : little_u32);
    if (!chain_holds(walk, header + HEADER_SIZE - 8))
        return PL_OK;
    walk->page_size = big_u32(header + 8);
    memcpy(walk->salt, header + 16, SALT_SIZE);
    *ret_right = walk->page_size >= PAGE_SIZE_MIN && walk->page_size <= PAGE_SIZE_MAX &&
                 (walk->page_size & (walk->page_size - 1)) == 0;
    return PL_OK;
}

/* Reads a frame; false at the end of the file. */
static int read_frame(struct walk *walk, uint32_t number, bool *ret_there)
{
    size_t frame_size = FRAME_HEADER_SIZE + walk->page_size, size = 0;
    int rc = read_at(walk->fd, walk->frame, frame_size,
                     HEADER_SIZE + (uint64_t)(number - 1) * frame_size, &size);

    *ret_there = rc == PL_OK && size == frame_size;
    return rc;
}

static bool has_salt(const struct walk *walk)
{
    return memcmp(walk->frame + 8, walk->salt, SALT_SIZE) == 0;
}

static bool is_commit(const struct walk *walk)
{
    return big_u32(walk->frame + 4) != 0;
}

/* Whether the frame goes on where walk->sum is, which it moves. */
static bool is_right(struct walk *walk)
{
    uint32_t (*word)(const uint8_t *data) = walk->big_endian ? big_u32 : little_u32;

    add_up(walk->sum, walk->frame, 8, word);
    add_up(walk->sum, walk->frame + FRAME_HEADER_SIZE, walk->page_size, word);
    return has_salt(walk) && big_u32(walk->frame) != 0 && chain_holds(walk, walk->frame + 16);
}

/* Whether behind the frame that cannot be read there is a commit, and right behind that a
 * frame that goes on from it. Commits that failed, for want of space, leave frames too, but
 * none goes on from them. */
static int look_behind(struct walk *walk, uint32_t number, bool *ret_more)
{
    bool there = true, committed = false;
    int rc = PL_OK;

    *ret_more = false;
    for (; rc == PL_OK && there && !*ret_more; number++) {
        rc = read_frame(walk, number, &there);
        if (rc < 0 || !there)
            break;
        *ret_more = committed && is_right(walk);
        committed = has_salt(walk) && is_commit(walk);
        walk->sum[0] = big_u32(walk->frame + 16);
        walk->sum[1] = big_u32(walk->frame + 20);
    }
    return rc;
}

/* Frame by frame, up to the first that is not right, and behind it. */
static int walk_frames(struct walk *walk, struct pl_wal_file *ret)
{
    uint32_t number = 1;
    bool there;
    int rc;

    for (;; number++) {
        rc = read_frame(walk, number, &there);
        if (rc < 0 || !there)
            return rc;
        if (!is_right(walk))
            return look_behind(walk, number, &ret->damaged);
        if (is_commit(walk))
            ret->readable = number;
    }
}

/* Where the header is not right SQLite takes the WAL for empty. A frame that is there says
 * of which WAL it is. */
static int look_without_header(struct walk *walk, struct pl_wal_file *ret)
{
    static const uint8_t none[SALT_SIZE], first[4] = {1};
    bool there;
    int rc = read_frame(walk, 1, &there);

    if (rc < 0 || !there)
        return rc;
    memcpy(walk->salt, walk->frame + 8, SALT_SIZE);
    walk->big_endian = own_u32(first) != 1; /* SQLite writes them as the machine has them */
    if (memcmp(walk->salt, none, SALT_SIZE) == 0)
        return PL_OK; /* it was only laid */
    return look_behind(walk, 1, &ret->damaged);
}

static int look(struct walk *walk, const struct index *index, struct pl_wal_file *ret)
{
    bool right;
    int rc = read_header(walk, &right);

    if (rc < 0)
        return rc;
    rc = right ? walk_frames(walk, ret) : look_without_header(walk, ret);
    if (rc < 0 || !index->known || memcmp(index->salt, walk->salt, SALT_SIZE) != 0)
        return rc;
    /* All in the database already, and nothing of the WAL to be read over it: nothing is lost. */
    ret->damaged = ret->readable < index->last && (ret->readable > 0 || index->in_db < index->last);
    return PL_OK;
}

int pl_wal_file_look(const char *db_path, struct pl_wal_file *ret)
{
    struct walk walk = {0};
    struct index index;
    struct pl_wal_file found = {0};
    int rc = open_beside(db_path, "-wal", &walk.fd);

    if (rc == PL_E_NOTFOUND) {
        *ret = found;
        return PL_OK;
    }
    if (rc < 0)
        return rc;
    walk.frame = pl_alloc(FRAME_HEADER_SIZE + PAGE_SIZE_MAX);
    rc = walk.frame == NULL ? PL_E_NOMEM : read_index(db_path, &index);
    if (rc == PL_OK)
        rc = look(&walk, &index, &found);
    if (rc == PL_OK)
        *ret = found;
    pl_free(walk.frame);
    close(walk.fd);
    return rc;
}
