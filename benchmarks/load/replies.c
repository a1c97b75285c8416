/* Comparing messages with a few texts while they come in pieces.
 *
 * Nothing is collected: the beginning of a message is compared as far as it has come. Invariant: a reply that is not
 * settled begins with the bytes of the message so far, and is longer. */
#include "replies.h"

#include <string.h>

static const struct template *compare(const struct replies *replies, struct reply_matcher *matcher, const char *data,
                                      size_t length) {
    const struct template *found = NULL;
    for (unsigned i = 0; i < replies->count; i++) {
        if (matcher->settled & 1u << i) continue;
        const struct bytes *beginning = &replies->each[i].beginning;
        size_t left = beginning->length - (size_t)matcher->length;
        size_t compared = length < left ? length : left;
        bool same = compared == 0 || memcmp(beginning->data + matcher->length, data, compared) == 0;
        if (same && compared < left) continue;
        matcher->settled |= (uint8_t)(1u << i);
        if (same && found == NULL) found = replies->each[i].template;
    }
    matcher->length += length;
    return found;
}

const struct template *replies_to_message(const struct replies *replies, struct reply_matcher *matcher,
                                          const char *data, size_t length, bool ends_message) {
    const struct template *found = compare(replies, matcher, data, length);
    if (ends_message) *matcher = (struct reply_matcher){0};
    return found;
}

const struct template *replies_to_lines(const struct replies *replies, struct reply_matcher *matcher,
                                        const char **data, const char *end) {
    while (*data < end) {
        const char *line_end = memchr(*data, '\n', (size_t)(end - *data));
        size_t length = (size_t)((line_end ? line_end + 1 : end) - *data);
        const struct template *found = replies_to_message(replies, matcher, *data, length, line_end != NULL);
        *data += length;
        if (found != NULL) return found;
    }
    return NULL;
}
