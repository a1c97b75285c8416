/* Markers: how a publication is known again, whatever a server wraps around it. "@@" and 16 hexadecimal digits, which
 * are a time of CLOCK_MONOTONIC in nanoseconds. */
#ifndef LOAD_MARKERS_H
#define LOAD_MARKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARKER_LENGTH 18

/* How far a marker is read that began in an earlier piece. All zeros: none has begun. */
struct marker_reader {
    uint64_t value;   /* of the digits that were read */
    unsigned matched; /* characters that were read, '@' included; less than MARKER_LENGTH */
};

void marker_write(char out[MARKER_LENGTH], uint64_t value);

/* The next marker that ends between *data and end. *data moves behind it, or to the end if there is none. */
bool marker_next(struct marker_reader *reader, const char **data, const char *end, uint64_t *marker);

#endif
