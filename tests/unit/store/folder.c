#include "folder.h"

#include "base/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void folder_make(struct folder *folder)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(folder->path, sizeof folder->path, "%s/parla-test-XXXXXX",
             tmp != NULL && tmp[0] != 0 ? tmp : "/tmp");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->data, sizeof folder->data, "%s/data", folder->path);
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char name[1024];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) < 0)
            remove_all(name);
    }
    if (dir != NULL)
        closedir(dir);
    (void)rmdir(path);
}

void folder_remove(const struct folder *folder)
{
    remove_all(folder->path);
}

uint8_t *folder_read(const struct folder *folder, const char *name, size_t *ret_size)
{
    char path[1024];
    struct stat st;
    uint8_t *data;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder->data, name);
    assert_int_equal(stat(path, &st), 0);
    data = pl_alloc((size_t)st.st_size);
    assert_non_null(data);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, (size_t)st.st_size, file), st.st_size);
    fclose(file);
    *ret_size = (size_t)st.st_size;
    return data;
}

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t random_below(uint64_t *state, uint32_t len)
{
    return (uint32_t)(random_next(state) % len);
}
