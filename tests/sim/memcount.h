/*
 * memcount.h - how much memory the program's own objects hold.
 *
 * The executable is linked so that its calls of malloc and its like come here
 * first (meson.build); those of shared libraries do not.
 */
#ifndef PL_TESTS_SIM_MEMCOUNT_H
#define PL_TESTS_SIM_MEMCOUNT_H

#include <stdint.h>

/* Blocks that were allocated and not freed. */
int64_t memcount_blocks(void);

#endif
