/* Opening many connections.
 *
 * Invariant: connections are dialled in the order of their index, so that a server that turns some away turns away the
 * last. */
#include "opening.h"

#include <errno.h>
#include <sys/resource.h>

#include "clock.h"
#include "fatal.h"

#define OWN_DESCRIPTORS 32
#define PARALLEL 64 /* well below the backlog of any server */
#define OPENING_NS (30 * NS_PER_S)

void opening_raise_limit(uint64_t connections) {
    struct rlimit limit;
    rlim_t wanted = connections + OWN_DESCRIPTORS;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted) limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fatal_errno("%lu connections need %lu descriptors (ulimit -n)", connections, (uint64_t)wanted);
}

void opening_dial_more(struct opening *opening) {
    while (opening->dialled < opening->count && opening->dialled - opening->poller->opened < opening->parallel)
        connection_dial(&opening->connections[opening->dialled++]);
}

void opening_all(struct poller *poller, struct connection *connections, uint64_t count, const struct options *options) {
    struct opening opening = {
        .poller = poller,
        .connections = connections,
        .count = count,
        .parallel = options->parallel ? options->parallel : PARALLEL,
    };
    uint64_t deadline = clock_now() + OPENING_NS;
    while (poller->opened < count) {
        if (clock_now() >= deadline)
            fatal("only %lu of %lu connections were open in time", poller->opened, count);
        opening_dial_more(&opening);
        poller_wait(poller, deadline);
    }
    poller_settle(poller, options->settle_ns, clock_now() + options->settle_ns + OPENING_NS);
}
