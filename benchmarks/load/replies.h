/* What a server wants to be answered, such as NATS's PING: a message (over raw TCP: a line) that begins with this text
 * gets that template back. */
#ifndef LOAD_REPLIES_H
#define LOAD_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "templates.h"

#define REPLIES_MOST 8

struct reply {
    struct bytes beginning;
    struct template *template;
};

struct replies {
    struct reply each[REPLIES_MOST];
    unsigned count;
};

/* How far a message is compared. All zeros at its start. */
struct reply_matcher {
    uint64_t length; /* of the message so far */
    uint8_t settled; /* a bit for each reply of which it is known whether the message begins as it says */
};

/* The reply that this piece of a message calls for, or NULL. Each message calls for a reply at most once. */
const struct template *replies_to_message(const struct replies *replies, struct reply_matcher *matcher,
                                          const char *data, size_t length, bool ends_message);
/* The same for lines, each of which ends with LF: of those between *data and end, the next reply. *data moves on. */
const struct template *replies_to_lines(const struct replies *replies, struct reply_matcher *matcher,
                                        const char **data, const char *end);

#endif
