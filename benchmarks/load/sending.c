/* What a connection sends besides publications.
 *
 * The blank %t makes the difference: a template that has it subscribes to a topic, so a subscriber sends it for each of
 * its topics, with the topic's place among them as %s. One that has not is about the connection, such as a login. */
#include "sending.h"

#include "clock.h"
#include "markers.h"

static void expand_and_send(struct connection *connection, const struct template *template,
                            const struct options *options, uint64_t topic, uint64_t nth) {
    struct template_values values = {
        .connection = connection->index,
        .publication = nth,
        .topic = topic,
        .marker = clock_now(),
        .padding = options->payload,
        .length = MARKER_LENGTH + options->payload,
    };
    struct bytes message = {0};
    template_expand(template, &values, &message);
    connection_send(connection, &message);
    bytes_free(&message);
}

void send_for_topics(struct connection *connection, const struct template *template, const struct options *options,
                     const struct plan *plan, uint64_t subscriber) {
    uint64_t times = template_has(template, 't') ? plan->topics_per_subscriber : 1;
    for (uint64_t nth = 0; nth < times; nth++)
        expand_and_send(connection, template, options, plan_topic(plan, subscriber, nth), nth);
}

void send_list_for_topics(struct connection *connection, const struct template_list *list,
                          const struct options *options, const struct plan *plan, uint64_t subscriber) {
    for (unsigned i = 0; i < list->count; i++)
        send_for_topics(connection, list->each[i], options, plan, subscriber);
}

void send_without_topic(struct connection *connection, const struct template *template, const struct options *options) {
    if (!template_has(template, 't')) expand_and_send(connection, template, options, 0, 0);
}

void send_list_without_topic(struct connection *connection, const struct template_list *list,
                             const struct options *options) {
    for (unsigned i = 0; i < list->count; i++) send_without_topic(connection, list->each[i], options);
}
