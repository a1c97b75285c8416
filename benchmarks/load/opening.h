/* Opening many connections, so many at a time. */
#ifndef LOAD_OPENING_H
#define LOAD_OPENING_H

#include <stdint.h>

#include "connection.h"
#include "options.h"
#include "plan.h"

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
/* Opens all. Ends the program if that takes longer than --max-seconds. */
void opening_all(struct poller *poller, struct connection *connections, uint64_t count, const struct options *options);

/* What a subscriber sends when it is open: a template with the blank %t for each of its topics, another once. */
void send_subscriptions(struct connection *connection, const struct options *options, const struct plan *plan,
                        uint64_t subscriber);
/* A template with the blanks that any connection can fill. */
void send_template(struct connection *connection, const struct template *template, const struct options *options,
                   uint64_t topic);

#endif
