/*
 * fault.h - deliberate faults, to see that the judge finds them.
 *
 * Each sits between production objects, in an interface that the simulation wraps
 * anyway: no production source knows of them.
 */
#ifndef PL_TESTS_SIM_FAULT_H
#define PL_TESTS_SIM_FAULT_H

enum fault {
    FAULT_NONE,
    FAULT_ACK_BEFORE_COMMIT, /* a commit says yes, and is done with the next batch */
    FAULT_DROP_ON_REJOIN,  /* the page by which a reader joins the live flow lacks its last event */
    FAULT_FORGET_REQUESTS, /* a restart forgets the request_ids */
    FAULT_SKIP_SEQUENCE,   /* after a failed commit a room goes on one sequence too far */
    FAULT_TWO_TAKERS,      /* what one taker has is handed to another */
    FAULT_NO_STATE,        /* a page lacks the states of rooms that have been trimmed */
    FAULT_EARLY_LIVE,      /* a stream goes live before it was given such a state */
    FAULT_TRIM_MORE,       /* retention takes what is an hour younger, too */
    FAULT_STALE_PAGE,      /* a page that was made for another is given though the log went on */
    FAULT_WRONG_UNREAD,    /* a read marker counts one message too many */
    FAULT_LEAK,            /* a page that nobody waits for any more is not freed */
    FAULT_OVER_BUDGET,     /* tails keep more than they may */
    FAULT_AGE_BY_DAY,      /* what ends, ends by the time of day, which may be set */
    FAULTS_LEN,
};

#endif
