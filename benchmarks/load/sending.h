/* What a connection sends besides publications: its subscriptions, and what else its server wants to be told. */
#ifndef LOAD_SENDING_H
#define LOAD_SENDING_H

#include <stdint.h>

#include "connection.h"
#include "options.h"
#include "plan.h"

/* A subscriber sends a template with the blank %t once for each of its topics, and another once. */
void send_for_topics(struct connection *connection, const struct template *template, const struct options *options,
                     const struct plan *plan, uint64_t subscriber);
void send_list_for_topics(struct connection *connection, const struct template_list *list,
                          const struct options *options, const struct plan *plan, uint64_t subscriber);
/* A publisher has no topics, so it sends no template with the blank %t: that would subscribe it. */
void send_without_topic(struct connection *connection, const struct template *template, const struct options *options);
void send_list_without_topic(struct connection *connection, const struct template_list *list,
                             const struct options *options);

#endif
