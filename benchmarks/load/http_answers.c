/* HTTP/1.1 answers, RFC 9112: where one ends, and whether its status is 2xx. Nothing else of them is looked at.
 *
 * Invariant: how a stream is cut into reads changes nothing. Bodies are skipped, and never kept. */
#include "http_answers.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_LONGEST 65536
#define VERSION "HTTP/1."
#define STATUS_AT 9 /* "HTTP/1.1 200" */

/* Collects up to and with `until`, which ends in an LF. True: it is there, and what was collected ends with it. */
static bool collect(struct http_reader *reader, const char **data, const char *end, const char *until) {
    size_t length = strlen(until);
    while (*data < end) {
        const char *line_end = memchr(*data, '\n', (size_t)(end - *data));
        const char *stop = line_end ? line_end + 1 : end;
        bytes_append(&reader->line, *data, (size_t)(stop - *data));
        *data = stop;
        if (reader->line.length >= length &&
            memcmp(reader->line.data + reader->line.length - length, until, length) == 0)
            return true;
    }
    return false;
}

/* The value of a header in the collected head, or NULL. It goes on to the end of the line. */
static const char *header(const struct bytes *head, const char *name) {
    size_t length = strlen(name);
    const char *end = head->data + head->length;
    for (const char *line = head->data; line < end; line = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1) {
        if ((size_t)(end - line) <= length || line[length] != ':' || strncasecmp(line, name, length) != 0) continue;
        const char *value = line + length + 1;
        while (*value == ' ' || *value == '\t') value++;
        return value;
    }
    return NULL;
}

static bool has_no_body(int status) { return status == 204 || status == 304; }

/* A head is there: what follows it? RFC 9112, section 6.3. One that goes on until the connection ends is no answer of a
 * kept-alive connection. */
static bool begin_body(struct http_reader *reader) {
    struct bytes *head = &reader->line;
    if (head->length < STATUS_AT + 3 || memcmp(head->data, VERSION, strlen(VERSION)) != 0) return false;
    int status = atoi(head->data + STATUS_AT);
    const char *encoding = header(head, "Transfer-Encoding");
    const char *length = header(head, "Content-Length");
    reader->worked = status / 100 == 2;
    reader->left = length != NULL ? strtoull(length, NULL, 10) : 0;
    reader->part = status / 100 == 1 ? HTTP_HEAD : HTTP_BODY; /* 1xx comes before the answer */
    if (reader->part == HTTP_HEAD || has_no_body(status))
        reader->left = 0;
    else if (encoding != NULL && strncasecmp(encoding, "chunked", 7) == 0)
        reader->part = HTTP_CHUNK_SIZE;
    else if (length == NULL)
        return false;
    head->length = 0;
    return true;
}

static void skip(struct http_reader *reader, const char **data, const char *end) {
    uint64_t there = (uint64_t)(end - *data);
    uint64_t length = reader->left < there ? reader->left : there;
    reader->left -= length;
    *data += length;
}

/* RFC 9112, section 7.1. A chunk of size 0 is the last; trailers may follow, and an empty line does. */
static void begin_chunk(struct http_reader *reader) {
    reader->left = strtoull(reader->line.data, NULL, 16);
    reader->part = reader->left > 0 ? HTTP_CHUNK : HTTP_TRAILER;
    reader->line.length = 0;
}

enum http_result http_next(struct http_reader *reader, const char **data, const char *end) {
    for (;;) {
        switch (reader->part) {
        case HTTP_HEAD:
            if (!collect(reader, data, end, "\r\n\r\n"))
                return reader->line.length > HEAD_LONGEST ? HTTP_BROKEN : HTTP_NEEDS_MORE;
            if (!begin_body(reader)) return HTTP_BROKEN;
            break;
        case HTTP_BODY:
            skip(reader, data, end);
            if (reader->left > 0) return HTTP_NEEDS_MORE;
            reader->part = HTTP_HEAD;
            return HTTP_ANSWER;
        case HTTP_CHUNK_SIZE:
            if (!collect(reader, data, end, "\r\n")) return HTTP_NEEDS_MORE;
            begin_chunk(reader);
            break;
        case HTTP_CHUNK:
            skip(reader, data, end);
            if (reader->left > 0) return HTTP_NEEDS_MORE;
            reader->part = HTTP_CHUNK_END;
            break;
        case HTTP_CHUNK_END:
            if (!collect(reader, data, end, "\r\n")) return HTTP_NEEDS_MORE;
            reader->line.length = 0;
            reader->part = HTTP_CHUNK_SIZE;
            break;
        case HTTP_TRAILER:
            if (!collect(reader, data, end, "\r\n")) return HTTP_NEEDS_MORE;
            bool empty = reader->line.length == strlen("\r\n");
            reader->line.length = 0;
            if (!empty) break;
            reader->part = HTTP_HEAD;
            return HTTP_ANSWER;
        }
    }
}

void http_free(struct http_reader *reader) { bytes_free(&reader->line); }
