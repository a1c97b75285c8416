/* Counting how often a text stands in a stream that comes in pieces. */
#ifndef LOAD_PATTERNS_H
#define LOAD_PATTERNS_H

#include <stddef.h>

#include "bytes.h"

struct pattern {
    struct bytes text;
    size_t *fallback; /* of a match of n + 1 characters, how many are still a match when the next one is another */
};

void pattern_make(struct pattern *pattern, const struct bytes *text);
/* How many end in this piece; one does not begin inside another. `matched` is the stream's state, 0 at its start. */
size_t pattern_count(const struct pattern *pattern, size_t *matched, const char *data, size_t length);
void pattern_free(struct pattern *pattern);

#endif
