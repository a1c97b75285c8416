/* A string of bytes that grows. All zeros is an empty one. */
#ifndef LOAD_BYTES_H
#define LOAD_BYTES_H

#include <stddef.h>

struct bytes {
    char *data;
    size_t length;
    size_t capacity;
};

/* Room for so many bytes behind what is there. */
void bytes_reserve(struct bytes *bytes, size_t more);
void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_append_byte(struct bytes *bytes, unsigned char byte);
void bytes_append_number(struct bytes *bytes, unsigned long long number);
/* `text` comes to stand at `offset`, and what stood there behind it. */
void bytes_insert(struct bytes *bytes, size_t offset, const void *text, size_t length);
void bytes_free(struct bytes *bytes);

#endif
