/*
 * cannon.c - the peers' loop, on epoll alone, so that an attack costs its maker little.
 *
 * Peers are dealt with as the kernel says that they can go on; those that pause between two
 * chunks are gone through in turn, so that their chunks are spread over the pause. It
 * ends when its standard input does, and then tells what it has done.
 */
#include "cannon.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS_LEN = 256,
    READ_SIZE = 64 * 1024,
    TURN_SIZE = 256 * 1024, /* sent by a peer before others have their turn */
    KEYS_SIZE = 16 * 1024,  /* what new keys count as, which take their time */
    FRAME_HEAD = 9,         /* RFC 9113, section 4.1 */
    STREAM_AT = 5,
};

enum peer_state { PEER_NONE, PEER_CONNECTING, PEER_SHAKING, PEER_OPEN };

struct peer {
    enum peer_state state;
    int fd;
    uint32_t events; /* as epoll has them */
    uint32_t from;
    SSL *ssl;
    size_t open_at, again_at;
    uint32_t allowed;  /* chunks that its pauses allow now */
    uint32_t ids_base; /* added to the stream ids of `again` */
    size_t id_at;      /* where the next frame of `again` begins that is renumbered */
    uint8_t *again;    /* its own, where ids are renumbered */
    struct peer *next; /* of those that wait to connect */
};

struct cannon {
    struct cannon_options options;
    SSL_CTX *tls;
    int epoll;
    struct peer *peers;
    struct peer *waiting; /* to connect */
    uint32_t ids_step;    /* by which ids grow each time */
    int64_t start_us;
    uint64_t due_peers; /* given a chunk so far, by the pauses */
    uint64_t begun, opened, closed, failed, sent_size, read_size, rounds;
    uint8_t buf[READ_SIZE];
};

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

/* --- stream ids ------------------------------------------------------------------ */

static uint32_t u32_at(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static size_t frame_size(const uint8_t *frame)
{
    return FRAME_HEAD + (u32_at(frame) >> 8);
}

/* The next odd number after all of the file's. */
static uint32_t ids_step(const struct cannon_shot *shot)
{
    uint32_t last = 1;

    for (size_t at = 0; at + FRAME_HEAD <= shot->size; at += frame_size(shot->data + at)) {
        uint32_t id = u32_at(shot->data + at + STREAM_AT);

        if (id > last)
            last = id;
    }
    return last + 1;
}

static void renumber(const struct cannon *cannon, struct peer *peer)
{
    const struct cannon_shot *shot = &cannon->options.again;

    for (size_t at = 0; at + FRAME_HEAD <= shot->size; at += frame_size(shot->data + at)) {
        uint32_t id = u32_at(shot->data + at + STREAM_AT);

        if (id == 0)
            continue;
        id += peer->ids_base;
        for (int i = 0; i < 4; i++)
            peer->again[at + STREAM_AT + (size_t)i] = (uint8_t)(id >> (24 - 8 * i));
    }
}

/* --- connections ------------------------------------------------------------------ */

static void watch(struct cannon *cannon, struct peer *peer, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLRDHUP, .data.ptr = peer};
    int op = peer->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (peer->events == event.events)
        return;
    peer->events = event.events;
    if (epoll_ctl(cannon->epoll, op, peer->fd, &event) < 0)
        die("epoll_ctl");
}

static void hang_up(struct cannon *cannon, struct peer *peer)
{
    const struct linger abort = {.l_onoff = 1};

    if (peer->state == PEER_OPEN)
        cannon->closed++;
    else
        cannon->failed++;
    SSL_free(peer->ssl);
    peer->ssl = NULL;
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    close(peer->fd);
    peer->state = PEER_NONE;
    peer->events = 0;
    peer->next = cannon->waiting;
    cannon->waiting = peer;
}

static void begin(struct cannon *cannon, struct peer *peer)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int yes = 1;
    int rc;

    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer->fd < 0)
        die("socket");
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + peer->from);
    setsockopt(peer->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(peer->fd, (struct sockaddr *)&from, sizeof from) < 0)
        die("bind");
    rc = connect(peer->fd, (const struct sockaddr *)&cannon->options.server,
                 sizeof cannon->options.server);
    cannon->begun++;
    peer->state = PEER_CONNECTING;
    peer->open_at = peer->again_at = 0;
    peer->allowed = 0;
    peer->ids_base = 0;
    if (peer->again != NULL)
        memcpy(peer->again, cannon->options.again.data, cannon->options.again.size);
    if (rc < 0 && errno != EINPROGRESS)
        hang_up(cannon, peer);
    else
        watch(cannon, peer, EPOLLOUT);
}

static void begin_those_that_wait(struct cannon *cannon)
{
    uint64_t may = UINT64_MAX;
    struct peer *next = cannon->waiting;

    if (cannon->options.connect_rate > 0) {
        uint64_t us = (uint64_t)(pl_clock_mono_us() - cannon->start_us);
        uint64_t all = us * cannon->options.connect_rate / 1000000;

        may = all > cannon->begun ? all - cannon->begun : 0;
    }
    cannon->waiting = NULL;
    while (next != NULL) {
        struct peer *peer = next;

        next = peer->next;
        if (may > 0) {
            may--;
            begin(cannon, peer);
        } else {
            peer->next = cannon->waiting;
            cannon->waiting = peer;
        }
    }
}

/* --- bytes ------------------------------------------------------------------------ */

/* > 0: so many; 0: not now; < 0: it is over. */
static ssize_t put(struct peer *peer, const uint8_t *data, size_t size)
{
    ssize_t n;

    if (peer->ssl != NULL) {
        n = SSL_write(peer->ssl, data, size > READ_SIZE ? READ_SIZE : (int)size);
        if (n > 0)
            return n;
        n = SSL_get_error(peer->ssl, (int)n);
        return n == SSL_ERROR_WANT_WRITE || n == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    n = send(peer->fd, data, size, MSG_NOSIGNAL);
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

static ssize_t get(struct cannon *cannon, struct peer *peer)
{
    ssize_t n;

    if (peer->ssl != NULL) {
        n = SSL_read(peer->ssl, cannon->buf, sizeof cannon->buf);
        if (n > 0)
            return n;
        n = SSL_get_error(peer->ssl, (int)n);
        return n == SSL_ERROR_WANT_WRITE || n == SSL_ERROR_WANT_READ ? 0 : -1;
    }
    n = recv(peer->fd, cannon->buf, sizeof cannon->buf, 0);
    if (n == 0)
        return -1;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

/* One time of `again` has gone out. */
static void turn_over(struct cannon *cannon, struct peer *peer)
{
    cannon->rounds++;
    peer->again_at = 0;
    if (cannon->options.next_ids) {
        peer->ids_base += cannon->ids_step;
        renumber(cannon, peer);
    }
}

static size_t chunk_left(const struct cannon *cannon, const struct peer *peer)
{
    const struct cannon_options *options = &cannon->options;
    size_t left = options->again.size - peer->again_at;

    if (options->every_ms > 0 && peer->allowed == 0)
        return 0;
    return options->chunk_size > 0 && left > options->chunk_size ? options->chunk_size : left;
}

/* False: it is over. */
static bool fire(struct cannon *cannon, struct peer *peer)
{
    const struct cannon_options *options = &cannon->options;
    const uint8_t *again = peer->again != NULL ? peer->again : options->again.data;
    size_t turn = 0, left;
    ssize_t n = 1;

    while (n > 0 && peer->open_at < options->open.size) {
        n = put(peer, options->open.data + peer->open_at, options->open.size - peer->open_at);
        if (n > 0)
            peer->open_at += (size_t)n;
        cannon->sent_size += n > 0 ? (uint64_t)n : 0;
    }
    while (n > 0 && turn < TURN_SIZE && (left = chunk_left(cannon, peer)) > 0) {
        if (options->key_updates)
            SSL_key_update(peer->ssl, SSL_KEY_UPDATE_REQUESTED);
        n = put(peer, again + peer->again_at, left);
        if (n <= 0)
            break;
        turn += options->key_updates ? KEYS_SIZE : (size_t)n;
        cannon->sent_size += (uint64_t)n;
        peer->again_at += (size_t)n;
        if (peer->allowed > 0)
            peer->allowed--;
        if (peer->again_at == options->again.size)
            turn_over(cannon, peer);
    }
    return n >= 0;
}

static bool drain(struct cannon *cannon, struct peer *peer)
{
    ssize_t n = 0;

    for (int i = 0; i < 16 && (n = get(cannon, peer)) > 0; i++) {
        cannon->read_size += (uint64_t)n;
        if (cannon->options.read == CANNON_READ_FIRST)
            return false;
    }
    return n >= 0;
}

static void watch_open(struct cannon *cannon, struct peer *peer)
{
    bool more = peer->open_at < cannon->options.open.size || chunk_left(cannon, peer) > 0;
    uint32_t events = cannon->options.read == CANNON_READ_NONE ? 0 : EPOLLIN;

    watch(cannon, peer, more ? events | EPOLLOUT : events);
}

static void start_tls(struct cannon *cannon, struct peer *peer)
{
    static const unsigned char h2[] = {2, 'h', '2'};

    peer->ssl = SSL_new(cannon->tls);
    if (peer->ssl == NULL || SSL_set_fd(peer->ssl, peer->fd) != 1 ||
        SSL_set_alpn_protos(peer->ssl, h2, sizeof h2) != 0)
        die("TLS");
    SSL_set_connect_state(peer->ssl);
}

static void shake(struct cannon *cannon, struct peer *peer)
{
    int rc = SSL_do_handshake(peer->ssl);

    if (rc == 1) {
        peer->state = PEER_OPEN;
        cannon->opened++;
        return;
    }
    rc = SSL_get_error(peer->ssl, rc);
    if (rc == SSL_ERROR_WANT_READ)
        watch(cannon, peer, EPOLLIN);
    else if (rc == SSL_ERROR_WANT_WRITE)
        watch(cannon, peer, EPOLLOUT);
    else
        hang_up(cannon, peer);
}

static void on_event(struct cannon *cannon, struct peer *peer, uint32_t events)
{
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        hang_up(cannon, peer);
        return;
    }
    if (peer->state == PEER_CONNECTING) {
        if (cannon->tls != NULL) {
            peer->state = PEER_SHAKING;
            start_tls(cannon, peer);
        } else {
            peer->state = PEER_OPEN;
            cannon->opened++;
        }
    }
    if (peer->state == PEER_SHAKING)
        shake(cannon, peer);
    if (peer->state != PEER_OPEN)
        return;
    if ((events & EPOLLIN) != 0 && !drain(cannon, peer))
        hang_up(cannon, peer);
    else if (!fire(cannon, peer) || (events & EPOLLRDHUP) != 0)
        hang_up(cannon, peer);
    else
        watch_open(cannon, peer);
}

/* Those whose pauses are over, in turn. */
static void allow(struct cannon *cannon)
{
    const struct cannon_options *options = &cannon->options;
    uint64_t ms = (uint64_t)(pl_clock_mono_us() - cannon->start_us) / 1000;
    uint64_t due = ms * options->connections / options->every_ms;

    for (; cannon->due_peers < due; cannon->due_peers++) {
        struct peer *peer = &cannon->peers[cannon->due_peers % options->connections];

        if (peer->state != PEER_OPEN)
            continue;
        peer->allowed = 1;
        if (fire(cannon, peer))
            watch_open(cannon, peer);
        else
            hang_up(cannon, peer);
    }
}

/* --- life ------------------------------------------------------------------------- */

static void start(struct cannon *cannon)
{
    const struct cannon_options *options = &cannon->options;
    struct epoll_event input = {.events = EPOLLIN};

    cannon->peers = pl_calloc(options->connections, sizeof *cannon->peers);
    cannon->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (cannon->peers == NULL || cannon->epoll < 0 ||
        epoll_ctl(cannon->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0)
        die("start");
    if (options->tls) {
        cannon->tls = SSL_CTX_new(TLS_client_method());
        if (cannon->tls == NULL)
            die("TLS");
        SSL_CTX_set_mode(cannon->tls,
                         SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    cannon->ids_step = options->next_ids ? ids_step(&options->again) : 0;
    for (uint32_t i = options->connections; i-- > 0;) {
        struct peer *peer = &cannon->peers[i];

        peer->from = options->from_first + i % options->from_len;
        if (options->next_ids)
            peer->again = pl_memdup(options->again.data, options->again.size);
        peer->next = cannon->waiting;
        cannon->waiting = peer;
    }
    cannon->start_us = pl_clock_mono_us();
}

static void finish(struct cannon *cannon)
{
    struct rusage used = {0};
    double seconds = (double)(pl_clock_mono_us() - cannon->start_us) / 1e6;

    getrusage(RUSAGE_SELF, &used);
    printf("{\"seconds\": %.3f, \"begun\": %llu, \"opened\": %llu, \"closed\": %llu, "
           "\"failed\": %llu, \"sent\": %llu, \"read\": %llu, \"rounds\": %llu, \"cpu\": %.3f}\n",
           seconds, (unsigned long long)cannon->begun, (unsigned long long)cannon->opened,
           (unsigned long long)cannon->closed, (unsigned long long)cannon->failed,
           (unsigned long long)cannon->sent_size, (unsigned long long)cannon->read_size,
           (unsigned long long)cannon->rounds,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    for (uint32_t i = 0; i < cannon->options.connections; i++) {
        if (cannon->peers[i].state != PEER_NONE)
            hang_up(cannon, &cannon->peers[i]);
        pl_free(cannon->peers[i].again);
    }
    pl_free(cannon->peers);
    SSL_CTX_free(cannon->tls);
    pl_free(cannon->options.open.data);
    pl_free(cannon->options.again.data);
    close(cannon->epoll);
}

static void run(struct cannon *cannon)
{
    bool ready = false;

    for (;;) {
        struct epoll_event events[EVENTS_LEN];
        int wait_ms = cannon->options.every_ms > 0 || cannon->waiting != NULL ? 1 : -1;
        int len;

        begin_those_that_wait(cannon);
        len = epoll_wait(cannon->epoll, events, EVENTS_LEN, wait_ms);
        if (len < 0 && errno != EINTR)
            die("epoll_wait");
        for (int i = 0; i < len; i++) {
            if (events[i].data.ptr == NULL)
                return; /* standard input has ended */
            on_event(cannon, events[i].data.ptr, events[i].events);
        }
        if (cannon->options.every_ms > 0)
            allow(cannon);
        if (!ready && cannon->opened + cannon->failed >= cannon->options.connections) {
            ready = true;
            puts("ready");
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    static struct cannon cannon;

    if (!cannon_options_parse(argc, argv, &cannon.options))
        return 2;
    start(&cannon);
    run(&cannon);
    finish(&cannon);
    return 0;
}
