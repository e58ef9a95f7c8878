/*
 * replay.c - runs a target over files, where there is no libFuzzer: so every
 * compiler, and valgrind, sees the inputs that are kept.
 *
 * usage: TARGET FILE-OR-FOLDER...      what is not there holds no inputs
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_SIZE_MAX = 1 << 20, PATH_SIZE = 4096 };

static unsigned inputs_len;

/* The input lies in a block of its own size, as libFuzzer has it. */
static int run_file(const char *path)
{
    static uint8_t data[INPUT_SIZE_MAX];
    FILE *file = fopen(path, "rbe");
    uint8_t *copy;
    size_t size;

    if (file == NULL) {
        perror(path);
        return -1;
    }
    size = fread(data, 1, sizeof data, file);
    if (ferror(file) != 0 || size == sizeof data) {
        fprintf(stderr, "%s: cannot be read, or is %d bytes or more\n", path, INPUT_SIZE_MAX);
        fclose(file);
        return -1;
    }
    fclose(file);
    printf("%s\n", path);
    fflush(stdout); /* if it crashes, one sees where */
    copy = fuzz_copy((struct pl_bytes){data, size});
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs_len++;
    return 0;
}

static int run_folder(const char *path)
{
    struct dirent **entries;
    int rc = 0, len = scandir(path, &entries, NULL, alphasort);

    if (len < 0) {
        perror(path);
        return -1;
    }
    for (int i = 0; i < len; i++) {
        char name[PATH_SIZE];
        int size = snprintf(name, sizeof name, "%s/%s", path, entries[i]->d_name);

        if (rc == 0 && entries[i]->d_name[0] != '.')
            rc = size < (int)sizeof name ? run_file(name) : -1;
        free(entries[i]);
    }
    free(entries);
    return rc;
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat status;
        int rc;

        if (stat(argv[i], &status) != 0) {
            if (errno == ENOENT)
                continue;
            perror(argv[i]);
            return 1;
        }
        rc = S_ISDIR(status.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
        if (rc < 0)
            return 1;
    }
    printf("%u inputs\n", inputs_len);
    return inputs_len > 0 ? 0 : 1;
}
