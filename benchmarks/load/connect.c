/* connect: connection after connection, so many at a time. What does it cost to come, subscribe, be answered and go?
 *
 * Each is dialled, shakes hands, subscribes, waits for the first answer (or the one with the --ack pattern), says
 * goodbye and waits for the server to close. Invariant: `dialled` have begun, `done` have gone that whole way. */
#include <stdlib.h>

#include "clock.h"
#include "connection.h"
#include "fatal.h"
#include "latency.h"
#include "measurement.h"
#include "modes.h"
#include "opening.h"
#include "patterns.h"
#include "plan.h"
#include "report.h"
#include "sending.h"

#define PARALLEL 16

struct visit {
    struct connect *connect;
    struct connection connection;
    uint64_t began_ns;
    size_t matched; /* of the pattern */
    bool said_goodbye;
};

struct connect {
    const struct options *options;
    struct plan plan;
    struct endpoint endpoint;
    struct poller poller;
    struct pattern ack;
    struct visit *visits; /* those at one time */
    uint64_t parallel;
    uint64_t dialled;
    uint64_t done;
    uint64_t lost; /* that the server closed before they were answered */
    uint64_t last_ns;
    struct latency latency; /* from dialling to the end */
    struct measurement measurement;
};

static void begin_visit(struct visit *visit) {
    struct connect *connect = visit->connect;
    if (connect->dialled == connect->options->subscribers) return;
    visit->connection.index = connect->dialled++;
    visit->began_ns = clock_now();
    visit->matched = 0;
    visit->said_goodbye = false;
    connection_dial(&visit->connection);
}

static void say_goodbye(struct visit *visit) {
    visit->said_goodbye = true;
    connection_say_goodbye(&visit->connection);
}

static void visit_opened(struct connection *connection) {
    struct visit *visit = connection->owner;
    const struct connect *connect = visit->connect;
    const struct template_list *subscribe = &connect->options->subscribe;
    send_list_for_topics(connection, subscribe, connect->options, &connect->plan, connection->index);
    if (subscribe->count == 0) say_goodbye(visit);
}

static void visit_asked(struct connection *connection, const struct template *reply) {
    const struct visit *visit = connection->owner;
    const struct connect *connect = visit->connect;
    if (!visit->said_goodbye)
        send_for_topics(connection, reply, connect->options, &connect->plan, connection->index);
}

static void visit_received(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct visit *visit = connection->owner;
    struct connect *connect = visit->connect;
    (void)now_ns;
    if (visit->said_goodbye) return;
    if (connect->ack.text.length == 0 || pattern_count(&connect->ack, &visit->matched, data, length) > 0)
        say_goodbye(visit);
}

static void visit_lost(struct connection *connection) {
    struct visit *visit = connection->owner;
    struct connect *connect = visit->connect;
    connect->last_ns = clock_now();
    if (visit->said_goodbye) {
        connect->done++;
        latency_add(&connect->latency, connect->last_ns - visit->began_ns);
    } else {
        connect->lost++;
    }
    begin_visit(visit);
}

static void set_up(struct connect *connect, const struct options *options) {
    static const struct connection_events events = {visit_opened, visit_asked, visit_received, visit_lost};
    connect->options = options;
    plan_make(&connect->plan, options);
    endpoint_make(&connect->endpoint, options);
    poller_make(&connect->poller);
    if (options->ack.length > 0) pattern_make(&connect->ack, &options->ack);
    connect->parallel = options->parallel ? options->parallel : PARALLEL;
    opening_raise_limit(connect->parallel);
    connect->visits = allocate(connect->parallel, sizeof *connect->visits);
    for (uint64_t i = 0; i < connect->parallel; i++) {
        struct visit *visit = &connect->visits[i];
        visit->connect = connect;
        connection_make(&visit->connection, &connect->endpoint, &connect->poller, &events, visit, i);
    }
}

static void run(struct connect *connect) {
    measurement_begin(&connect->measurement);
    uint64_t deadline_ns = connect->measurement.began_ns + connect->options->max_ns;
    connect->last_ns = connect->measurement.began_ns;
    for (uint64_t i = 0; i < connect->parallel; i++) begin_visit(&connect->visits[i]);
    while (connect->done + connect->lost < connect->options->subscribers && clock_now() < deadline_ns)
        poller_wait(&connect->poller, deadline_ns);
    measurement_end(&connect->measurement, connect->last_ns);
}

static void report(const struct connect *connect) {
    const struct measurement *measurement = &connect->measurement;
    report_begin(connect->options->mode_name);
    report_count("connections", connect->done);
    report_count("connections_expected", connect->options->subscribers);
    report_number("connections_per_s", (double)connect->done / measurement->seconds);
    report_measurement(measurement, "connection", connect->done, connect->done);
    report_latency(&connect->latency);
    report_count("closed_by_server", connect->lost);
    report_end();
}

bool run_connect(const struct options *options) {
    struct connect *connect = allocate(1, sizeof *connect);
    set_up(connect, options);
    measurement_make(&connect->measurement, options);
    run(connect);
    report(connect);
    bool complete = connect->done == options->subscribers;
    for (uint64_t i = 0; i < connect->parallel; i++) connection_free(&connect->visits[i].connection);
    free(connect->visits);
    pattern_free(&connect->ack);
    poller_free(&connect->poller);
    endpoint_free(&connect->endpoint);
    plan_free(&connect->plan);
    free(connect);
    return complete;
}
