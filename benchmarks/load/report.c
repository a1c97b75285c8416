/* The report: one JSON object, one line. Names and texts are our own, so none needs an escape. Invariant: every field
 * is written by one call, so commas are put in one place. */
#include "report.h"

#include <math.h>
#include <stdio.h>

static bool first = true; /* of the fields of the object that is open */

static void name_field(const char *name) {
    printf("%s\"%s\":", first ? "" : ",", name);
    first = false;
}

void report_text(const char *name, const char *value) {
    name_field(name);
    printf("\"%s\"", value);
}

void report_count(const char *name, uint64_t value) {
    name_field(name);
    printf("%lu", value);
}

/* What cannot be said, such as a rate over no time, is null. */
void report_number(const char *name, double value) {
    name_field(name);
    if (isfinite(value))
        printf("%.9g", value);
    else
        printf("null");
}

void report_flag(const char *name, bool value) {
    name_field(name);
    printf(value ? "true" : "false");
}

void report_object(const char *name) {
    name_field(name);
    putchar('{');
    first = true;
}

void report_object_end(void) {
    putchar('}');
    first = false;
}

void report_begin(const char *mode) {
    putchar('{');
    report_text("mode", mode);
}

void report_end(void) { puts("}"); }

static double microseconds(uint64_t ns) { return (double)ns / 1000; }

/* Microseconds; null where nothing was measured. */
static void report_microseconds(const char *name, const struct latency *latency, uint64_t ns) {
    name_field(name);
    if (latency->count > 0)
        printf("%.3f", microseconds(ns));
    else
        printf("null");
}

static void report_histogram(const struct latency *latency) {
    bool first_bucket = true;
    name_field("histogram");
    putchar('[');
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        if (latency->counts[i] == 0) continue;
        uint64_t end = latency_bucket_end(i) < latency->max_ns ? latency_bucket_end(i) : latency->max_ns;
        printf("%s[%.3f,%lu]", first_bucket ? "" : ",", microseconds(end), latency->counts[i]);
        first_bucket = false;
    }
    putchar(']');
}

void report_latency(const struct latency *latency) {
    static const struct {
        const char *name;
        double percent;
    } percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p999", 99.9}};
    report_object("latency_us");
    for (unsigned i = 0; i < sizeof percentiles / sizeof percentiles[0]; i++)
        report_microseconds(percentiles[i].name, latency, latency_percentile(latency, percentiles[i].percent));
    report_microseconds("max", latency, latency->max_ns);
    report_object_end();
    report_histogram(latency);
}

static void report_server(const struct measurement *measurement, const char *unit, uint64_t units,
                          uint64_t connections) {
    char name[64];
    double grown_kib = (double)measurement->rss_opened_kib - (double)measurement->rss_before_kib;
    snprintf(name, sizeof name, "server_cpu_us_per_%s", unit);
    report_number("server_cpu_s", measurement->server_cpu_s);
    report_number(name, measurement->server_cpu_s * 1e6 / (double)units);
    report_text("cpu_source", cpu_source_name(measurement->source));
    report_number("rss_mib_before", (double)measurement->rss_before_kib / 1024);
    report_number("rss_mib_after", (double)measurement->rss_after_kib / 1024);
    if (measurement->rss_opened_kib > 0) report_number("rss_kib_per_connection", grown_kib / (double)connections);
}

void report_measurement(const struct measurement *measurement, const char *unit, uint64_t units, uint64_t connections) {
    report_number("seconds", measurement->seconds);
    if (measurement->options->pid_count > 0) report_server(measurement, unit, units, connections);
    report_number("client_cpu_s", measurement->client_cpu_s);
    report_flag("client_saturated", measurement_client_saturated(measurement));
}
