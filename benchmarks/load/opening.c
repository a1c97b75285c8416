/* Opening many connections, and subscribing them.
 *
 * Invariant: connections are dialled in the order of their index, so that a server that turns some away turns away the
 * last. */
#include "opening.h"

#include <errno.h>
#include <sys/resource.h>

#include "clock.h"
#include "fatal.h"
#include "markers.h"

#define OWN_DESCRIPTORS 32
#define PARALLEL 64 /* well below the backlog of any server */

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
    uint64_t deadline = clock_now() + options->max_ns;
    while (poller->opened < count) {
        if (clock_now() >= deadline)
            fatal("only %lu of %lu connections were open in time", poller->opened, count);
        opening_dial_more(&opening);
        poller_wait(poller, deadline);
    }
}

static void expand_and_send(struct connection *connection, const struct template *template,
                            const struct template_values *values) {
    struct bytes message = {0};
    template_expand(template, values, &message);
    connection_send(connection, &message);
    bytes_free(&message);
}

void send_template(struct connection *connection, const struct template *template, const struct options *options,
                   uint64_t topic) {
    struct template_values values = {
        .connection = connection->index,
        .topic = topic,
        .marker = clock_now(),
        .padding = options->payload,
        .length = MARKER_LENGTH + options->payload,
    };
    expand_and_send(connection, template, &values);
}

void send_subscriptions(struct connection *connection, const struct options *options, const struct plan *plan,
                        uint64_t subscriber) {
    struct template_values values = {
        .connection = connection->index,
        .marker = clock_now(),
        .padding = options->payload,
        .length = MARKER_LENGTH + options->payload,
    };
    for (unsigned i = 0; i < options->subscribe.count; i++) {
        const struct template *template = options->subscribe.each[i];
        uint64_t times = template_has(template, 't') ? plan->topics_per_subscriber : 1;
        for (uint64_t nth = 0; nth < times; nth++) {
            values.publication = nth;
            values.topic = plan_topic(plan, subscriber, nth);
            expand_and_send(connection, template, &values);
        }
    }
}
