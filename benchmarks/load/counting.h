/* Counting deliveries, so that a lost one, a second one and a foreign one are noticed. */
#ifndef LOAD_COUNTING_H
#define LOAD_COUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one subscriber has had, or should have: how many, and which. Two of them are the same with certainty in the
 * count, and but for one chance in 2^64 in the set. */
struct tally {
    uint64_t count;
    uint64_t set; /* the sum of the markers, each scrambled: the order does not matter, a repetition does */
};

void tally_add(struct tally *tally, uint64_t marker);
void tally_add_all(struct tally *tally, const struct tally *more);
bool tally_equal(const struct tally *one, const struct tally *other);

/* Publications that have not been delivered to all yet, by marker. */
struct outstanding {
    struct outstanding_slot *slots;
    size_t mask;  /* the number of slots, a power of two, less one */
    size_t count; /* publications that are outstanding */
};

void outstanding_make(struct outstanding *outstanding);
/* Published, to so many subscribers. Its marker must be new, and not 0. */
void outstanding_add(struct outstanding *outstanding, uint64_t marker, uint64_t due);
/* Delivered to one of them. False: no delivery of that marker was due any more, or ever. */
bool outstanding_deliver(struct outstanding *outstanding, uint64_t marker);
void outstanding_free(struct outstanding *outstanding);

/* A marker for this time that comes after the last one: markers are never the same. */
uint64_t marker_at(uint64_t *last, uint64_t now_ns);

#endif
