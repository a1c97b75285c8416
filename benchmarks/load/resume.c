/* resume: everyone comes back at once and wants what was missed.
 *
 * All clients are dialled at once, and each sends its subscription, which asks for a replay, as soon as it is open. It
 * is done with the --expect-th marker. What is measured is how long that takes, from the first dial on, for each client
 * and for all. Invariant: a client that gets more than it expects is as wrong as one that gets less. */
#include <stdlib.h>

#include "clock.h"
#include "connection.h"
#include "fatal.h"
#include "latency.h"
#include "markers.h"
#include "measurement.h"
#include "modes.h"
#include "opening.h"
#include "plan.h"
#include "report.h"
#include "sending.h"

#define LATE_NS (50 * NS_PER_MS) /* how long nothing must come before nothing more is expected */
#define LATEST_NS (200 * NS_PER_MS)

struct client {
    struct resume *resume;
    struct marker_reader markers;
    uint64_t had;
};

struct resume {
    const struct options *options;
    struct plan plan;
    struct endpoint endpoint;
    struct poller poller;
    struct connection *connections;
    struct client *clients;
    struct measurement measurement;
    uint64_t deliveries;
    uint64_t done;
    uint64_t lost;
    uint64_t last_ns;
    struct latency latency; /* of each client: from the first dial to its last marker */
};

static void client_opened(struct connection *connection) {
    const struct client *client = connection->owner;
    const struct options *options = client->resume->options;
    send_list_for_topics(connection, &options->subscribe, options, &client->resume->plan, connection->index);
}

static void client_asked(struct connection *connection, const struct template *reply) {
    const struct client *client = connection->owner;
    send_for_topics(connection, reply, client->resume->options, &client->resume->plan, connection->index);
}

static void client_received(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct client *client = connection->owner;
    struct resume *resume = client->resume;
    const char *end = data + length;
    uint64_t marker;
    while (marker_next(&client->markers, &data, end, &marker)) {
        resume->deliveries++;
        if (++client->had != resume->options->expect) continue;
        resume->done++;
        resume->last_ns = now_ns;
        latency_add(&resume->latency, now_ns - resume->measurement.began_ns);
    }
}

static void client_lost(struct connection *connection) {
    struct client *client = connection->owner;
    client->resume->lost++;
}

static void set_up(struct resume *resume, const struct options *options) {
    static const struct connection_events events = {client_opened, client_asked, client_received, client_lost};
    uint64_t count = options->subscribers;
    resume->options = options;
    plan_make(&resume->plan, options);
    endpoint_make(&resume->endpoint, options);
    poller_make(&resume->poller);
    opening_raise_limit(count);
    resume->connections = allocate(count, sizeof *resume->connections);
    resume->clients = allocate(count, sizeof *resume->clients);
    for (uint64_t i = 0; i < count; i++) {
        resume->clients[i].resume = resume;
        connection_make(&resume->connections[i], &resume->endpoint, &resume->poller, &events, &resume->clients[i], i);
    }
}

static void run(struct resume *resume) {
    uint64_t count = resume->options->subscribers;
    struct opening opening = {
        .poller = &resume->poller,
        .connections = resume->connections,
        .count = count,
        .parallel = resume->options->parallel ? resume->options->parallel : count,
    };
    measurement_begin(&resume->measurement);
    uint64_t deadline_ns = resume->measurement.began_ns + resume->options->max_ns;
    resume->last_ns = resume->measurement.began_ns;
    while (resume->done < count && resume->lost == 0 && clock_now() < deadline_ns) {
        opening_dial_more(&opening);
        poller_wait(&resume->poller, deadline_ns);
    }
    measurement_end(&resume->measurement, resume->last_ns);
    poller_settle(&resume->poller, LATE_NS, clock_now() + LATEST_NS);
}

static uint64_t wrong_clients(const struct resume *resume) {
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < resume->options->subscribers; i++)
        wrong += resume->clients[i].had != resume->options->expect;
    return wrong;
}

static void report(const struct resume *resume) {
    const struct measurement *measurement = &resume->measurement;
    uint64_t count = resume->options->subscribers;
    report_begin(resume->options->mode_name);
    report_count("connections", count);
    report_count("subscribers", count);
    report_count("deliveries", resume->deliveries);
    report_count("deliveries_expected", count * resume->options->expect);
    report_count("subscribers_wrong", wrong_clients(resume));
    report_number("deliveries_per_s", (double)resume->deliveries / measurement->seconds);
    report_measurement(measurement, "delivery", resume->deliveries, count);
    report_latency(&resume->latency);
    report_count("closed_by_server", resume->lost);
    report_end();
}

bool run_resume(const struct options *options) {
    struct resume *resume = allocate(1, sizeof *resume);
    set_up(resume, options);
    measurement_make(&resume->measurement, options);
    run(resume);
    report(resume);
    bool complete = wrong_clients(resume) == 0 && resume->lost == 0;
    for (uint64_t i = 0; i < options->subscribers; i++) connection_free(&resume->connections[i]);
    free(resume->connections);
    free(resume->clients);
    poller_free(&resume->poller);
    endpoint_free(&resume->endpoint);
    plan_free(&resume->plan);
    free(resume);
    return complete;
}
