/*
 * process.c - a child of the process, and a pipe into it.
 *
 * The input gets a real pipe: libuv would make a pair of sockets, which a child
 * cannot open by the name /dev/stdin. It is a handle of its own, for it may be
 * done before the child or after it.
 */
#include "net/process.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/handle.h"
#include "net/uverr.h"

#include <string.h>

enum { SIGNAL_STATUS = 128 };

struct pl_process {
    struct pl_handle handle; /* first: freed with it */
    uv_process_t uv;
    void (*on_exit)(void *self, int status); /* NULL once forgotten */
    void *self_weak;
};

struct input {
    struct pl_handle handle; /* first: freed with it */
    uv_pipe_t uv;
    uv_write_t req;
    char data[];
};

static void on_exit(uv_process_t *uv, int64_t status, int signum)
{
    struct pl_process *process = uv->data;
    void (*tell)(void *self, int status) = process->on_exit;

    process->on_exit = NULL;
    pl_handle_close(&process->handle);
    if (tell != NULL)
        tell(process->self_weak, signum != 0 ? SIGNAL_STATUS + signum : (int)status);
}

static void on_written(uv_write_t *req, int status)
{
    (void)status; /* a child need not read it all */
    pl_handle_release(&PL_CONTAINER(req, struct input, req)->handle);
}

static int input_new(struct pl_loop *loop, struct pl_bytes data, struct input **ret_input)
{
    struct input *input = pl_zalloc(sizeof *input + data.size);

    if (input == NULL)
        return PL_E_NOMEM;
    if (data.size > 0)
        memcpy(input->data, data.data, data.size);
    PL_ASSERT(uv_pipe_init(pl_loop_uv(loop), &input->uv, 0) == 0);
    pl_handle_open(&input->handle, loop, &input->uv);
    *ret_input = input;
    return PL_OK;
}

static void input_send(struct input *input, size_t size)
{
    uv_buf_t buf = {.base = input->data, .len = size};

    if (uv_write(&input->req, (uv_stream_t *)&input->uv, &buf, 1, on_written) < 0)
        pl_handle_release(&input->handle); /* the child sees its end at once */
}

static int spawn(struct pl_process *process, struct pl_loop *loop, const char *const *argv,
                 int input_fd)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_INHERIT_FD, .data.fd = input_fd},
        {.flags = UV_INHERIT_FD, .data.fd = 1},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t options = {
        .exit_cb = on_exit,
        .file = argv[0],
        .args = (char **)(uintptr_t)argv, /* not written to */
        .stdio_count = 3,
        .stdio = stdio,
    };
    int rc = uv_spawn(pl_loop_uv(loop), &process->uv, &options);

    pl_handle_open(&process->handle, loop, &process->uv); /* known to libuv even on failure */
    return pl_err_of_uv(rc);
}

/* Starts the child with one end of a pipe and opens the other. */
static int start(struct pl_process *process, struct input *input, struct pl_loop *loop,
                 const char *const *argv)
{
    uv_file fds[2];
    uv_fs_t req;
    int rc;

    rc = pl_err_of_uv(uv_pipe(fds, 0, UV_NONBLOCK_PIPE));
    if (rc < 0)
        return rc;
    rc = pl_err_of_uv(uv_pipe_open(&input->uv, fds[1]));
    if (rc < 0)
        uv_fs_close(NULL, &req, fds[1], NULL);
    else
        rc = spawn(process, loop, argv, fds[0]);
    uv_fs_close(NULL, &req, fds[0], NULL);
    return rc;
}

int pl_process_start(struct pl_loop *loop, const char *const *argv, struct pl_bytes input_data,
                     void (*on_exit_user)(void *self, int status), void *self,
                     struct pl_process **ret_process)
{
    int rc = pl_loop_check_open(loop);
    struct pl_process *process;
    struct input *input;

    if (rc < 0)
        return rc;
    PL_ASSERT(argv[0] != NULL);
    process = pl_zalloc(sizeof *process);
    if (process == NULL)
        return PL_E_NOMEM;
    rc = input_new(loop, input_data, &input);
    if (rc < 0) {
        pl_free(process);
        return rc;
    }
    rc = start(process, input, loop, argv);
    if (rc < 0) {
        pl_handle_release(&input->handle);
        if (process->handle.state == PL_HANDLE_OPEN)
            pl_handle_release(&process->handle);
        else
            pl_free(process);
        return rc == PL_E_NOTFOUND || rc == PL_E_NOMEM ? rc : PL_E_IO;
    }
    process->on_exit = on_exit_user;
    process->self_weak = self;
    input_send(input, input_data.size);
    *ret_process = process;
    return PL_OK;
}

void pl_process_kill(struct pl_process *process, int signum)
{
    PL_ASSERT(pl_loop_on_thread(process->handle.loop_weak));
    if (process->handle.state == PL_HANDLE_OPEN)
        uv_process_kill(&process->uv, signum); /* fails only where it has just ended */
}

void pl_process_free(struct pl_process *process)
{
    if (process == NULL)
        return;
    PL_ASSERT(pl_loop_on_thread(process->handle.loop_weak));
    process->on_exit = NULL;
    if (process->handle.state == PL_HANDLE_OPEN)
        process->handle.released = true; /* stays until the child ends, so that it is reaped */
    else
        pl_handle_release(&process->handle);
}
