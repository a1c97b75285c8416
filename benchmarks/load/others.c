/* Connections that are a burden to the server, beside those that are measured.
 *
 * stuck      subscribes and never reads, with a small receive buffer, so that the server soon has nowhere to write to
 * slow       reads half of the bytes that the others get
 * replaying  asks for a replay, and as soon as it has it, ends it and asks again
 *
 * Invariant: nothing that happens to them counts as a delivery, or as a failure. */
#include "others.h"

#include <stdlib.h>

#include "clock.h"
#include "fatal.h"
#include "report.h"
#include "sending.h"

#define STUCK_BUFFER 4096
#define SLOW_BUFFER 65536       /* or the kernel would read megabytes on its behalf */
#define SLOW_SHARE 0.5
#define SLOW_PIECE 4096         /* bytes: less is not worth a read */
#define SLOW_EVERY (NS_PER_MS)

struct other {
    struct others *all;
    struct connection *connection;
    enum other_kind kind;
    uint64_t number; /* among the others: which topics it has */
    uint64_t began_bytes; /* what it had received when the run began */
    uint64_t replayed; /* markers of this replay */
    struct marker_reader markers;
};

static const char *const kind_names[OTHER_KINDS] = {"stuck", "slow", "replaying"};

static void send_list(const struct other *other, const struct template_list *list) {
    const struct others *all = other->all;
    send_list_for_topics(other->connection, list, all->options, all->plan, other->number);
}

/* ---- events ---- */

static void other_opened(struct connection *connection) {
    struct other *other = connection->owner;
    if (other->kind != REPLAYING) send_list(other, &other->all->options->subscribe);
    if (other->kind == STUCK) connection_stop_reading(connection);
}

static void other_asked(struct connection *connection, const struct template *reply) {
    const struct other *other = connection->owner;
    send_for_topics(connection, reply, other->all->options, other->all->plan, other->number);
}

static void other_received(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct other *other = connection->owner;
    struct others *all = other->all;
    const char *end = data + length;
    uint64_t marker;
    (void)now_ns;
    while (marker_next(&other->markers, &data, end, &marker)) {
        all->received[other->kind]++;
        if (other->kind != REPLAYING || ++other->replayed < all->options->replay_expect) continue;
        all->rounds++;
        other->replayed = 0;
        send_list(other, &all->options->unreplay);
        send_list(other, &all->options->replay);
    }
}

static void other_lost(struct connection *connection) {
    struct other *other = connection->owner;
    other->all->closed[other->kind]++;
}

static const struct connection_events other_events = {other_opened, other_asked, other_received, other_lost};

/* ---- all of them ---- */

void others_make(struct others *others, const struct options *options, const struct plan *plan,
                 struct connection *connections, const struct endpoint *endpoint, struct poller *poller,
                 uint64_t index) {
    static const int buffers[OTHER_KINDS] = {STUCK_BUFFER, SLOW_BUFFER, 0};
    *others = (struct others){
        .options = options,
        .plan = plan,
        .count = options->stuck + options->slow + options->replaying,
        .counts = {options->stuck, options->slow, options->replaying},
    };
    others->each = allocate(others->count, sizeof *others->each);
    uint64_t i = 0;
    for (unsigned kind = 0; kind < OTHER_KINDS; kind++) {
        for (uint64_t n = 0; n < others->counts[kind]; n++, i++) {
            others->each[i] =
                (struct other){.all = others, .connection = &connections[i], .kind = kind, .number = n};
            connection_make(&connections[i], endpoint, poller, &other_events, &others->each[i], index + i);
            connections[i].receive_buffer = buffers[kind];
        }
    }
}

static bool is_open(const struct other *other) { return other->connection->state == CONNECTION_OPEN; }

void others_begin(struct others *others) {
    for (uint64_t i = 0; i < others->count; i++) {
        struct other *other = &others->each[i];
        if (!is_open(other)) continue;
        other->began_bytes = other->connection->received_bytes;
        if (other->kind == SLOW) connection_stop_reading(other->connection);
        if (other->kind == REPLAYING) send_list(other, &others->options->replay);
    }
}

void others_read_slowly(struct others *others, double mean_bytes, uint64_t now_ns) {
    if (others->counts[SLOW] == 0 || now_ns - others->slow_read_ns < SLOW_EVERY) return;
    others->slow_read_ns = now_ns;
    for (uint64_t i = 0; i < others->count; i++) {
        const struct other *other = &others->each[i];
        if (other->kind != SLOW || !is_open(other)) continue;
        double had = (double)(other->connection->received_bytes - other->began_bytes);
        double may = SLOW_SHARE * mean_bytes - had;
        if (may >= SLOW_PIECE) connection_read(other->connection, (size_t)may);
    }
}

void others_report(const struct others *others) {
    report_object("others");
    for (unsigned kind = 0; kind < OTHER_KINDS; kind++) {
        report_object(kind_names[kind]);
        report_count("connections", others->counts[kind]);
        report_count("received", others->received[kind]);
        report_count("closed", others->closed[kind]);
        if (kind == REPLAYING) report_count("rounds", others->rounds);
        report_object_end();
    }
    report_object_end();
}

void others_free(struct others *others) { free(others->each); }
