/* Templates: a text with blanks is parsed once, into a list of parts, and expanded for everything that is sent.
 *
 * Neighbouring plain characters are one part. Blanks with braces, as in %H{...}, hold a list of their own. Invariant:
 * what was parsed can be expanded; only a length that does not fit its field is found later. */
#include "templates.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatal.h"
#include "markers.h"

#define PLAIN '\0'
#define VALUES "istp@L"
#define LONGEST_PREFIXED 65535    /* %H{}: two bytes of length */
#define LONGEST_REMAINING 268435455 /* %R{}: four bytes with seven bits of length each */
#define HEAD_LONGEST 24             /* %D{}: the digits of any length, and CR LF */

struct template {
    char blank;             /* PLAIN, one of VALUES, or 'R', 'H', 'D' */
    struct bytes text;      /* of PLAIN */
    struct template *inner; /* of R, H and D */
    struct template *next;
};

/* Where the parser stands. */
struct cursor {
    const char *at;
    const char *whole;
    const char *option;
};

static struct template *parse_parts(struct cursor *cursor, bool braced);

static _Noreturn void refuse(const struct cursor *cursor, const char *reason) {
    fatal("--%s: %s at character %td of '%s'", cursor->option, reason, cursor->at - cursor->whole + 1, cursor->whole);
}

/* Moves to the part to write plain text to: the last one, if it is plain, or else a new one behind it. */
static struct template *plain_part(struct template **last) {
    if ((*last)->blank != PLAIN) {
        (*last)->next = allocate(1, sizeof **last);
        *last = (*last)->next;
    }
    return *last;
}

static void add_blank(struct template **last, char blank, struct template *inner) {
    struct template *part = allocate(1, sizeof *part);
    part->blank = blank;
    part->inner = inner;
    (*last)->next = part;
    *last = part;
}

static unsigned char parse_hex_byte(struct cursor *cursor) {
    char digits[3] = {0};
    for (int i = 0; i < 2; i++) {
        if (!isxdigit((unsigned char)cursor->at[i])) refuse(cursor, "%x needs two hexadecimal digits");
        digits[i] = cursor->at[i];
    }
    cursor->at += 2;
    return (unsigned char)strtoul(digits, NULL, 16);
}

static struct template *parse_braces(struct cursor *cursor) {
    if (*cursor->at != '{') refuse(cursor, "%R, %H and %D need a text in braces");
    cursor->at++;
    struct template *inner = parse_parts(cursor, true);
    if (*cursor->at != '}') refuse(cursor, "a brace is not closed");
    cursor->at++;
    return inner;
}

/* What follows a percent sign. */
static void parse_blank(struct cursor *cursor, struct template **last) {
    char blank = *cursor->at;
    if (blank != '\0' && strchr(VALUES, blank) != NULL) {
        cursor->at++;
        add_blank(last, blank, NULL);
        return;
    }
    cursor->at++;
    switch (blank) {
    case 'R':
    case 'H':
    case 'D': add_blank(last, blank, parse_braces(cursor)); break;
    case 'n': bytes_append(&plain_part(last)->text, "\r\n", 2); break;
    case '%': bytes_append_byte(&plain_part(last)->text, '%'); break;
    case 'x': bytes_append_byte(&plain_part(last)->text, parse_hex_byte(cursor)); break;
    default: cursor->at--; refuse(cursor, "no blank of that name");
    }
}

/* Up to the end of the text, or to the brace that closes this one: braces in between come in pairs. */
static struct template *parse_parts(struct cursor *cursor, bool braced) {
    struct template *first = allocate(1, sizeof *first);
    struct template *last = first;
    unsigned open = 0;
    while (*cursor->at != '\0') {
        char character = *cursor->at;
        if (braced && character == '}' && open-- == 0) break;
        if (braced && character == '{') open++;
        cursor->at++;
        if (character == '%')
            parse_blank(cursor, &last);
        else
            bytes_append_byte(&plain_part(&last)->text, (unsigned char)character);
    }
    return first;
}

struct template *template_parse(const char *text, const char *option) {
    struct cursor cursor = {.at = text, .whole = text, .option = option};
    return parse_parts(&cursor, false);
}

bool template_has(const struct template *template, char blank) {
    for (; template != NULL; template = template->next)
        if (template->blank == blank || template_has(template->inner, blank)) return true;
    return false;
}

/* MQTT 5.0, 1.5.5: seven bits a byte, the lowest first, the high bit says that more follow. */
static size_t remaining_length(size_t length, unsigned char out[HEAD_LONGEST]) {
    if (length > LONGEST_REMAINING) fatal("%%R{}: %zu bytes are more than its length can say", length);
    size_t count = 0;
    do {
        out[count] = length & 127;
        length >>= 7;
        if (length > 0) out[count] |= 128;
        count++;
    } while (length > 0);
    return count;
}

static size_t two_bytes(size_t length, unsigned char out[HEAD_LONGEST]) {
    if (length > LONGEST_PREFIXED) fatal("%%H{}: %zu bytes are more than its length can say", length);
    out[0] = (unsigned char)(length >> 8);
    out[1] = (unsigned char)(length & 255);
    return 2;
}

/* RESP, bulk strings: the length in decimal is a line of its own. */
static size_t decimal_line(size_t length, unsigned char out[HEAD_LONGEST]) {
    return (size_t)snprintf((char *)out, HEAD_LONGEST, "%zu\r\n", length);
}

static size_t write_head(char blank, size_t length, unsigned char out[HEAD_LONGEST]) {
    switch (blank) {
    case 'R': return remaining_length(length, out);
    case 'H': return two_bytes(length, out);
    default: return decimal_line(length, out);
    }
}

static void expand_with_length(const struct template *part, const struct template_values *values, struct bytes *out) {
    size_t start = out->length;
    template_expand(part->inner, values, out);
    unsigned char head[HEAD_LONGEST];
    size_t count = write_head(part->blank, out->length - start, head);
    bytes_insert(out, start, head, count);
}

static void expand_marker(uint64_t marker, struct bytes *out) {
    bytes_reserve(out, MARKER_LENGTH);
    marker_write(out->data + out->length, marker);
    out->length += MARKER_LENGTH;
}

static void expand_padding(size_t length, struct bytes *out) {
    bytes_reserve(out, length);
    if (length > 0) memset(out->data + out->length, 'x', length);
    out->length += length;
}

void template_expand(const struct template *template, const struct template_values *values, struct bytes *out) {
    for (; template != NULL; template = template->next) {
        switch (template->blank) {
        case PLAIN: bytes_append(out, template->text.data, template->text.length); break;
        case 'i': bytes_append_number(out, values->connection); break;
        case 's': bytes_append_number(out, values->publication); break;
        case 't': bytes_append_number(out, values->topic); break;
        case 'L': bytes_append_number(out, values->length); break;
        case '@': expand_marker(values->marker, out); break;
        case 'p': expand_padding(values->padding, out); break;
        default: expand_with_length(template, values, out);
        }
    }
}

void template_free(struct template *template) {
    while (template != NULL) {
        struct template *next = template->next;
        template_free(template->inner);
        bytes_free(&template->text);
        free(template);
        template = next;
    }
}
