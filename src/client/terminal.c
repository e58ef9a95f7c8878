/*
 * terminal.c - raw and back.
 *
 * The handlers of deadly signals may call nothing but what is safe there
 * (POSIX, signal-safety): tcsetattr() and write() are.
 */
#include "client/terminal.h"

#include "base/err.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define PASTE_ON  "\x1b[?2004h"
#define PASTE_OFF "\x1b[?2004l"

static struct termios saved;
static volatile sig_atomic_t is_raw;

static void say(const char *sequence, size_t size)
{
    ssize_t n;

    do {
        n = write(STDOUT_FILENO, sequence, size);
    } while (n < 0 && errno == EINTR);
}

void pl_terminal_restore(void)
{
    int keep = errno;

    if (!is_raw)
        return;
    is_raw = 0;
    say(PASTE_OFF, sizeof PASTE_OFF - 1);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
    errno = keep;
}

static void on_deadly(int signum)
{
    pl_terminal_restore();
    raise(signum); /* its handler is the default one again */
}

/* Where somebody, such as a sanitizer, has a handler of its own, that stays. */
static void guard(int signum)
{
    struct sigaction action = {.sa_handler = on_deadly, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before;

    if (sigaction(signum, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(signum, &action, NULL);
}

int pl_terminal_open(void)
{
    static const int deadly[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT};

    if (tcgetattr(STDIN_FILENO, &saved) < 0)
        return PL_E_IO;
    atexit(pl_terminal_restore);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        guard(deadly[i]);
    return PL_OK;
}

void pl_terminal_raw(void)
{
    struct termios raw = saved;

    raw.c_iflag &= ~(tcflag_t)(ICRNL | INLCR | IGNCR | ISTRIP | IXON);
    raw.c_oflag |= OPOST | ONLCR;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
    raw.c_lflag |= ISIG;
    raw.c_cc[VINTR] = _POSIX_VDISABLE;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    is_raw = 1;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    say(PASTE_ON, sizeof PASTE_ON - 1);
}

void pl_terminal_size(size_t *ret_cols, size_t *ret_rows)
{
    struct winsize size;

    *ret_cols = 80;
    *ret_rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
        return;
    if (size.ws_col >= 2)
        *ret_cols = size.ws_col;
    if (size.ws_row >= 1)
        *ret_rows = size.ws_row;
}
