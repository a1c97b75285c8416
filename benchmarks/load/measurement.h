/* What is measured around a run in every mode: time, processor time of both sides, memory. */
#ifndef LOAD_MEASUREMENT_H
#define LOAD_MEASUREMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "server_usage.h"

struct measurement {
    const struct options *options;
    enum cpu_source source;
    uint64_t rss_before_kib; /* before any connection */
    uint64_t rss_opened_kib; /* with all of them, before anything is published */
    uint64_t rss_after_kib;
    uint64_t began_ns;
    double server_cpu_s; /* at the beginning, then from there to the end */
    double client_cpu_s; /* the same */
    double seconds;      /* from the beginning to the last thing that counts */
    double wall_seconds; /* to the end: as long as the two sides' processor time was counted */
};

/* Before the first connection. */
void measurement_make(struct measurement *measurement, const struct options *options);
/* All connections are there. */
void measurement_opened(struct measurement *measurement);
void measurement_begin(struct measurement *measurement);
void measurement_end(struct measurement *measurement, uint64_t last_ns);
/* Whether the client was busy nearly all the time, so that it, and not the server, may be what was measured. */
bool measurement_client_saturated(const struct measurement *measurement);

#endif
