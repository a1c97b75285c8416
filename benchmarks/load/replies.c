/* Comparing messages with a few texts while they come in pieces.
 *
 * Nothing is collected: a message is compared as far as it has come, and a pattern that it is not is excluded until the
 * message ends. Invariant: a bit of `excluded` is clear if and only if the message begins as that pattern does. */
#include "replies.h"

#include <string.h>

static bool goes_on_like(const struct replies *replies, const struct bytes *pattern, uint64_t position,
                         const char *data, size_t length) {
    size_t left = position < pattern->length ? pattern->length - (size_t)position : 0;
    size_t compared = length < left ? length : left;
    if (compared > 0 && memcmp(pattern->data + position, data, compared) != 0) return false;
    if (length == compared) return true;
    /* A line's CR may stand behind the pattern, once. */
    return replies->lines && length == compared + 1 && data[compared] == '\r' &&
           position + compared == pattern->length;
}

static void compare(const struct replies *replies, struct reply_matcher *matcher, const char *data, size_t length) {
    for (unsigned i = 0; i < replies->count; i++)
        if (!(matcher->excluded & 1u << i) &&
            !goes_on_like(replies, &replies->each[i].pattern, matcher->length, data, length))
            matcher->excluded |= (uint8_t)(1u << i);
    matcher->length += length;
}

/* The message has ended. */
static const struct template *conclude(const struct replies *replies, struct reply_matcher *matcher) {
    const struct template *found = NULL;
    for (unsigned i = 0; i < replies->count && found == NULL; i++)
        if (!(matcher->excluded & 1u << i) && matcher->length >= replies->each[i].pattern.length)
            found = replies->each[i].template;
    *matcher = (struct reply_matcher){0};
    return found;
}

const struct template *replies_message(const struct replies *replies, struct reply_matcher *matcher, const char *data,
                                       size_t length, bool ends_message) {
    compare(replies, matcher, data, length);
    return ends_message ? conclude(replies, matcher) : NULL;
}

const struct template *replies_line(const struct replies *replies, struct reply_matcher *matcher, const char **data,
                                    const char *end) {
    while (*data < end) {
        const char *line_end = memchr(*data, '\n', (size_t)(end - *data));
        compare(replies, matcher, *data, (size_t)((line_end ? line_end : end) - *data));
        *data = line_end ? line_end + 1 : end;
        const struct template *found = line_end ? conclude(replies, matcher) : NULL;
        if (found != NULL) return found;
    }
    return NULL;
}
