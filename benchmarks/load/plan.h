/* Who is subscribed to what, who publishes what, and so how many deliveries are due. */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

struct plan {
    uint64_t subscribers, publishers, topics, topics_per_subscriber, publications;
    bool members;
    uint64_t *topic_subscribers;  /* by topic */
    uint64_t *topic_publications; /* by topic */
};

/* The topic of a publication, and who publishes it: the number of a publisher; where all are members, of a member. */
struct planned {
    uint64_t publisher;
    uint64_t topic;
};

void plan_make(struct plan *plan, const struct options *options);
/* The nth topic of a subscriber. */
uint64_t plan_topic(const struct plan *plan, uint64_t subscriber, uint64_t nth);
struct planned plan_publication(const struct plan *plan, uint64_t publication);
/* Deliveries that are due in all, and to one subscriber. */
uint64_t plan_deliveries(const struct plan *plan);
uint64_t plan_deliveries_to(const struct plan *plan, uint64_t subscriber);
void plan_free(struct plan *plan);

#endif
