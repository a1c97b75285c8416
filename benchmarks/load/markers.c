/* Finding markers in a stream that comes in pieces.
 *
 * Invariant: how a stream is cut into pieces changes nothing. A marker that lies whole in one piece is read at once;
 * one that does not is read character by character, by the automaton below, whose state is the reader. */
#include "markers.h"

#include <string.h>

#define DIGITS (MARKER_LENGTH - 2)

static int digit_value(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    if (character >= 'a' && character <= 'f') return character - 'a' + 10;
    return -1;
}

void marker_write(char out[MARKER_LENGTH], uint64_t value) {
    out[0] = out[1] = '@';
    for (int i = MARKER_LENGTH - 1; i >= 2; i--, value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

/* Whether a whole marker stands here; there are MARKER_LENGTH bytes. */
static bool marker_here(const char *text, uint64_t *marker) {
    if (text[0] != '@' || text[1] != '@') return false;
    uint64_t value = 0;
    for (int i = 2; i < MARKER_LENGTH; i++) {
        int digit = digit_value(text[i]);
        if (digit < 0) return false;
        value = value << 4 | (uint64_t)digit;
    }
    *marker = value;
    return true;
}

/* One character of the automaton. True: a marker ends with it, and its value is the reader's. */
static bool marker_step(struct marker_reader *reader, char character) {
    if (reader->matched >= 2) {
        int digit = digit_value(character);
        if (digit >= 0) {
            reader->value = reader->value << 4 | (uint64_t)digit;
            if (++reader->matched < MARKER_LENGTH) return false;
            reader->matched = 0;
            return true;
        }
        /* "@@@": the last two may begin a marker. "@@1@": the last one may. */
        reader->matched = character != '@' ? 0 : reader->matched == 2 ? 2 : 1;
    } else {
        reader->matched = character == '@' ? reader->matched + 1 : 0;
    }
    reader->value = 0;
    return false;
}

bool marker_next(struct marker_reader *reader, const char **data, const char *end, uint64_t *marker) {
    const char *at = *data;
    while (at < end) {
        if (reader->matched == 0) {
            at = memchr(at, '@', (size_t)(end - at));
            if (at == NULL) break;
            if (end - at >= MARKER_LENGTH && marker_here(at, marker)) {
                *data = at + MARKER_LENGTH;
                return true;
            }
        }
        if (marker_step(reader, *at++)) {
            *marker = reader->value;
            reader->value = 0;
            *data = at;
            return true;
        }
    }
    *data = end;
    return false;
}
