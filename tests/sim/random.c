/*
 * random.c - what production code draws at random is the same in each run: the keys of its
 * maps decide in which order they are walked, and which allocation is the nth.
 */
#include "chance.h"

#include <stddef.h>

/* The linker's name for what is called in place of randombytes_buf(). */
void __wrap_randombytes_buf(void *data, size_t size);

void __wrap_randombytes_buf(void *data, size_t size)
{
    static struct chance chance = {.state = 1};
    uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)chance_below(&chance, 256);
}
