/*
 * mailbox.c - a list, a mutex and a condition.
 *
 * The receiver is woken once, by the first ring, until it takes all that is there.
 */
#include "net/mailbox.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <uv.h>

struct pl_mailbox {
    uv_mutex_t lock;
    uv_cond_t cond;
    struct pl_list letters;
    size_t len;
    size_t len_max;
    bool rung; /* since letters were last taken */
    bool closed;
    void (*wake)(void *self);
    void *self_weak;
};

int pl_mailbox_new(size_t len_max, void (*wake)(void *self), void *self,
                   struct pl_mailbox **ret_mailbox)
{
    struct pl_mailbox *mailbox;

    PL_ASSERT(len_max > 0);
    mailbox = pl_zalloc(sizeof *mailbox);
    if (mailbox == NULL)
        return PL_E_NOMEM;
    if (uv_mutex_init(&mailbox->lock) < 0) {
        pl_free(mailbox);
        return PL_E_NOMEM;
    }
    if (uv_cond_init(&mailbox->cond) < 0) {
        uv_mutex_destroy(&mailbox->lock);
        pl_free(mailbox);
        return PL_E_NOMEM;
    }
    pl_list_init(&mailbox->letters);
    mailbox->len_max = len_max;
    mailbox->wake = wake;
    mailbox->self_weak = self;
    *ret_mailbox = mailbox;
    return PL_OK;
}

void pl_mailbox_free(struct pl_mailbox *mailbox)
{
    if (mailbox == NULL)
        return;
    PL_ASSERT(pl_list_empty(&mailbox->letters));
    uv_cond_destroy(&mailbox->cond);
    uv_mutex_destroy(&mailbox->lock);
    pl_free(mailbox);
}

static int put(struct pl_mailbox *mailbox, struct pl_letter *letter, size_t len_max)
{
    int rc = PL_OK;

    uv_mutex_lock(&mailbox->lock);
    if (mailbox->closed) {
        rc = PL_E_CLOSED;
    } else if (mailbox->len >= len_max) {
        rc = PL_E_LIMIT;
    } else {
        pl_list_append(&mailbox->letters, &letter->node);
        mailbox->len++;
    }
    uv_mutex_unlock(&mailbox->lock);
    return rc;
}

void pl_mailbox_ring(struct pl_mailbox *mailbox)
{
    bool rings;

    uv_mutex_lock(&mailbox->lock);
    rings = mailbox->len > 0 && !mailbox->rung;
    mailbox->rung = mailbox->rung || rings;
    if (rings)
        uv_cond_signal(&mailbox->cond);
    uv_mutex_unlock(&mailbox->lock);

    if (rings && mailbox->wake != NULL)
        mailbox->wake(mailbox->self_weak);
}

static int post(struct pl_mailbox *mailbox, struct pl_letter *letter, size_t len_max)
{
    int rc = put(mailbox, letter, len_max);

    if (rc == PL_OK)
        pl_mailbox_ring(mailbox);
    return rc;
}

int pl_mailbox_post(struct pl_mailbox *mailbox, struct pl_letter *letter)
{
    return post(mailbox, letter, mailbox->len_max);
}

int pl_mailbox_post_always(struct pl_mailbox *mailbox, struct pl_letter *letter)
{
    return post(mailbox, letter, SIZE_MAX);
}

int pl_mailbox_put(struct pl_mailbox *mailbox, struct pl_letter *letter)
{
    return put(mailbox, letter, mailbox->len_max);
}

int pl_mailbox_put_always(struct pl_mailbox *mailbox, struct pl_letter *letter)
{
    return put(mailbox, letter, SIZE_MAX);
}

/* Moves what waits to the end of the list. The lock is held. */
static size_t take_locked(struct pl_mailbox *mailbox, struct pl_list *ret_list)
{
    struct pl_list *from = &mailbox->letters;
    size_t len = mailbox->len;

    PL_ASSERT((len == 0) == pl_list_empty(from));
    if (len == 0)
        return 0;
    from->next->prev = ret_list->prev;
    ret_list->prev->next = from->next;
    from->prev->next = ret_list;
    ret_list->prev = from->prev;
    pl_list_init(from);
    mailbox->len = 0;
    mailbox->rung = false;
    return len;
}

size_t pl_mailbox_take(struct pl_mailbox *mailbox, struct pl_list *ret_list)
{
    size_t len;

    uv_mutex_lock(&mailbox->lock);
    len = take_locked(mailbox, ret_list);
    uv_mutex_unlock(&mailbox->lock);
    return len;
}

size_t pl_mailbox_wait(struct pl_mailbox *mailbox, int64_t timeout_us, struct pl_list *ret_list)
{
    uint64_t now = uv_hrtime(), until = UINT64_MAX;
    size_t len;

    if (timeout_us >= 0 && (uint64_t)timeout_us < (UINT64_MAX - now) / 1000)
        until = now + (uint64_t)timeout_us * 1000;
    uv_mutex_lock(&mailbox->lock);
    while (mailbox->len == 0 && !mailbox->closed && now < until) {
        if (until == UINT64_MAX)
            uv_cond_wait(&mailbox->cond, &mailbox->lock);
        else
            uv_cond_timedwait(&mailbox->cond, &mailbox->lock, until - now);
        now = uv_hrtime();
    }
    len = take_locked(mailbox, ret_list);
    uv_mutex_unlock(&mailbox->lock);
    return len;
}

size_t pl_mailbox_gather(struct pl_mailbox *mailbox, int64_t wait_us, struct pl_list *ret_list)
{
    uint64_t now = uv_hrtime(), until = now + (uint64_t)(wait_us > 0 ? wait_us : 0) * 1000;
    size_t len;

    uv_mutex_lock(&mailbox->lock);
    mailbox->rung = true;
    while (!mailbox->closed && now < until) {
        uv_cond_timedwait(&mailbox->cond, &mailbox->lock, until - now);
        now = uv_hrtime();
    }
    mailbox->rung = false; /* also where there is nothing to take */
    len = take_locked(mailbox, ret_list);
    uv_mutex_unlock(&mailbox->lock);
    return len;
}

void pl_mailbox_close(struct pl_mailbox *mailbox)
{
    bool was_open;

    uv_mutex_lock(&mailbox->lock);
    was_open = !mailbox->closed;
    mailbox->closed = true;
    uv_cond_broadcast(&mailbox->cond);
    uv_mutex_unlock(&mailbox->lock);
    if (was_open && mailbox->wake != NULL)
        mailbox->wake(mailbox->self_weak);
}

bool pl_mailbox_closed(struct pl_mailbox *mailbox)
{
    bool closed;

    uv_mutex_lock(&mailbox->lock);
    closed = mailbox->closed;
    uv_mutex_unlock(&mailbox->lock);
    return closed;
}

size_t pl_mailbox_len(struct pl_mailbox *mailbox)
{
    size_t len;

    uv_mutex_lock(&mailbox->lock);
    len = mailbox->len;
    uv_mutex_unlock(&mailbox->lock);
    return len;
}
