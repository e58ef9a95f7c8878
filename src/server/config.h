/*
 * config.h - what the operator asks for: options and the configuration file.
 *
 * Every option is also a key of section [server] of the file; an option wins over the
 * file. What is wrong is told with file, line and what would be right, and nothing
 * starts.
 */
#ifndef PL_SERVER_CONFIG_H
#define PL_SERVER_CONFIG_H

#include "base/diag.h"
#include "model/durability.h"
#include "net/tcp.h"
#include "rpc/limits.h"
#include "transport/port.h"

#include <stdbool.h>
#include <stdint.h>

#define PL_LISTEN_DEFAULT "127.0.0.1:50051"

enum {
    PL_CONFIG_LISTEN_LEN_MAX = 16,
    PL_CONFIG_PATH_SIZE = 4096,
    PL_CONFIG_ORIGINS_LEN_MAX = 32,
    PL_CONFIG_ORIGIN_SIZE = 300,
};

struct pl_config {
    struct pl_address listen[PL_CONFIG_LISTEN_LEN_MAX];
    uint32_t listen_len;
    char data[PL_CONFIG_PATH_SIZE];
    uint32_t loops; /* 1 to PL_LOOPS_LEN_MAX */
    bool guests;
    enum pl_durability durability;
    enum pl_diag_level log_level;
    enum pl_diag_format log_format;
    /* PEM files, "" where there is none; certificate and key are there or not,
     * both */
    char tls_cert[PL_CONFIG_PATH_SIZE];
    char tls_key[PL_CONFIG_PATH_SIZE];
    char tls_client_ca[PL_CONFIG_PATH_SIZE];
    /* whose web pages may call: "https://example.org", or "*" */
    char cors_origins[PL_CONFIG_ORIGINS_LEN_MAX][PL_CONFIG_ORIGIN_SIZE];
    uint32_t cors_origins_len;
    /* keys of the file only */
    int64_t guest_idle_ms;      /* a guest's session ends after so long without use */
    size_t text_size_max;       /* of a message, in bytes */
    int64_t heartbeat_ms;       /* a stream's silence before a Heartbeat */
    size_t tails_size_max;      /* latest events kept in memory, bytes a loop */
    size_t pages_size_max;      /* pages that streams have begun to read, bytes a loop */
    size_t page_cache_size_max; /* pages that several streams may need, bytes a reader */
    uint32_t requests_max;      /* requests that wait for the engine */
    uint32_t sign_ins_max;      /* of guests from one address in two hours; 0: any */
    uint32_t send_rate;         /* messages a second from one connection; 0: no limit */
    struct pl_port_limits port;
    struct pl_rpc_limits rpc;
};

enum pl_config_result {
    PL_CONFIG_RUN,     /* go on */
    PL_CONFIG_DONE,    /* --help or --version was answered: exit 0 */
    PL_CONFIG_INVALID, /* said so on standard error: exit 2 */
};

/* Reads the options and, if one is named, the file. */
enum pl_config_result pl_config_read(int argc, char **argv, struct pl_config *ret_config);

/* Takes over a path; false where it is none, or too long. */
bool pl_config_path(const char *value, char ret_path[PL_CONFIG_PATH_SIZE]);

/* The folder where the data lies unless said otherwise; false where there is none, which
 * it said. */
bool pl_config_default_data(char ret_path[PL_CONFIG_PATH_SIZE]);

#endif
