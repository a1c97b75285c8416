/* idle: connections that subscribe and wait. What does each cost in memory, and what do all cost in processor time?
 *
 * Pings are answered. Invariant: nothing is published, so what the server does it does of itself. */
#include <stdlib.h>

#include "clock.h"
#include "connection.h"
#include "fatal.h"
#include "measurement.h"
#include "modes.h"
#include "opening.h"
#include "plan.h"
#include "report.h"
#include "sending.h"

struct idle {
    const struct options *options;
    struct plan plan;
    struct endpoint endpoint;
    struct poller poller;
    struct connection *connections;
    struct measurement measurement;
    uint64_t lost;
};

static void idle_opened(struct connection *connection) {
    const struct idle *idle = connection->owner;
    send_list_for_topics(connection, &idle->options->subscribe, idle->options, &idle->plan, connection->index);
}

static void idle_asked(struct connection *connection, const struct template *reply) {
    const struct idle *idle = connection->owner;
    send_for_topics(connection, reply, idle->options, &idle->plan, connection->index);
}

static void idle_lost(struct connection *connection) {
    struct idle *idle = connection->owner;
    idle->lost++;
}

static const struct connection_events idle_events = {idle_opened, idle_asked, NULL, idle_lost};

static void hold(struct idle *idle) {
    measurement_begin(&idle->measurement);
    uint64_t until_ns = idle->measurement.began_ns + idle->options->hold_ns;
    while (clock_now() < until_ns) poller_wait(&idle->poller, until_ns);
    measurement_end(&idle->measurement, until_ns);
}

static void report(const struct idle *idle) {
    uint64_t count = idle->options->subscribers;
    const struct measurement *measurement = &idle->measurement;
    report_begin(idle->options->mode_name);
    report_count("connections", count);
    report_count("subscribers", count);
    report_count("open_at_end", count - idle->lost);
    report_count("closed_by_server", idle->lost);
    report_measurement(measurement, "connection", count, count);
    if (idle->options->pid_count > 0)
        report_number("server_cpu_s_per_s", measurement->server_cpu_s / measurement->wall_seconds);
    report_end();
}

bool run_idle(const struct options *options) {
    struct idle idle = {.options = options};
    uint64_t count = options->subscribers;
    plan_make(&idle.plan, options);
    endpoint_make(&idle.endpoint, options);
    poller_make(&idle.poller);
    opening_raise_limit(count);
    idle.connections = allocate(count, sizeof *idle.connections);
    for (uint64_t i = 0; i < count; i++)
        connection_make(&idle.connections[i], &idle.endpoint, &idle.poller, &idle_events, &idle, i);
    measurement_make(&idle.measurement, options);
    opening_all(&idle.poller, idle.connections, count, options);
    measurement_opened(&idle.measurement);
    hold(&idle);
    report(&idle);
    for (uint64_t i = 0; i < count; i++) connection_free(&idle.connections[i]);
    free(idle.connections);
    poller_free(&idle.poller);
    endpoint_free(&idle.endpoint);
    plan_free(&idle.plan);
    return idle.lost == 0;
}
