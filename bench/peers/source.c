/*
 * source.c - the least that a server can do: it tells how much the generator takes,
 * and what the kernel's part of the work is.
 *
 * It speaks as much of NATS' protocol as one channel needs. What publishers have sent
 * in one turn of its loop becomes one run of bytes, made once, and one send() for each
 * subscriber. It checks and keeps nothing, and a subscriber has its connection to
 * itself. Whoever breaks the protocol ends it.
 *
 * usage: bench-source [FILE]
 *
 * With FILE, which it makes anew, each run of bytes is written there and synced before
 * it goes out: the least that a server can do which keeps what it acknowledges. It listens on a
 * free port of 127.0.0.1, prints "listening PORT", and serves until SIGTERM or SIGINT.
 */
#include "base/assert.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "peers/input.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNS_MAX = 65536, /* by file descriptor */
    EVENTS_LEN = 1024,
    READ_SIZE = 64 * 1024,
    BATCH_SIZE_MAX = 16 * 1024 * 1024,
    FILE_SIZE = BATCH_SIZE_MAX, /* laid before, and written again and again */
};

struct source;

struct conn {
    struct source *source_weak;
    int fd;
    struct pl_peer_input input;
};

struct source {
    int epoll;
    int listener;
    struct conn *conns[CONNS_MAX];
    int *subs; /* descriptors of those that have subscribed */
    size_t subs_len;
    struct pl_bytebuf batch; /* what came in this turn, as subscribers get it */
    int file;                /* -1: nothing is kept */
    size_t file_at;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "bench-source: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_all(int file, const uint8_t *data, size_t size, size_t at)
{
    while (size > 0) {
        ssize_t written = pwrite(file, data, size, (off_t)at);

        if (written < 0)
            die("cannot write");
        data += written;
        size -= (size_t)written;
        at += (size_t)written;
    }
}

static int open_file(const char *path)
{
    static const uint8_t zeros[READ_SIZE];
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (file < 0)
        die(path);
    for (size_t at = 0; at < FILE_SIZE; at += sizeof zeros)
        write_all(file, zeros, sizeof zeros, at);
    if (fsync(file) < 0)
        die("cannot sync");
    return file;
}

/* The batch is on the disk. */
static void keep(struct source *source)
{
    if (source->file_at + source->batch.size > FILE_SIZE)
        source->file_at = 0;
    write_all(source->file, source->batch.data, source->batch.size, source->file_at);
    if (fdatasync(source->file) < 0)
        die("cannot sync");
    source->file_at += source->batch.size;
}

/* All of it; where the socket is full, once there is room. A peer that has gone is
 * found when it is read from. */
static void send_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

        if (sent >= 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

static void send_text(int fd, const char *text)
{
    send_all(fd, (const uint8_t *)text, strlen(text));
}

/* "PUB subject size", then the payload. */
static int take_publish(struct source *source, struct pl_bytes data, struct pl_bytes line, int head)
{
    struct pl_bytes words = {line.data + 4, line.size - 4};
    uint32_t size = 0;

    if (pl_peer_number(pl_peer_last_word(&words), &size) < 0)
        return PL_E_PROTO;
    if (data.size - (size_t)head < (size_t)size + 2)
        return 0;
    pl_bytebuf_append_str(&source->batch, "MSG ");
    pl_bytebuf_append(&source->batch, words.data, words.size);
    pl_bytebuf_printf(&source->batch, " 0 %u\r\n", size);
    pl_bytebuf_append(&source->batch, data.data + head, (size_t)size + 2);
    return source->batch.err < 0 ? source->batch.err : head + (int)size + 2;
}

static int add_sub(struct source *source, int fd)
{
    int *subs = pl_realloc(source->subs, (source->subs_len + 1) * sizeof *subs);

    if (subs == NULL)
        return PL_E_NOMEM;
    source->subs = subs;
    source->subs[source->subs_len++] = fd;
    return PL_OK;
}

static bool begins(struct pl_bytes line, const char *with)
{
    return line.size >= strlen(with) && memcmp(line.data, with, strlen(with)) == 0;
}

static int take_line(void *self, struct pl_bytes data)
{
    struct conn *conn = self;
    struct pl_bytes line;
    int head = pl_peer_line(data, &line);
    int rc = PL_OK;

    if (head == 0)
        return 0;
    if (begins(line, "PUB "))
        return take_publish(conn->source_weak, data, line, head);
    if (begins(line, "SUB "))
        rc = add_sub(conn->source_weak, conn->fd);
    else if (pl_bytes_is(line, "PING"))
        send_text(conn->fd, "PONG\r\n");
    else if (!begins(line, "CONNECT "))
        rc = PL_E_PROTO;
    return rc < 0 ? rc : head;
}

static void close_conn(struct source *source, struct conn *conn)
{
    size_t kept = 0;

    for (size_t i = 0; i < source->subs_len; i++)
        if (source->subs[i] != conn->fd)
            source->subs[kept++] = source->subs[i];
    source->subs_len = kept;
    source->conns[conn->fd] = NULL;
    (void)close(conn->fd);
    pl_peer_input_done(&conn->input);
    pl_free(conn);
}

static void on_readable(struct source *source, struct conn *conn)
{
    uint8_t data[READ_SIZE];
    ssize_t size = recv(conn->fd, data, sizeof data, 0);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0 || pl_peer_input_feed(&conn->input, (struct pl_bytes){data, (size_t)size},
                                        take_line, conn) < 0)
        close_conn(source, conn);
}

static void on_connection(struct source *source)
{
    int fd = accept4(source->listener, NULL, NULL, SOCK_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    struct conn *conn;

    if (fd < 0)
        return;
    if (fd >= CONNS_MAX)
        die("too many connections");
    conn = pl_zalloc(sizeof *conn);
    if (conn == NULL)
        die("a connection");
    conn->source_weak = source;
    conn->fd = fd;
    pl_peer_input_init(&conn->input);
    source->conns[fd] = conn;
    event.data.fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (epoll_ctl(source->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
    send_text(fd, "INFO {}\r\n");
}

static void listen_on_loopback(struct source *source)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    struct epoll_event event = {.events = EPOLLIN};

    source->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    source->epoll = epoll_create1(0);
    if (source->listener < 0 || source->epoll < 0 ||
        bind(source->listener, (struct sockaddr *)&address, size) < 0 ||
        listen(source->listener, 4096) < 0 ||
        getsockname(source->listener, (struct sockaddr *)&address, &size) < 0)
        die("cannot listen");
    event.data.fd = source->listener;
    if (epoll_ctl(source->epoll, EPOLL_CTL_ADD, source->listener, &event) < 0)
        die("epoll_ctl");
    (void)printf("listening %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
}

static void turn(struct source *source)
{
    struct epoll_event events[EVENTS_LEN];
    int len = epoll_wait(source->epoll, events, EVENTS_LEN, -1);

    for (int i = 0; i < len; i++) {
        if (events[i].data.fd == source->listener)
            on_connection(source);
        else if (source->conns[events[i].data.fd] != NULL)
            on_readable(source, source->conns[events[i].data.fd]);
    }
    if (source->batch.size == 0)
        return;
    if (source->file >= 0)
        keep(source);
    for (size_t i = 0; i < source->subs_len; i++)
        send_all(source->subs[i], source->batch.data, source->batch.size);
    pl_bytebuf_clear(&source->batch);
}

int main(int argc, char **argv)
{
    static struct source source;
    struct rlimit files;

    if (argc > 2) {
        (void)fprintf(stderr, "usage: bench-source [FILE]\n");
        return 2;
    }
    source.file = argc == 2 ? open_file(argv[1]) : -1;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    pl_bytebuf_init(&source.batch, BATCH_SIZE_MAX);
    listen_on_loopback(&source);
    for (;;)
        turn(&source);
}
