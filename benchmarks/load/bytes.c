/* A string of bytes that grows. Invariant: length <= capacity, and what lies below length is set. */
#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatal.h"

#define SMALLEST 64

void bytes_reserve(struct bytes *bytes, size_t more) {
    size_t wanted = bytes->length + more;
    if (wanted <= bytes->capacity) return;
    size_t capacity = bytes->capacity ? bytes->capacity : SMALLEST;
    while (capacity < wanted) capacity *= 2;
    char *data = realloc(bytes->data, capacity);
    if (data == NULL) fatal("no memory for %zu bytes", capacity);
    bytes->data = data;
    bytes->capacity = capacity;
}

void bytes_append(struct bytes *bytes, const void *data, size_t length) {
    if (length == 0) return;
    bytes_reserve(bytes, length);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void bytes_append_byte(struct bytes *bytes, unsigned char byte) { bytes_append(bytes, &byte, 1); }

void bytes_append_number(struct bytes *bytes, unsigned long long number) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", number);
    bytes_append(bytes, digits, (size_t)length);
}

void bytes_insert(struct bytes *bytes, size_t offset, const void *text, size_t length) {
    if (length == 0) return;
    bytes_reserve(bytes, length);
    memmove(bytes->data + offset + length, bytes->data + offset, bytes->length - offset);
    memcpy(bytes->data + offset, text, length);
    bytes->length += length;
}

void bytes_free(struct bytes *bytes) {
    free(bytes->data);
    *bytes = (struct bytes){0};
}
