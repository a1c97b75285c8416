/* fanout: publications go in, and each subscriber of their topic must get each of them, once.
 *
 * Closed loop: at most `window` publications are outstanding, that is published and not delivered to all. Open loop
 * (--rate): they are published when the schedule says so, late or not, and bear the time that they were due, so a
 * server that stalls is charged with what waited meanwhile (coordinated omission). Each is one write, as if it came
 * alone.
 *
 * Invariant: what counts is decided by `delivered` alone, for every marker that a counted subscriber receives. */
#include <stdlib.h>

#include "clock.h"
#include "connection.h"
#include "counting.h"
#include "fatal.h"
#include "latency.h"
#include "markers.h"
#include "measurement.h"
#include "modes.h"
#include "opening.h"
#include "others.h"
#include "plan.h"
#include "report.h"
#include "sending.h"

#define AT_ONCE 16                /* publications between two looks at what has come */
#define UNSENT_MOST (256 * 1024)  /* a publisher with more bytes to send waits */
#define LATE_NS (50 * NS_PER_MS)  /* how long nothing must come before nothing more is expected */
#define LATEST_NS (200 * NS_PER_MS)

struct fanout;

struct subscriber {
    struct fanout *fanout;
    struct marker_reader markers;
    struct tally had;
    uint64_t due;
};

struct fanout {
    const struct options *options;
    struct plan plan;
    struct endpoint endpoint;
    struct poller poller;
    struct connection *connections; /* subscribers, then publishers, then others */
    uint64_t connection_count;
    struct subscriber *subscribers;
    struct others others;
    struct measurement measurement;

    bool running;
    uint64_t published;
    uint64_t last_marker;
    struct tally *topics; /* by topic: what was published to it */
    struct outstanding outstanding;
    struct bytes message; /* the last one, for its memory */
    uint64_t alarm_ns; /* what the timer was last set to */

    uint64_t deliveries;
    uint64_t received_bytes;
    uint64_t satisfied; /* subscribers that have had as many as are due */
    uint64_t unexpected; /* deliveries that were not due */
    uint64_t lost_connections; /* counted ones that the server closed */
    uint64_t last_ns; /* of the last delivery */
    struct latency latency;
};

/* ---- deliveries ---- */

static void delivered(struct fanout *fanout, struct subscriber *subscriber, uint64_t marker, uint64_t now_ns) {
    fanout->deliveries++;
    fanout->last_ns = now_ns;
    latency_add(&fanout->latency, now_ns > marker ? now_ns - marker : 0);
    tally_add(&subscriber->had, marker);
    if (subscriber->had.count == subscriber->due) fanout->satisfied++;
    if (!outstanding_deliver(&fanout->outstanding, marker)) fanout->unexpected++;
}

static void subscriber_opened(struct connection *connection) {
    const struct subscriber *subscriber = connection->owner;
    const struct fanout *fanout = subscriber->fanout;
    send_list_for_topics(connection, &fanout->options->subscribe, fanout->options, &fanout->plan, connection->index);
}

static void subscriber_asked(struct connection *connection, const struct template *reply) {
    const struct subscriber *subscriber = connection->owner;
    const struct fanout *fanout = subscriber->fanout;
    send_for_topics(connection, reply, fanout->options, &fanout->plan, connection->index);
}

static void subscriber_received(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct subscriber *subscriber = connection->owner;
    struct fanout *fanout = subscriber->fanout;
    const char *end = data + length;
    uint64_t marker;
    fanout->received_bytes += length;
    while (marker_next(&subscriber->markers, &data, end, &marker))
        if (fanout->running) delivered(fanout, subscriber, marker, now_ns);
}

static void subscriber_lost(struct connection *connection) {
    struct subscriber *subscriber = connection->owner;
    subscriber->fanout->lost_connections++;
}

static void publisher_opened(struct connection *connection) {
    const struct fanout *fanout = connection->owner;
    send_list_without_topic(connection, &fanout->options->publish_init, fanout->options);
}

static void publisher_asked(struct connection *connection, const struct template *reply) {
    const struct fanout *fanout = connection->owner;
    send_without_topic(connection, reply, fanout->options);
}

static void publisher_lost(struct connection *connection) {
    struct fanout *fanout = connection->owner;
    fanout->lost_connections++;
}

/* ---- publications ---- */

static struct connection *publisher_of(const struct fanout *fanout, const struct planned *planned) {
    uint64_t first = fanout->plan.members ? 0 : fanout->plan.subscribers;
    return &fanout->connections[first + planned->publisher];
}

/* When a publication is due. In a closed loop: now. */
static uint64_t scheduled_ns(const struct fanout *fanout, uint64_t publication) {
    if (fanout->options->rate <= 0) return clock_now();
    double after_s = (double)publication / fanout->options->rate;
    return fanout->measurement.began_ns + (uint64_t)(after_s * (double)NS_PER_S);
}

static void publish(struct fanout *fanout, struct connection *publisher, const struct planned *planned,
                    uint64_t due_ns) {
    struct template_values values = {
        .connection = publisher->index,
        .publication = fanout->published,
        .topic = planned->topic,
        .marker = marker_at(&fanout->last_marker, due_ns),
        .padding = fanout->options->payload,
        .length = MARKER_LENGTH + fanout->options->payload,
    };
    fanout->message.length = 0;
    template_expand(fanout->options->publish, &values, &fanout->message);
    outstanding_add(&fanout->outstanding, values.marker, fanout->plan.topic_subscribers[planned->topic]);
    tally_add(&fanout->topics[planned->topic], values.marker);
    fanout->published++;
    connection_send(publisher, &fanout->message);
}

/* Publishes what is due now. True: there may be more, after a look at what has come. */
static bool publish_due(struct fanout *fanout) {
    for (unsigned i = 0; i < AT_ONCE; i++) {
        if (fanout->published == fanout->plan.publications) return false;
        struct planned planned = plan_publication(&fanout->plan, fanout->published);
        struct connection *publisher = publisher_of(fanout, &planned);
        if (connection_unsent(publisher) > UNSENT_MOST) return false;
        uint64_t due_ns = scheduled_ns(fanout, fanout->published);
        if (fanout->options->rate > 0 && due_ns > clock_now()) return false;
        if (fanout->options->rate <= 0 && fanout->outstanding.count >= fanout->options->window) return false;
        publish(fanout, publisher, &planned, due_ns);
    }
    return true;
}

/* The timer wakes the poller for the next publication of an open loop. */
static void set_alarm(struct fanout *fanout) {
    if (fanout->options->rate <= 0 || fanout->published == fanout->plan.publications) return;
    uint64_t next_ns = scheduled_ns(fanout, fanout->published);
    if (next_ns == fanout->alarm_ns) return;
    fanout->alarm_ns = next_ns;
    poller_wake_at(&fanout->poller, next_ns);
}

/* ---- the run ---- */

static void set_up_connections(struct fanout *fanout) {
    static const struct connection_events of_subscribers = {subscriber_opened, subscriber_asked,
                                                                     subscriber_received, subscriber_lost};
    static const struct connection_events of_publishers = {publisher_opened, publisher_asked, NULL, publisher_lost};
    const struct plan *plan = &fanout->plan;
    for (uint64_t i = 0; i < plan->subscribers; i++) {
        fanout->subscribers[i] = (struct subscriber){.fanout = fanout, .due = plan_deliveries_to(plan, i)};
        if (fanout->subscribers[i].due == 0) fanout->satisfied++;
        connection_make(&fanout->connections[i], &fanout->endpoint, &fanout->poller, &of_subscribers,
                        &fanout->subscribers[i], i);
    }
    for (uint64_t i = plan->subscribers; i < plan->subscribers + plan->publishers; i++)
        connection_make(&fanout->connections[i], &fanout->endpoint, &fanout->poller, &of_publishers, fanout, i);
    uint64_t others_from = plan->subscribers + plan->publishers;
    others_make(&fanout->others, fanout->options, plan, &fanout->connections[others_from], &fanout->endpoint,
                &fanout->poller, others_from);
}

static void set_up(struct fanout *fanout, const struct options *options) {
    fanout->options = options;
    plan_make(&fanout->plan, options);
    endpoint_make(&fanout->endpoint, options);
    poller_make(&fanout->poller);
    outstanding_make(&fanout->outstanding);
    fanout->connection_count = fanout->plan.subscribers + fanout->plan.publishers + options->stuck + options->slow +
                               options->replaying;
    opening_raise_limit(fanout->connection_count);
    fanout->connections = allocate(fanout->connection_count, sizeof *fanout->connections);
    fanout->subscribers = allocate(fanout->plan.subscribers, sizeof *fanout->subscribers);
    fanout->topics = allocate(fanout->plan.topics, sizeof *fanout->topics);
    set_up_connections(fanout);
}

static void tear_down(struct fanout *fanout) {
    for (uint64_t i = 0; i < fanout->connection_count; i++) connection_free(&fanout->connections[i]);
    free(fanout->connections);
    free(fanout->subscribers);
    free(fanout->topics);
    others_free(&fanout->others);
    outstanding_free(&fanout->outstanding);
    bytes_free(&fanout->message);
    poller_free(&fanout->poller);
    endpoint_free(&fanout->endpoint);
    plan_free(&fanout->plan);
}

static bool over(const struct fanout *fanout) {
    if (fanout->lost_connections > 0) return true; /* what it should have had will never come */
    return fanout->published == fanout->plan.publications && fanout->satisfied == fanout->plan.subscribers;
}

static void run(struct fanout *fanout) {
    measurement_begin(&fanout->measurement);
    uint64_t deadline_ns = fanout->measurement.began_ns + fanout->options->max_ns;
    uint64_t received_before = fanout->received_bytes;
    fanout->last_ns = fanout->measurement.began_ns;
    fanout->running = true;
    others_begin(&fanout->others);
    while (!over(fanout)) {
        uint64_t now_ns = clock_now();
        if (now_ns >= deadline_ns) break;
        bool more = publish_due(fanout);
        set_alarm(fanout);
        double had = (double)(fanout->received_bytes - received_before);
        others_read_slowly(&fanout->others, had / (double)fanout->plan.subscribers, now_ns);
        poller_wait(&fanout->poller, more ? now_ns : deadline_ns);
    }
    measurement_end(&fanout->measurement, fanout->last_ns);
    /* What comes twice may come late. */
    poller_settle(&fanout->poller, LATE_NS, clock_now() + LATEST_NS);
}

/* Subscribers that have not had just what was published to their topics. */
static uint64_t wrong_subscribers(const struct fanout *fanout) {
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < fanout->plan.subscribers; i++) {
        struct tally due = {0};
        for (uint64_t nth = 0; nth < fanout->plan.topics_per_subscriber; nth++)
            tally_add_all(&due, &fanout->topics[plan_topic(&fanout->plan, i, nth)]);
        wrong += !tally_equal(&due, &fanout->subscribers[i].had);
    }
    return wrong;
}

static bool report(const struct fanout *fanout) {
    const struct measurement *measurement = &fanout->measurement;
    uint64_t expected = plan_deliveries(&fanout->plan);
    uint64_t wrong = wrong_subscribers(fanout);
    report_begin(fanout->options->mode_name);
    report_count("connections", fanout->connection_count);
    report_count("subscribers", fanout->plan.subscribers);
    report_count("publications_sent", fanout->published);
    report_count("deliveries", fanout->deliveries);
    report_count("deliveries_expected", expected);
    report_count("deliveries_unexpected", fanout->unexpected);
    report_count("subscribers_wrong", wrong);
    report_number("deliveries_per_s", (double)fanout->deliveries / measurement->seconds);
    report_measurement(measurement, "delivery", fanout->deliveries, fanout->connection_count);
    report_latency(&fanout->latency);
    report_count("closed_by_server", fanout->lost_connections);
    others_report(&fanout->others);
    report_end();
    return fanout->published == fanout->plan.publications && fanout->deliveries == expected && wrong == 0 &&
           fanout->unexpected == 0 && fanout->lost_connections == 0;
}

bool run_fanout(const struct options *options) {
    struct fanout *fanout = allocate(1, sizeof *fanout);
    set_up(fanout, options);
    measurement_make(&fanout->measurement, options);
    opening_all(&fanout->poller, fanout->connections, fanout->connection_count, options);
    measurement_opened(&fanout->measurement);
    run(fanout);
    bool complete = report(fanout);
    tear_down(fanout);
    free(fanout);
    return complete;
}
