/* A histogram whose buckets grow with the values, as those of HdrHistogram do.
 *
 * Values below 128 ns have a bucket each. Above, each octave [2^n, 2^(n+1)) has 128 buckets of equal width, so a bucket
 * is never wider than 1/128 of the smallest value in it, and it takes a shift to find it:
 *
 *     value      1 x x x x x x x y y y ... y      the 1 says the octave, the 7 bits x the step, the rest is given up
 *     bucket     octave * 128 + x
 *
 * Invariant: count is the sum of counts. Nothing is allocated, however many values there are. */
#include "latency.h"

#include <math.h>

#define STEPS (1u << LATENCY_STEPS_BITS)

static unsigned bucket_of(uint64_t ns) {
    if (ns < STEPS) return (unsigned)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - LATENCY_STEPS_BITS;
    if (shift + 1 >= LATENCY_OCTAVES) return LATENCY_BUCKETS - 1;
    return (shift + 1) * STEPS + (unsigned)(ns >> shift) - STEPS;
}

uint64_t latency_bucket_end(unsigned bucket) {
    if (bucket == LATENCY_BUCKETS - 1) return UINT64_MAX;
    if (bucket < STEPS) return bucket;
    unsigned shift = bucket / STEPS - 1;
    return (((uint64_t)(bucket % STEPS) + STEPS + 1) << shift) - 1;
}

void latency_add(struct latency *latency, uint64_t ns) {
    latency->counts[bucket_of(ns)]++;
    latency->count++;
    if (ns > latency->max_ns) latency->max_ns = ns;
}

uint64_t latency_percentile(const struct latency *latency, double percent) {
    uint64_t rank = (uint64_t)ceil((double)latency->count * percent / 100);
    if (rank == 0) rank = 1;
    uint64_t below = 0;
    for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
        below += latency->counts[i];
        if (below < rank) continue;
        uint64_t end = latency_bucket_end(i);
        return end < latency->max_ns ? end : latency->max_ns;
    }
    return latency->max_ns;
}
