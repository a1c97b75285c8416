/* Opening many connections, so many at a time. */
#ifndef LOAD_OPENING_H
#define LOAD_OPENING_H

#include <stdint.h>

#include "connection.h"
#include "options.h"

struct opening {
    struct poller *poller;
    struct connection *connections;
    uint64_t count;
    uint64_t dialled;
    uint64_t parallel; /* at most so many are neither open nor still to be dialled */
};

/* The descriptors that so many connections need. Ends the program if the system does not give them. */
void opening_raise_limit(uint64_t connections);
/* Dials those whose turn it is. */
void opening_dial_more(struct opening *opening);
/* Opens all, and waits until nothing has come for --settle-ms, so that all are subscribed. Ends the program if that
 * takes longer than half a minute. */
void opening_all(struct poller *poller, struct connection *connections, uint64_t count, const struct options *options);

#endif
