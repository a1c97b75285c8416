/* What is measured around a run.
 *
 * Invariant: both sides' processor time is counted over the same span as wall_seconds. */
#include "measurement.h"

#include <sys/resource.h>

#include "clock.h"

#define SATURATED 0.95 /* of a core, which is all that one thread has */

static double own_cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void measurement_make(struct measurement *measurement, const struct options *options) {
    *measurement = (struct measurement){
        .options = options,
        .source = server_cpu_source(options),
        .rss_before_kib = server_rss_kib(options),
    };
}

void measurement_opened(struct measurement *measurement) {
    measurement->rss_opened_kib = server_rss_kib(measurement->options);
}

void measurement_begin(struct measurement *measurement) {
    measurement->client_cpu_s = own_cpu_seconds();
    measurement->server_cpu_s = server_cpu_seconds(measurement->options, measurement->source);
    measurement->began_ns = clock_now();
}

void measurement_end(struct measurement *measurement, uint64_t last_ns) {
    uint64_t now = clock_now();
    double server_cpu_s = server_cpu_seconds(measurement->options, measurement->source);
    measurement->server_cpu_s = server_cpu_s - measurement->server_cpu_s;
    measurement->client_cpu_s = own_cpu_seconds() - measurement->client_cpu_s;
    measurement->seconds = seconds_between(measurement->began_ns, last_ns);
    measurement->wall_seconds = seconds_between(measurement->began_ns, now);
    measurement->rss_after_kib = server_rss_kib(measurement->options);
}

bool measurement_client_saturated(const struct measurement *measurement) {
    return measurement->client_cpu_s > SATURATED * measurement->wall_seconds;
}
