/* The report: one JSON object on stdout. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "latency.h"
#include "measurement.h"

/* Begins the object, with the mode. Fields follow in the order of the calls. */
void report_begin(const char *mode);
void report_count(const char *name, uint64_t value);
void report_number(const char *name, double value);
void report_flag(const char *name, bool value);
void report_text(const char *name, const char *value);
void report_object(const char *name);
void report_object_end(void);
/* "latency_us" and "histogram". */
void report_latency(const struct latency *latency);
/* What every mode measures: time, both sides' processor time, memory. `unit` is what the server's is divided by: one of
 * so many deliveries, publications or connections. */
void report_measurement(const struct measurement *measurement, const char *unit, uint64_t units, uint64_t connections);
void report_end(void);

#endif
