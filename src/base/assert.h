/*
 * assert.h - our own bugs. Kept in release builds.
 *
 * A failed assertion prints where, and the last diagnostics, then aborts. Never
 * used for what a peer or the world did.
 */
#ifndef PL_BASE_ASSERT_H
#define PL_BASE_ASSERT_H

#define PL_ASSERT(condition) \
    ((condition) ? (void)0 : pl_assert_failed(#condition, __FILE__, __LINE__, __func__))

/* For a branch that cannot be. */
#define PL_UNREACHABLE() pl_assert_failed("unreachable", __FILE__, __LINE__, __func__)

_Noreturn void pl_assert_failed(const char *condition, const char *file, int line,
                                const char *function);

#endif
