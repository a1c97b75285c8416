/* The search of Knuth, Morris and Pratt: it never looks back, so it does not matter where a piece ends.
 *
 * Invariant: `matched` characters of the pattern are what the stream ended with, and no more could be. */
#include "patterns.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void pattern_make(struct pattern *pattern, const struct bytes *text) {
    *pattern = (struct pattern){0};
    bytes_append(&pattern->text, text->data, text->length);
    pattern->fallback = allocate(text->length, sizeof *pattern->fallback);
    size_t matched = 0;
    for (size_t i = 1; i < text->length; i++) {
        while (matched > 0 && text->data[i] != text->data[matched]) matched = pattern->fallback[matched - 1];
        if (text->data[i] == text->data[matched]) matched++;
        pattern->fallback[i] = matched;
    }
}

size_t pattern_count(const struct pattern *pattern, size_t *matched, const char *data, size_t length) {
    const char *text = pattern->text.data;
    const char *end = data + length;
    size_t found = 0;
    while (data < end) {
        if (*matched == 0) {
            data = memchr(data, text[0], (size_t)(end - data));
            if (data == NULL) break;
        }
        while (*matched > 0 && *data != text[*matched]) *matched = pattern->fallback[*matched - 1];
        if (*data == text[*matched]) ++*matched;
        data++;
        if (*matched == pattern->text.length) {
            *matched = 0;
            found++;
        }
    }
    return found;
}

void pattern_free(struct pattern *pattern) {
    bytes_free(&pattern->text);
    free(pattern->fallback);
    pattern->fallback = NULL;
}
