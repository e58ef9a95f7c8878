/*
 * line.c - libedit without its display and without its waiting.
 *
 * libedit reads characters by a function of ours, which gives out one whole key
 * and then says that there is nothing more: in its unbuffered mode el_wgets()
 * returns after each key. The commands of libedit that read on by themselves
 * (quoted insert, the extended command) would take that for the end of the
 * input, so they are not bound.
 */
#include "client/line.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <histedit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HISTORY_LEN = 500, KEY_LEN_MAX = 40 };

#define RESET_SEQUENCE "\x1b[9999~" /* no key sends it */

struct pl_line {
    EditLine *edit;
    HistoryW *history;
    FILE *nowhere;
    void (*on_complete)(void *self);
    void *self_weak;
    wchar_t key[KEY_LEN_MAX]; /* what libedit has not read of the present key */
    size_t key_len;
    size_t key_at;
};

/* The sequences that terminals send, and the commands of libedit for them. */
static const struct {
    const char *sequence;
    const char *bind; /* in libedit's notation */
    const char *command;
} sequences[] = {
    {"\x1b[A", "\\e[A", "ed-prev-history"},
    {"\x1bOA", "\\eOA", "ed-prev-history"},
    {"\x1b[B", "\\e[B", "ed-next-history"},
    {"\x1bOB", "\\eOB", "ed-next-history"},
    {"\x1b[C", "\\e[C", "ed-next-char"},
    {"\x1bOC", "\\eOC", "ed-next-char"},
    {"\x1b[D", "\\e[D", "ed-prev-char"},
    {"\x1bOD", "\\eOD", "ed-prev-char"},
    {"\x1b[H", "\\e[H", "ed-move-to-beg"},
    {"\x1bOH", "\\eOH", "ed-move-to-beg"},
    {"\x1b[1~", "\\e[1~", "ed-move-to-beg"},
    {"\x1b[7~", "\\e[7~", "ed-move-to-beg"},
    {"\x1b[F", "\\e[F", "ed-move-to-end"},
    {"\x1bOF", "\\eOF", "ed-move-to-end"},
    {"\x1b[4~", "\\e[4~", "ed-move-to-end"},
    {"\x1b[8~", "\\e[8~", "ed-move-to-end"},
    {"\x1b[3~", "\\e[3~", "ed-delete-next-char"},
    {"\x1b[5~", "\\e[5~", "ed-search-prev-history"},
    {"\x1b[6~", "\\e[6~", "ed-search-next-history"},
    {"\x1b[1;5C", "\\e[1;5C", "em-next-word"},
    {"\x1b[1;3C", "\\e[1;3C", "em-next-word"},
    {"\x1b[1;5D", "\\e[1;5D", "ed-prev-word"},
    {"\x1b[1;3D", "\\e[1;3D", "ed-prev-word"},
    {RESET_SEQUENCE, "\\e[9999~", "parla-reset"},
};

static const struct {
    const char *bind;
    const char *command;
} keys[] = {
    {"^I", "parla-complete"},  {"^W", "ed-delete-prev-word"}, {"^R", "ed-search-prev-history"},
    {"^P", "ed-prev-history"}, {"^N", "ed-next-history"},     {"^V", "ed-unassigned"},
    {"^Q", "ed-unassigned"},   {"\\ex", "ed-unassigned"},     {"\\eX", "ed-unassigned"},
};

static struct pl_line *line_of(EditLine *edit)
{
    void *line = NULL;

    el_get(edit, EL_CLIENTDATA, &line);
    return line;
}

static int read_key(EditLine *edit, wchar_t *ret_char)
{
    struct pl_line *line = line_of(edit);

    if (line->key_at == line->key_len)
        return 0;
    *ret_char = line->key[line->key_at++];
    return 1;
}

static unsigned char reset(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    return CC_FATAL; /* libedit's word for: empty the line, forget what was begun */
}

static unsigned char complete(EditLine *edit, int key)
{
    struct pl_line *line = line_of(edit);

    (void)key;
    line->on_complete(line->self_weak);
    return CC_REFRESH;
}

static const char *prompt(EditLine *edit)
{
    (void)edit;
    return "";
}

/* Has libedit deal with the present key. */
static void work(struct pl_line *line)
{
    int len = 0;

    line->key_at = 0;
    while (line->key_at < line->key_len) {
        size_t before = line->key_at;

        el_wgets(line->edit, &len);
        if (line->key_at == before)
            break;
    }
    line->key_len = 0;
    line->key_at = 0;
}

void pl_line_point(struct pl_line *line, uint32_t point)
{
    line->key[0] = (wchar_t)point;
    line->key_len = 1;
    work(line);
}

void pl_line_sequence(struct pl_line *line, const char *sequence)
{
    size_t len = strlen(sequence);
    bool known = len == 2; /* ESC and a character: libedit has a table of them */

    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        known = known || strcmp(sequence, sequences[i].sequence) == 0;
    if (!known || len > KEY_LEN_MAX)
        return;
    for (size_t i = 0; i < len; i++)
        line->key[i] = (wchar_t)(unsigned char)sequence[i];
    line->key_len = len;
    work(line);
}

int pl_line_insert(struct pl_line *line, const wchar_t *text)
{
    if (text[0] == 0)
        return PL_OK;
    return el_winsertstr(line->edit, text) < 0 ? PL_E_NOMEM : PL_OK;
}

void pl_line_clear(struct pl_line *line)
{
    pl_line_sequence(line, RESET_SEQUENCE);
}

void pl_line_remember(struct pl_line *line, const wchar_t *text)
{
    HistEventW event;

    if (history_w(line->history, &event, H_ENTER, text) < 0)
        return; /* memory is short: it is only not remembered */
}

struct pl_line_view pl_line_view(struct pl_line *line)
{
    const LineInfoW *info = el_wline(line->edit);

    return (struct pl_line_view){.text = info->buffer,
                                 .len = (size_t)(info->lastchar - info->buffer),
                                 .cursor = (size_t)(info->cursor - info->buffer)};
}

static void bind_keys(struct pl_line *line)
{
    EditLine *edit = line->edit;

    /* in wide characters: el_set() would copy these, and never free the copies */
    el_wset(edit, EL_ADDFN, L"parla-reset", L"empty the line", reset);
    el_wset(edit, EL_ADDFN, L"parla-complete", L"complete a word", complete);
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
        el_set(edit, EL_BIND, sequences[i].bind, sequences[i].command, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        el_set(edit, EL_BIND, keys[i].bind, keys[i].command, NULL);
}

int pl_line_new(void (*on_complete)(void *self), void *self, struct pl_line **ret_line)
{
    struct pl_line *line = pl_zalloc(sizeof *line);
    HistEventW event;
    int err = PL_E_NOMEM;

    if (line == NULL)
        return PL_E_NOMEM;
    line->on_complete = on_complete;
    line->self_weak = self;
    line->nowhere = fopen("/dev/null", "w");
    if (line->nowhere == NULL) {
        err = PL_E_IO;
        goto fail;
    }
    line->history = history_winit();
    line->edit = el_init_fd("parla", stdin, line->nowhere, line->nowhere, STDIN_FILENO,
                            STDOUT_FILENO, STDERR_FILENO);
    if (line->history == NULL || line->edit == NULL)
        goto fail;
    history_w(line->history, &event, H_SETSIZE, HISTORY_LEN);
    history_w(line->history, &event, H_SETUNIQUE, 1);
    el_set(line->edit, EL_CLIENTDATA, line);
    el_set(line->edit, EL_EDITOR, "emacs");
    el_set(line->edit, EL_PROMPT, prompt);
    el_set(line->edit, EL_GETCFN, read_key);
    el_wset(line->edit, EL_HIST, history_w, line->history);
    bind_keys(line);
    el_set(line->edit, EL_UNBUFFERED, 1);
    *ret_line = line;
    return PL_OK;

fail:
    pl_line_free(line);
    return err;
}

void pl_line_free(struct pl_line *line)
{
    if (line == NULL)
        return;
    if (line->edit != NULL)
        el_end(line->edit);
    if (line->history != NULL)
        history_wend(line->history);
    if (line->nowhere != NULL)
        fclose(line->nowhere);
    pl_free(line);
}
