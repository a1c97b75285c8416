/* ingest, http-ingest: publications go in, nobody is subscribed, and every one of them is acknowledged.
 *
 * Each publisher has at most `window` requests unanswered; over HTTP these are pipelined. The latency is that of the
 * answer. An answer is the --ack pattern, or an HTTP response: answers come in the order of the requests, so each
 * belongs to the oldest that waits. Invariant: `answered` <= `asked`; an answer too many is counted apart. */
#include <stdlib.h>

#include "clock.h"
#include "connection.h"
#include "counting.h"
#include "fatal.h"
#include "http_answers.h"
#include "latency.h"
#include "markers.h"
#include "measurement.h"
#include "modes.h"
#include "opening.h"
#include "patterns.h"
#include "report.h"
#include "sending.h"

#define AT_ONCE 16               /* requests of one publisher between two looks at what has come */
#define UNSENT_MOST (256 * 1024) /* a publisher with more bytes to send waits */
#define LATE_NS (50 * NS_PER_MS) /* how long nothing must come before nothing more is expected */
#define LATEST_NS (200 * NS_PER_MS)

struct publisher {
    struct ingest *ingest;
    uint64_t *sent_ns; /* of the requests that wait, a ring of `window` of them */
    uint64_t asked, answered;
    size_t matched; /* of the pattern */
    struct http_reader answers;
};

struct ingest {
    const struct options *options;
    struct endpoint endpoint;
    struct poller poller;
    struct connection *connections;
    struct publisher *publishers;
    struct pattern ack;
    struct measurement measurement;
    struct bytes message, body; /* the last ones, for their memory */
    uint64_t requests;          /* how many there shall be */
    uint64_t asked, answered;
    uint64_t refused;    /* answered, but not with 2xx */
    uint64_t unexpected; /* answers to nothing */
    uint64_t lost;
    uint64_t last_marker;
    uint64_t last_ns;
    struct latency latency;
};

/* ---- answers ---- */

static void answered(struct publisher *publisher, bool worked, uint64_t now_ns) {
    struct ingest *ingest = publisher->ingest;
    if (publisher->answered == publisher->asked) {
        ingest->unexpected++;
        return;
    }
    uint64_t sent_ns = publisher->sent_ns[publisher->answered++ % ingest->options->window];
    latency_add(&ingest->latency, now_ns - sent_ns);
    ingest->answered++;
    ingest->refused += !worked;
    ingest->last_ns = now_ns;
}

static void ack_received(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct publisher *publisher = connection->owner;
    size_t count = pattern_count(&publisher->ingest->ack, &publisher->matched, data, length);
    while (count-- > 0) answered(publisher, true, now_ns);
}

static void http_received(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct publisher *publisher = connection->owner;
    const char *end = data + length;
    enum http_result result;
    while ((result = http_next(&publisher->answers, &data, end)) == HTTP_ANSWER)
        answered(publisher, publisher->answers.worked, now_ns);
    if (result == HTTP_BROKEN) fatal("connection %lu: no HTTP answer that can be counted", connection->index);
}

static void publisher_opened(struct connection *connection) {
    const struct publisher *publisher = connection->owner;
    const struct options *options = publisher->ingest->options;
    send_list_without_topic(connection, &options->publish_init, options);
}

static void publisher_asked(struct connection *connection, const struct template *reply) {
    const struct publisher *publisher = connection->owner;
    send_without_topic(connection, reply, publisher->ingest->options);
}

static void publisher_lost(struct connection *connection) {
    struct publisher *publisher = connection->owner;
    publisher->ingest->lost++;
}

/* ---- requests ---- */

/* A request over HTTP: %L is the length of the body, which stands behind it. */
static void expand_http(struct ingest *ingest, struct template_values *values) {
    ingest->body.length = 0;
    template_expand(ingest->options->body, values, &ingest->body);
    values->length = ingest->body.length;
    template_expand(ingest->options->request, values, &ingest->message);
    bytes_append(&ingest->message, ingest->body.data, ingest->body.length);
}

static void ask(struct ingest *ingest, struct connection *connection) {
    struct publisher *publisher = connection->owner;
    const struct options *options = ingest->options;
    uint64_t now_ns = clock_now();
    struct template_values values = {
        .connection = connection->index,
        .publication = ingest->asked,
        .topic = ingest->asked % options->topics,
        .marker = marker_at(&ingest->last_marker, now_ns),
        .padding = options->payload,
        .length = MARKER_LENGTH + options->payload,
    };
    ingest->message.length = 0;
    if (options->mode == MODE_HTTP_INGEST)
        expand_http(ingest, &values);
    else
        template_expand(options->publish, &values, &ingest->message);
    publisher->sent_ns[publisher->asked++ % options->window] = now_ns;
    ingest->asked++;
    connection_send(connection, &ingest->message);
}

/* Lets each publisher ask what it may. True: there may be more, after a look at what has come. */
static bool ask_all(struct ingest *ingest) {
    bool more = false;
    for (uint64_t i = 0; i < ingest->options->publishers; i++) {
        struct publisher *publisher = &ingest->publishers[i];
        struct connection *connection = &ingest->connections[i];
        unsigned count = 0;
        while (count < AT_ONCE && ingest->asked < ingest->requests &&
               publisher->asked - publisher->answered < ingest->options->window &&
               connection_unsent(connection) <= UNSENT_MOST) {
            ask(ingest, connection);
            count++;
        }
        more |= count == AT_ONCE;
    }
    return more;
}

/* ---- the run ---- */

static void set_up(struct ingest *ingest, const struct options *options) {
    static const struct connection_events over_http = {publisher_opened, NULL, http_received, publisher_lost};
    static const struct connection_events with_acks = {publisher_opened, publisher_asked, ack_received,
                                                                 publisher_lost};
    const struct connection_events *events = options->mode == MODE_HTTP_INGEST ? &over_http : &with_acks;
    ingest->options = options;
    ingest->requests = options->publications / options->publications_per_request;
    endpoint_make(&ingest->endpoint, options);
    poller_make(&ingest->poller);
    if (options->ack.length > 0) pattern_make(&ingest->ack, &options->ack);
    opening_raise_limit(options->publishers);
    ingest->connections = allocate(options->publishers, sizeof *ingest->connections);
    ingest->publishers = allocate(options->publishers, sizeof *ingest->publishers);
    for (uint64_t i = 0; i < options->publishers; i++) {
        struct publisher *publisher = &ingest->publishers[i];
        publisher->ingest = ingest;
        publisher->sent_ns = allocate(options->window, sizeof *publisher->sent_ns);
        connection_make(&ingest->connections[i], &ingest->endpoint, &ingest->poller, events, publisher, i);
    }
}

static void tear_down(struct ingest *ingest) {
    for (uint64_t i = 0; i < ingest->options->publishers; i++) {
        connection_free(&ingest->connections[i]);
        http_free(&ingest->publishers[i].answers);
        free(ingest->publishers[i].sent_ns);
    }
    free(ingest->connections);
    free(ingest->publishers);
    pattern_free(&ingest->ack);
    bytes_free(&ingest->message);
    bytes_free(&ingest->body);
    poller_free(&ingest->poller);
    endpoint_free(&ingest->endpoint);
}

/* What the server said to --publish-init is no answer to a publication. */
static void forget_answers(struct ingest *ingest) {
    for (uint64_t i = 0; i < ingest->options->publishers; i++) ingest->publishers[i].matched = 0;
    ingest->unexpected = 0;
}

static void run(struct ingest *ingest) {
    forget_answers(ingest);
    measurement_begin(&ingest->measurement);
    uint64_t deadline_ns = ingest->measurement.began_ns + ingest->options->max_ns;
    ingest->last_ns = ingest->measurement.began_ns;
    while (ingest->answered < ingest->requests && ingest->lost == 0) {
        uint64_t now_ns = clock_now();
        if (now_ns >= deadline_ns) break;
        bool more = ask_all(ingest);
        poller_wait(&ingest->poller, more ? now_ns : deadline_ns);
    }
    measurement_end(&ingest->measurement, ingest->last_ns);
    poller_settle(&ingest->poller, LATE_NS, clock_now() + LATEST_NS);
}

static void report(const struct ingest *ingest) {
    const struct measurement *measurement = &ingest->measurement;
    uint64_t each = ingest->options->publications_per_request;
    uint64_t done = (ingest->answered - ingest->refused) * each;
    report_begin(ingest->options->mode_name);
    report_count("connections", ingest->options->publishers);
    report_count("publications_sent", ingest->asked * each);
    report_count("publications_expected", ingest->requests * each);
    report_count("publications_acknowledged", done);
    report_count("requests", ingest->asked);
    report_count("answers", ingest->answered);
    report_count("answers_refused", ingest->refused);
    report_count("answers_unexpected", ingest->unexpected);
    report_number("publications_per_s", (double)done / measurement->seconds);
    report_measurement(measurement, "publication", done, ingest->options->publishers);
    report_latency(&ingest->latency);
    report_count("closed_by_server", ingest->lost);
    report_end();
}

bool run_ingest(const struct options *options) {
    struct ingest *ingest = allocate(1, sizeof *ingest);
    set_up(ingest, options);
    measurement_make(&ingest->measurement, options);
    opening_all(&ingest->poller, ingest->connections, options->publishers, options);
    measurement_opened(&ingest->measurement);
    run(ingest);
    report(ingest);
    bool complete = ingest->answered == ingest->requests && ingest->refused == 0 && ingest->unexpected == 0 &&
                    ingest->lost == 0;
    tear_down(ingest);
    free(ingest);
    return complete;
}
