/* The event loop: epoll, one thread, and one timer. */
#ifndef LOAD_POLLER_H
#define LOAD_POLLER_H

#include <stdbool.h>
#include <stdint.h>

struct connection;

struct poller {
    int epoll;
    int timer;
    uint64_t opened; /* connections that are, or were, open */
    uint64_t last_received_ns; /* when anything was last received, on any connection */
};

void poller_make(struct poller *poller);
/* Handles what has happened; waits for it, but not beyond this time. */
void poller_wait(struct poller *poller, uint64_t until_ns);
/* The next poller_wait returns at this time at the latest, to the nanosecond. */
void poller_wake_at(struct poller *poller, uint64_t at_ns);
/* Which events of a connection are of interest: those of epoll. */
void poller_add(struct poller *poller, struct connection *connection, uint32_t events);
void poller_change(struct poller *poller, struct connection *connection, uint32_t events);
/* Handles what comes until nothing has come for so long, or until the deadline. */
void poller_settle(struct poller *poller, uint64_t quiet_ns, uint64_t deadline_ns);
void poller_free(struct poller *poller);

#endif
