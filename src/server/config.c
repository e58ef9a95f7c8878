/*
 * config.c - one table of keys serves the options, the file and the help; the numbers of
 * section [limits] have a table of their own.
 *
 * The file is read first, whatever the order of the options, so that an option
 * always wins.
 */
#include "server/config.h"

#include "base/err.h"
#include "model/limits.h"
#include "net/thread.h"
#include "server/config_limits.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sets a value; false where it is not one that the key takes. */
typedef bool (*set_fn)(struct pl_config *config, const char *value);

/* A key of section [server], and an option. */
struct key {
    const char *name;  /* in the file; as an option with '-' for '_' */
    const char *takes; /* what would be right */
    const char *help;
    set_fn set;
};

/* A whole number within bounds. */
static bool parse_number(const char *value, int64_t min, int64_t max, int64_t *ret)
{
    char *end = NULL;
    long long number;

    if (!isdigit((unsigned char)value[0]))
        return false;
    errno = 0;
    number = strtoll(value, &end, 10);
    if (errno != 0 || *end != 0 || number < min || number > max)
        return false;
    *ret = number;
    return true;
}

static bool parse_switch(const char *value, const char *on, const char *off, bool *ret)
{
    bool is_on = strcmp(value, on) == 0;

    if (!is_on && strcmp(value, off) != 0)
        return false;
    *ret = is_on;
    return true;
}

static bool set_listen(struct pl_config *config, const char *value)
{
    if (config->listen_len == PL_CONFIG_LISTEN_LEN_MAX)
        return false;
    if (pl_address_parse(value, &config->listen[config->listen_len]) < 0)
        return false;
    config->listen_len++;
    return true;
}

bool pl_config_path(const char *value, char ret_path[PL_CONFIG_PATH_SIZE])
{
    int n = snprintf(ret_path, PL_CONFIG_PATH_SIZE, "%s", value);

    return n > 0 && n < PL_CONFIG_PATH_SIZE;
}

static bool set_data(struct pl_config *config, const char *value)
{
    return pl_config_path(value, config->data);
}

static bool set_tls_cert(struct pl_config *config, const char *value)
{
    return pl_config_path(value, config->tls_cert);
}

static bool set_tls_key(struct pl_config *config, const char *value)
{
    return pl_config_path(value, config->tls_key);
}

static bool set_tls_client_ca(struct pl_config *config, const char *value)
{
    return pl_config_path(value, config->tls_client_ca);
}

/* As browsers write it (RFC 6454, section 6.2): no path, no capital letters. */
static bool is_origin(const char *text, size_t size)
{
    static const char *const schemes[] = {"https://", "http://"};
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]";

    if (size == 1 && text[0] == '*')
        return true;
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t scheme_size = strlen(schemes[i]);

        if (size > scheme_size && strncmp(text, schemes[i], scheme_size) == 0)
            return strspn(text + scheme_size, allowed) >= size - scheme_size;
    }
    return false;
}

/* Origins, with spaces between them. */
static bool set_cors_origins(struct pl_config *config, const char *value)
{
    const char *at = value + strspn(value, " \t");

    while (*at != 0) {
        size_t size = strcspn(at, " \t");

        if (config->cors_origins_len == PL_CONFIG_ORIGINS_LEN_MAX ||
            size >= PL_CONFIG_ORIGIN_SIZE || !is_origin(at, size))
            return false;
        memcpy(config->cors_origins[config->cors_origins_len], at, size);
        config->cors_origins[config->cors_origins_len++][size] = 0;
        at += size;
        at += strspn(at, " \t");
    }
    return true;
}

static bool set_loops(struct pl_config *config, const char *value)
{
    int64_t number;

    if (!parse_number(value, 1, PL_LOOPS_LEN_MAX, &number))
        return false;
    config->loops = (uint32_t)number;
    return true;
}

static bool set_guests(struct pl_config *config, const char *value)
{
    return parse_switch(value, "on", "off", &config->guests);
}

static bool set_durability(struct pl_config *config, const char *value)
{
    bool synced;

    if (!parse_switch(value, "synced", "written", &synced))
        return false;
    config->durability = synced ? PL_DURABILITY_SYNCED : PL_DURABILITY_WRITTEN;
    return true;
}

static bool set_log_level(struct pl_config *config, const char *value)
{
    return pl_diag_level_parse(value, &config->log_level) == PL_OK;
}

static bool set_log_format(struct pl_config *config, const char *value)
{
    bool json;

    if (!parse_switch(value, "json", "text", &json))
        return false;
    config->log_format = json ? PL_DIAG_JSON : PL_DIAG_TEXT;
    return true;
}

static const struct key keys[] = {
    {"listen", "HOST:PORT, port 0 for a free one",
     "where to listen; may be repeated (127.0.0.1:50051)", set_listen},
    {"data", "a folder", "where the data is kept", set_data},
    {"loops", "1 to 64", "threads that serve connections (one a core)", set_loops},
    {"guests", "on or off", "whether guests may sign in (on)", set_guests},
    {"durability", "synced or written",
     "what an acknowledged message survives: a power cut, or only a crash (synced)",
     set_durability},
    {"log_level", "error, warning, info or debug", "what is logged (info)", set_log_level},
    {"log_format", "text or json", "how it is logged (text)", set_log_format},
    {"tls_cert", "a PEM file", "the server's certificate and its chain; with it, TLS is spoken",
     set_tls_cert},
    {"tls_key", "a PEM file", "the certificate's private key", set_tls_key},
    {"tls_client_ca", "a PEM file", "authorities; clients must have a certificate by one of them",
     set_tls_client_ca},
    {"cors_origins", "origins such as https://example.org, or *",
     "whose web pages may call, besides its own; may be repeated (none)", set_cors_origins},
};

enum { KEYS_LEN = sizeof keys / sizeof keys[0], TAKES_SIZE = 128, OPTION_SIZE = 32 };

struct file_read {
    struct pl_config *config;
    const char *path;
    FILE *stream;
    int line; /* the one read last: inih does not tell its handler */
    bool failed;
};

/* The rest of a line that did not fit is dropped; false where there was none. */
static bool skip_rest(FILE *stream)
{
    int c = getc(stream);
    bool any = c != EOF && c != '\n';

    while (c != EOF && c != '\n')
        c = getc(stream);
    return any;
}

/* inih would take the rest of a long line for the next one, and an indented line for
 * more of the value above. */
static char *read_line(char *to, int size, void *self)
{
    struct file_read *file = self;
    size_t len, indent;

    file->line++;
    if (fgets(to, size, file->stream) == NULL)
        return NULL;
    len = strlen(to);
    if (len + 1 == (size_t)size && to[len - 1] != '\n' && skip_rest(file->stream)) {
        fprintf(stderr, "parlad: %s:%d: the line is too long; it must be at most %d bytes\n",
                file->path, file->line, size - 1);
        file->failed = true;
        to[0] = 0;
        return to;
    }
    indent = strspn(to, " \t");
    memmove(to, to + indent, len - indent + 1);
    return to;
}

/* The keys that there are. */
static void print_keys(void)
{
    for (size_t i = 0; i < KEYS_LEN; i++)
        fprintf(stderr, "%s [server] %s", i > 0 ? "," : "", keys[i].name);
    for (size_t i = 0; i < pl_limit_keys_len; i++)
        fprintf(stderr, ", [limits] %s", pl_limit_keys[i].name);
    fprintf(stderr, "\n");
}

/* Sets a key of the file; false where there is none of that name. The text is empty
 * where the value is one that the key takes, else it says what would be right. */
static bool set_pair(struct pl_config *config, const char *section, const char *name,
                     const char *value, char *right, size_t size)
{
    const struct pl_limit_key *limit = pl_limit_key_find(name);

    right[0] = 0;
    if (strcmp(section, "limits") == 0 && limit != NULL) {
        if (!pl_limit_set(limit, value, config))
            pl_limit_takes(limit, right, size);
        return true;
    }
    for (size_t i = 0; strcmp(section, "server") == 0 && i < KEYS_LEN; i++) {
        if (strcmp(name, keys[i].name) != 0)
            continue;
        if (!keys[i].set(config, value))
            snprintf(right, size, "%s", keys[i].takes);
        return true;
    }
    return false;
}

/* inih calls it for each pair; 0 would be an error without a text of ours. */
static int on_pair(void *self, const char *section, const char *name, const char *value)
{
    struct file_read *file = self;
    char right[TAKES_SIZE];

    if (!set_pair(file->config, section, name, value, right, sizeof right)) {
        fprintf(stderr,
                "parlad: %s:%d: there is no key '%s' in section [%s]; the keys are:", file->path,
                file->line, name, section);
        print_keys();
        file->failed = true;
    } else if (right[0] != 0) {
        fprintf(stderr, "parlad: %s:%d: '%s' must be %s, not '%s'\n", file->path, file->line, name,
                right, value);
        file->failed = true;
    }
    return 1;
}

static bool read_file(struct pl_config *config, const char *path)
{
    struct file_read file = {.config = config, .path = path};
    int line;

    file.stream = fopen(path, "re");
    if (file.stream == NULL) {
        fprintf(stderr, "parlad: cannot read %s: %s\n", path, strerror(errno));
        return false;
    }
    line = ini_parse_stream(read_line, &file, on_pair, &file);
    fclose(file.stream);
    if (line > 0) {
        fprintf(stderr, "parlad: %s:%d: must be 'key = value' or '[section]'\n", path, line);
        return false;
    }
    return line == 0 && !file.failed;
}

static void set_defaults(struct pl_config *config)
{
    uint32_t cpus = pl_cpu_count();

    *config = (struct pl_config){
        .loops = cpus < PL_LOOPS_LEN_MAX ? cpus : PL_LOOPS_LEN_MAX,
        .guests = true,
        .durability = PL_DURABILITY_SYNCED,
        .log_level = PL_DIAG_INFO,
        .log_format = PL_DIAG_TEXT,
    };
    pl_limits_set_defaults(config);
}

static void print_limits(void)
{
    static struct pl_config defaults; /* large */

    set_defaults(&defaults);
    for (size_t i = 0; i < pl_limit_keys_len; i++) {
        const struct pl_limit_key *key = &pl_limit_keys[i];
        char takes[TAKES_SIZE];

        pl_limit_takes(key, takes, sizeof takes);
        printf("  %-23s %s\n%26s%s (%lld)\n", key->name, takes, "", key->help,
               (long long)pl_limit_get(key, &defaults));
    }
}

/* The option's name, without its dashes in front. */
static void option_name(const struct key *key, char name[OPTION_SIZE])
{
    snprintf(name, OPTION_SIZE, "%s", key->name);
    for (char *c = name; *c != 0; c++)
        *c = *c == '_' ? '-' : *c;
}

static void print_help(void)
{
    printf("Usage: parlad [OPTION]...\n"
           "  or:  parlad check [--data DIR]          looks whether all of the data is right\n"
           "  or:  parlad backup [--data DIR] FILE    copies the data, also while parlad runs\n"
           "Serves chat over gRPC until it gets SIGTERM or SIGINT.\n\n");
    for (size_t i = 0; i < KEYS_LEN; i++) {
        char name[OPTION_SIZE];

        option_name(&keys[i], name);
        printf("  --%-13s %s\n%18s%s\n", name, keys[i].takes, "", keys[i].help);
    }
    printf("  %-15s %s\n%18s%s\n", "--config", "a file", "",
           "section [server] has keys of the same names, [limits] those below; options win");
    printf("  --version\n  --help\n\nKeys of section [limits]:\n");
    print_limits();
}

bool pl_config_default_data(char ret_path[PL_CONFIG_PATH_SIZE])
{
    const char *base = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int n;

    if (geteuid() == 0)
        n = snprintf(ret_path, PL_CONFIG_PATH_SIZE, "/var/lib/parlad");
    else if (base != NULL && base[0] == '/')
        n = snprintf(ret_path, PL_CONFIG_PATH_SIZE, "%s/parlad", base);
    else if (home != NULL && home[0] == '/')
        n = snprintf(ret_path, PL_CONFIG_PATH_SIZE, "%s/.local/share/parlad", home);
    else
        n = -1;
    if (n > 0 && n < PL_CONFIG_PATH_SIZE)
        return true;
    fprintf(stderr, "parlad: there is no home folder for the data; give --data DIR\n");
    return false;
}

enum { OPT_KEY = 1000, OPT_CONFIG = 2000, OPT_VERSION, OPT_HELP };

static void make_options(struct option options[KEYS_LEN + 4], char names[KEYS_LEN][OPTION_SIZE])
{
    size_t n = 0;

    for (size_t i = 0; i < KEYS_LEN; i++) {
        option_name(&keys[i], names[i]);
        options[n++] = (struct option){names[i], required_argument, NULL, OPT_KEY + (int)i};
    }
    options[n++] = (struct option){"config", required_argument, NULL, OPT_CONFIG};
    options[n++] = (struct option){"version", no_argument, NULL, OPT_VERSION};
    options[n++] = (struct option){"help", no_argument, NULL, OPT_HELP};
    options[n] = (struct option){NULL, 0, NULL, 0};
}

/* What the file lists goes where an option begins a list of its own. */
struct lists {
    bool listen, cors_origins;
};

static bool apply_option(struct pl_config *config, const struct key *key, const char *value,
                         struct lists *lists)
{
    char name[OPTION_SIZE];

    if (key->set == set_listen && !lists->listen) {
        config->listen_len = 0;
        lists->listen = true;
    }
    if (key->set == set_cors_origins && !lists->cors_origins) {
        config->cors_origins_len = 0;
        lists->cors_origins = true;
    }
    if (key->set(config, value))
        return true;
    option_name(key, name);
    fprintf(stderr, "parlad: --%s must be %s, not '%s'\n", name, key->takes, value);
    return false;
}

/* One pass over the options: the first looks for --config, --help and --version
 * only, the second applies the rest. */
static enum pl_config_result scan(int argc, char **argv, struct pl_config *config, bool first)
{
    struct option options[KEYS_LEN + 4];
    char names[KEYS_LEN][OPTION_SIZE];
    struct lists lists = {false, false};
    int option;

    make_options(options, names);
    optind = 1;
    opterr = first;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?') {
            fprintf(stderr, "parlad: see parlad --help\n");
            return PL_CONFIG_INVALID;
        }
        if (first && option == OPT_HELP) {
            print_help();
            return PL_CONFIG_DONE;
        }
        if (first && option == OPT_VERSION) {
            printf("parlad %s\n", PL_VERSION);
            return PL_CONFIG_DONE;
        }
        if (first && option == OPT_CONFIG && !read_file(config, optarg))
            return PL_CONFIG_INVALID;
        if (!first && option >= OPT_KEY && option < OPT_KEY + KEYS_LEN &&
            !apply_option(config, &keys[option - OPT_KEY], optarg, &lists))
            return PL_CONFIG_INVALID;
    }
    if (optind < argc) {
        fprintf(stderr, "parlad: '%s' is no option; see parlad --help\n", argv[optind]);
        return PL_CONFIG_INVALID;
    }
    return PL_CONFIG_RUN;
}

/* What only makes sense together. */
static bool check_tls(const struct pl_config *config)
{
    if ((config->tls_cert[0] == 0) != (config->tls_key[0] == 0)) {
        fprintf(stderr, "parlad: tls_cert and tls_key go together; give %s too\n",
                config->tls_cert[0] == 0 ? "tls_cert" : "tls_key");
        return false;
    }
    if (config->tls_client_ca[0] != 0 && config->tls_cert[0] == 0) {
        fprintf(stderr, "parlad: tls_client_ca needs tls_cert and tls_key; give them too\n");
        return false;
    }
    return true;
}

enum pl_config_result pl_config_read(int argc, char **argv, struct pl_config *ret_config)
{
    enum pl_config_result result;

    set_defaults(ret_config);
    result = scan(argc, argv, ret_config, true);
    if (result == PL_CONFIG_RUN)
        result = scan(argc, argv, ret_config, false);
    if (result != PL_CONFIG_RUN)
        return result;
    if (!check_tls(ret_config) || !pl_limits_agree(ret_config))
        return PL_CONFIG_INVALID;
    if (ret_config->listen_len == 0)
        set_listen(ret_config, PL_LISTEN_DEFAULT);
    if (ret_config->data[0] == 0 && !pl_config_default_data(ret_config->data))
        return PL_CONFIG_INVALID;
    return PL_CONFIG_RUN;
}
