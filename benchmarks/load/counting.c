/* Counting deliveries in two ways at once.
 *
 * By subscriber, a tally says at the end whether it had just what it should. By publication, a hash table says now
 * whether all have had it, which is what the window of a closed loop is about.
 *
 * Invariants of the table: linear probing, at most half full, and no gap between a marker's home and its slot, so a
 * search ends at the first free slot. It holds what is outstanding and nothing else: with w outstanding it is small
 * enough for the cache, however many publications there were. */
#include "counting.h"

#include <stdlib.h>

#include "fatal.h"

#define SMALLEST 256
#define FREE 0

struct outstanding_slot {
    uint64_t marker; /* FREE, or that of a publication */
    uint64_t due;    /* deliveries that have not come */
};

/* ---- tallies ---- */

/* A bijection of 64 bits in which each bit of the result depends on each bit of the marker. */
static uint64_t scrambled(uint64_t marker) {
    marker = (marker ^ marker >> 32) * 0x9e3779b97f4a7c15ull;
    marker = (marker ^ marker >> 29) * 0xd1342543de82ef95ull;
    return marker ^ marker >> 32;
}

void tally_add(struct tally *tally, uint64_t marker) {
    tally->count++;
    tally->set += scrambled(marker);
}

void tally_add_all(struct tally *tally, const struct tally *more) {
    tally->count += more->count;
    tally->set += more->set;
}

bool tally_equal(const struct tally *one, const struct tally *other) {
    return one->count == other->count && one->set == other->set;
}

/* ---- what is outstanding ---- */

static size_t home_of(const struct outstanding *outstanding, uint64_t marker) {
    return (size_t)(scrambled(marker) & outstanding->mask);
}

/* The slot of the marker, or the free one where it would be. */
static size_t find(const struct outstanding *outstanding, uint64_t marker) {
    size_t at = home_of(outstanding, marker);
    while (outstanding->slots[at].marker != FREE && outstanding->slots[at].marker != marker)
        at = (at + 1) & outstanding->mask;
    return at;
}

static void make_slots(struct outstanding *outstanding, size_t size) {
    outstanding->slots = allocate(size, sizeof *outstanding->slots);
    outstanding->mask = size - 1;
}

static void grow(struct outstanding *outstanding) {
    struct outstanding_slot *before = outstanding->slots;
    size_t size = outstanding->mask + 1;
    make_slots(outstanding, 2 * size);
    for (size_t i = 0; i < size; i++)
        if (before[i].marker != FREE) outstanding->slots[find(outstanding, before[i].marker)] = before[i];
    free(before);
}

void outstanding_make(struct outstanding *outstanding) {
    outstanding->count = 0;
    make_slots(outstanding, SMALLEST);
}

void outstanding_add(struct outstanding *outstanding, uint64_t marker, uint64_t due) {
    if (due == 0) return;
    if (2 * (outstanding->count + 1) > outstanding->mask + 1) grow(outstanding);
    outstanding->slots[find(outstanding, marker)] = (struct outstanding_slot){.marker = marker, .due = due};
    outstanding->count++;
}

/* Frees a slot, and moves what stands behind it up, so that no search ends too early. */
static void take_out(struct outstanding *outstanding, size_t gap) {
    for (size_t at = (gap + 1) & outstanding->mask; outstanding->slots[at].marker != FREE;
         at = (at + 1) & outstanding->mask) {
        size_t from_home = (at - home_of(outstanding, outstanding->slots[at].marker)) & outstanding->mask;
        size_t from_gap = (at - gap) & outstanding->mask;
        if (from_home < from_gap) continue;
        outstanding->slots[gap] = outstanding->slots[at];
        gap = at;
    }
    outstanding->slots[gap].marker = FREE;
    outstanding->count--;
}

bool outstanding_deliver(struct outstanding *outstanding, uint64_t marker) {
    if (marker == FREE) return false;
    size_t at = find(outstanding, marker);
    struct outstanding_slot *slot = &outstanding->slots[at];
    if (slot->marker == FREE) return false;
    if (--slot->due == 0) take_out(outstanding, at);
    return true;
}

void outstanding_free(struct outstanding *outstanding) { free(outstanding->slots); }

uint64_t marker_at(uint64_t *last, uint64_t now_ns) {
    *last = now_ns > *last ? now_ns : *last + 1;
    return *last;
}
