/* What the server's processes use: processor time and memory. */
#ifndef LOAD_SERVER_USAGE_H
#define LOAD_SERVER_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

/* Where processor time is read: the process's own clock, to the nanosecond, or /proc/PID/stat, to 10 ms. */
enum cpu_source { CPU_CLOCK, CPU_STAT };

/* Seconds of processor time, user and system, of all processes together. 0 if there are none. */
double server_cpu_seconds(const struct options *options, enum cpu_source source);
/* The finer source that works for all of them. */
enum cpu_source server_cpu_source(const struct options *options);
const char *cpu_source_name(enum cpu_source source);
/* KiB of resident memory of all processes together. */
uint64_t server_rss_kib(const struct options *options);

#endif
