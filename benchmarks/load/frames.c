/* WebSocket frames, RFC 6455 section 5.2: heads are read whole, payloads as they come.
 *
 * Invariant: how a stream is cut into reads changes nothing but how many pieces a payload has. No payload is copied or
 * waited for: a message of 256 KiB is seen in as many pieces as it took reads. */
#include "frames.h"

#define FINAL 0x80
#define RESERVED 0x70
#define MASKED 0x80
#define LENGTH_16 126
#define LENGTH_64 127

static uint64_t big_endian(const unsigned char *bytes, unsigned count) {
    uint64_t number = 0;
    for (unsigned i = 0; i < count; i++) number = number << 8 | bytes[i];
    return number;
}

static void write_big_endian(char *out, uint64_t number, unsigned count) {
    for (unsigned i = 0; i < count; i++) out[i] = (char)(number >> (8 * (count - 1 - i)));
}

size_t frame_head(char out[FRAME_HEAD_LONGEST], enum opcode opcode, size_t length) {
    size_t size = 2;
    out[0] = (char)(FINAL | opcode);
    if (length < LENGTH_16) {
        out[1] = (char)(MASKED | length);
    } else if (length <= UINT16_MAX) {
        out[1] = (char)(MASKED | LENGTH_16);
        write_big_endian(out + 2, length, 2);
        size += 2;
    } else {
        out[1] = (char)(MASKED | LENGTH_64);
        write_big_endian(out + 2, length, 8);
        size += 8;
    }
    write_big_endian(out + size, 0, 4); /* the masking key */
    return size + 4;
}

/* How long the head is, as far as the bytes of it that are there can say. */
static unsigned head_size(const struct frame_reader *reader) {
    if (reader->head_length < 2) return 2;
    switch (reader->head[1] & 127) {
    case LENGTH_16: return 4;
    case LENGTH_64: return 10;
    default: return 2;
    }
}

/* A head is there. False if a server must not send it. */
static bool begin_frame(struct frame_reader *reader) {
    unsigned char first = reader->head[0], second = reader->head[1];
    if ((first & RESERVED) || (second & MASKED)) return false;
    reader->final = first & FINAL;
    reader->opcode = first & 15;
    switch (second & 127) {
    case LENGTH_16: reader->left = big_endian(reader->head + 2, 2); break;
    case LENGTH_64: reader->left = big_endian(reader->head + 2, 8); break;
    default: reader->left = second & 127;
    }
    reader->head_length = 0;
    reader->in_frame = true;
    if (reader->opcode >= CLOSE) return reader->final && reader->opcode <= PONG && reader->left <= CONTROL_LONGEST;
    return reader->opcode <= BINARY;
}

enum frame_result frame_next(struct frame_reader *reader, const char **data, const char *end,
                             struct frame_piece *piece) {
    while (!reader->in_frame) {
        if (*data == end) return FRAME_NEEDS_MORE;
        reader->head[reader->head_length++] = (unsigned char)*(*data)++;
        if (reader->head_length == head_size(reader) && !begin_frame(reader)) return FRAME_BROKEN;
    }
    size_t there = (size_t)(end - *data);
    if (there == 0 && reader->left > 0) return FRAME_NEEDS_MORE;
    size_t length = reader->left < there ? (size_t)reader->left : there;
    reader->left -= length;
    reader->in_frame = reader->left > 0;
    *piece = (struct frame_piece){
        .opcode = (enum opcode)reader->opcode,
        .data = *data,
        .length = length,
        .ends_frame = !reader->in_frame,
        .ends_message = !reader->in_frame && reader->final && reader->opcode < CLOSE,
    };
    *data += length;
    return FRAME_PIECE;
}
