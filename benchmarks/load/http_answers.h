/* HTTP/1.1 answers of a kept-alive connection (RFC 9112): counting them, by whether they say that it worked. */
#ifndef LOAD_HTTP_ANSWERS_H
#define LOAD_HTTP_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

enum http_part { HTTP_HEAD, HTTP_BODY, HTTP_CHUNK_SIZE, HTTP_CHUNK, HTTP_CHUNK_END, HTTP_TRAILER };

/* How far a server's answers are read. All zeros at the start of a stream. */
struct http_reader {
    enum http_part part;
    struct bytes line; /* the head, or the line of a chunked body, as far as it has come */
    uint64_t left;     /* of a body, or of a chunk */
    bool worked;       /* the status is 2xx */
};

enum http_result { HTTP_ANSWER, HTTP_NEEDS_MORE, HTTP_BROKEN };

/* Reads up to the end of the next answer. *data moves behind it; its status is in the reader. */
enum http_result http_next(struct http_reader *reader, const char **data, const char *end);
void http_free(struct http_reader *reader);

#endif
