/*
 * durability.h - how safe what was acknowledged is.
 */
#ifndef PL_MODEL_DURABILITY_H
#define PL_MODEL_DURABILITY_H

/* As on the wire (parla.v1.Durability). */
enum pl_durability {
    PL_DURABILITY_WRITTEN = 1,    /* survives a crash of the process, not of the machine */
    PL_DURABILITY_SYNCED = 2,     /* survives a loss of power */
    PL_DURABILITY_REPLICATED = 3, /* is on the disks of a majority of machines */
};

#endif
