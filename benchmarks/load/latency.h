/* A histogram of latencies in fixed memory. Any two values in one bucket differ by less than 1 %. */
#ifndef LOAD_LATENCY_H
#define LOAD_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS_BITS 7 /* 128 buckets for each doubling: a bucket is at most 1/128 = 0.79 % wide */
#define LATENCY_OCTAVES 34   /* beyond 2^(7 + 34 - 1) ns = 18 minutes all is one bucket */
#define LATENCY_BUCKETS (LATENCY_OCTAVES << LATENCY_STEPS_BITS)

struct latency {
    uint64_t counts[LATENCY_BUCKETS];
    uint64_t count;
    uint64_t max_ns; /* exact */
};

void latency_add(struct latency *latency, uint64_t ns);
/* What so many of a hundred did not exceed: the upper end of its bucket, but never more than the maximum. */
uint64_t latency_percentile(const struct latency *latency, double percent);
/* The largest value that belongs into this bucket. */
uint64_t latency_bucket_end(unsigned bucket);

#endif
