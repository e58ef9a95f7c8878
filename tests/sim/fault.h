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
    FAULTS_LEN,
};

#endif
