/* Those beside the subscribers that are counted: stuck, slow and replaying connections, which must not disturb them. */
#ifndef LOAD_OTHERS_H
#define LOAD_OTHERS_H

#include <stdint.h>

#include "connection.h"
#include "markers.h"
#include "options.h"
#include "plan.h"

enum other_kind { STUCK, SLOW, REPLAYING, OTHER_KINDS };

struct others {
    const struct options *options;
    const struct plan *plan;
    struct other *each;
    uint64_t count;
    uint64_t counts[OTHER_KINDS];
    uint64_t received[OTHER_KINDS]; /* markers */
    uint64_t closed[OTHER_KINDS];   /* by the server */
    uint64_t rounds;                /* replays that came whole */
    uint64_t slow_read_ns;          /* when the slow ones last read */
};

/* Sets up their connections, which stand in this array, with the indices from `index` on. */
void others_make(struct others *others, const struct options *options, const struct plan *plan,
                 struct connection *connections, const struct endpoint *endpoint, struct poller *poller,
                 uint64_t index);
/* The run begins: the slow ones are slow from now on, and the replaying ones begin. */
void others_begin(struct others *others);
/* Lets the slow ones read until they have had half of `mean_bytes`, which is what a counted subscriber has had. */
void others_read_slowly(struct others *others, double mean_bytes, uint64_t now_ns);
void others_report(const struct others *others);
void others_free(struct others *others);

#endif
