/*
 * uverr.h - what libuv and the system say, in the words of base/err.h.
 *
 * Inside net only. Threads: any.
 */
#ifndef PL_NET_UVERR_H
#define PL_NET_UVERR_H

/* PL_OK for 0 and above; else the error that `status`, a libuv error, stands
 * for; PL_E_IO where there is no closer one. */
int pl_err_of_uv(int status);

/* The same for a value of errno. */
int pl_err_of_errno(int number);

#endif
