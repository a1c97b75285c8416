/* WebSocket frames (RFC 6455, section 5): the heads that a client sends, and the frames that a server sends. */
#ifndef LOAD_FRAMES_H
#define LOAD_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

#define FRAME_HEAD_LONGEST 14
#define CONTROL_LONGEST 125

/* Writes the head of a whole, masked message; returns its length. The mask is zero, which is legal, and spares the
 * client the work of masking: the payload is sent as it stands. */
size_t frame_head(char out[FRAME_HEAD_LONGEST], enum opcode opcode, size_t length);

/* How far a server's frames are read. All zeros at the start of a stream. */
struct frame_reader {
    uint64_t left;          /* bytes of the payload that are still to come */
    unsigned char head[10]; /* of the frame that has begun */
    uint8_t head_length;    /* bytes of it that were read; 0 while a payload is read */
    uint8_t opcode;
    bool final;
    bool in_frame;
};

/* Some of a frame's payload: all of what lies in the data at hand. */
struct frame_piece {
    enum opcode opcode; /* CONTINUATION for what belongs to the message before */
    const char *data;
    size_t length;
    bool ends_frame;
    bool ends_message;
};

enum frame_result { FRAME_PIECE, FRAME_NEEDS_MORE, FRAME_BROKEN };

/* The next piece between *data and end. *data moves behind it. */
enum frame_result frame_next(struct frame_reader *reader, const char **data, const char *end,
                             struct frame_piece *piece);

#endif
