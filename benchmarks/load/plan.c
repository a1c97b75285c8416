/* The shape of a load.
 *
 * Subscriber i has the topics i, i + 1, ... i + K - 1, modulo the number of topics. Publication n goes to topic n
 * modulo the number of topics, from publisher n modulo the number of publishers. Members publish in turn, each into its
 * own topics in turn. Invariant: all of it is arithmetic, so what is due is known before anything is sent. */
#include "plan.h"

#include <stdlib.h>

#include "fatal.h"

uint64_t plan_topic(const struct plan *plan, uint64_t subscriber, uint64_t nth) {
    return (subscriber + nth) % plan->topics;
}

struct planned plan_publication(const struct plan *plan, uint64_t publication) {
    if (!plan->members)
        return (struct planned){.publisher = publication % plan->publishers, .topic = publication % plan->topics};
    uint64_t member = publication % plan->subscribers;
    uint64_t turn = publication / plan->subscribers;
    return (struct planned){
        .publisher = member,
        .topic = plan_topic(plan, member, turn % plan->topics_per_subscriber),
    };
}

void plan_make(struct plan *plan, const struct options *options) {
    *plan = (struct plan){
        .subscribers = options->subscribers,
        .publishers = options->members ? 0 : options->publishers,
        .topics = options->topics,
        .topics_per_subscriber = options->topics_per_subscriber,
        .publications = options->publications,
        .members = options->members,
        .topic_subscribers = allocate(options->topics, sizeof(uint64_t)),
        .topic_publications = allocate(options->topics, sizeof(uint64_t)),
    };
    for (uint64_t i = 0; i < plan->subscribers; i++)
        for (uint64_t nth = 0; nth < plan->topics_per_subscriber; nth++)
            plan->topic_subscribers[plan_topic(plan, i, nth)]++;
    for (uint64_t n = 0; n < plan->publications; n++) plan->topic_publications[plan_publication(plan, n).topic]++;
}

uint64_t plan_deliveries(const struct plan *plan) {
    uint64_t due = 0;
    for (uint64_t topic = 0; topic < plan->topics; topic++)
        due += plan->topic_subscribers[topic] * plan->topic_publications[topic];
    return due;
}

uint64_t plan_deliveries_to(const struct plan *plan, uint64_t subscriber) {
    uint64_t due = 0;
    for (uint64_t nth = 0; nth < plan->topics_per_subscriber; nth++)
        due += plan->topic_publications[plan_topic(plan, subscriber, nth)];
    return due;
}

void plan_free(struct plan *plan) {
    free(plan->topic_subscribers);
    free(plan->topic_publications);
}
