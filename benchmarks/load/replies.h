/* What a server wants to be answered so that it keeps a connection, such as NATS's PING: a message (over raw TCP: a
 * line) that is exactly this text gets that template back. */
#ifndef LOAD_REPLIES_H
#define LOAD_REPLIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "templates.h"

#define REPLIES_MOST 8

struct reply {
    struct bytes pattern;
    struct template *template;
};

struct replies {
    struct reply each[REPLIES_MOST];
    unsigned count;
    bool lines; /* messages are lines that end with LF, or CR LF */
};

/* How far a message is compared. All zeros at the start of a stream. */
struct reply_matcher {
    uint64_t length;  /* of the message so far */
    uint8_t excluded; /* a bit for each reply whose pattern this message is not */
};

/* A piece of a message that is no line, and whether it is the last; gives what has to be sent, or NULL. */
const struct template *replies_message(const struct replies *replies, struct reply_matcher *matcher, const char *data,
                                       size_t length, bool ends_message);
/* The same for lines: of what lies between *data and end, the next line that wants a reply. *data moves behind it. */
const struct template *replies_line(const struct replies *replies, struct reply_matcher *matcher, const char **data,
                                    const char *end);

#endif
