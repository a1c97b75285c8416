/* Streams that are cut anywhere: markers, frames, patterns, replies and HTTP answers are the same at every cut. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "frames.h"
#include "http_answers.h"
#include "markers.h"
#include "patterns.h"
#include "replies.h"

static unsigned read_markers(struct marker_reader *reader, const char *data, size_t length, uint64_t *found) {
    const char *end = data + length;
    unsigned count = 0;
    while (marker_next(reader, &data, end, &found[count])) count++;
    CHECK(data == end);
    return count;
}

static void test_markers_are_found_however_the_stream_is_cut(void) {
    static const char text[] = "@@0123456789abcdef@@@@@00000000000000ff,x@@1@@@@fedcba9876543210@ @@00@@"
                               "000000000000000g@@000000000000000@@@7fffffffffffffff@@";
    static const uint64_t expected[] = {0x0123456789abcdef, 0xff, 0xfedcba9876543210, 0x7fffffffffffffff};
    size_t length = strlen(text);
    for (size_t first = 0; first <= length; first++) {
        for (size_t second = first; second <= length; second++) {
            uint64_t found[8];
            struct marker_reader reader = {0};
            unsigned count = read_markers(&reader, text, first, found);
            count += read_markers(&reader, text + first, second - first, found + count);
            count += read_markers(&reader, text + second, length - second, found + count);
            CHECK(count == 4);
            CHECK(memcmp(found, expected, sizeof expected) == 0);
        }
    }
}

static void test_a_marker_is_read_as_it_was_written(void) {
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t value = random_below(UINT64_MAX), found;
        char text[MARKER_LENGTH];
        struct marker_reader reader = {0};
        marker_write(text, value);
        CHECK(read_markers(&reader, text, sizeof text, &found) == 1);
        CHECK(found == value);
    }
}

static void append_frame(struct bytes *out, unsigned first, const char *payload, size_t length) {
    bytes_append_byte(out, (unsigned char)first);
    if (length < 126) {
        bytes_append_byte(out, (unsigned char)length);
    } else if (length < 65536) {
        bytes_append_byte(out, 126);
        bytes_append_byte(out, (unsigned char)(length >> 8));
        bytes_append_byte(out, (unsigned char)length);
    } else {
        bytes_append_byte(out, 127);
        for (int shift = 56; shift >= 0; shift -= 8) bytes_append_byte(out, (unsigned char)(length >> shift));
    }
    bytes_append(out, payload, length);
}

struct seen {
    struct bytes payload, control;
    unsigned messages, controls;
};

static void read_frames(struct frame_reader *reader, const char *data, size_t length, struct seen *seen) {
    const char *end = data + length;
    struct frame_piece piece;
    enum frame_result result;
    while ((result = frame_next(reader, &data, end, &piece)) == FRAME_PIECE) {
        bytes_append(piece.opcode >= CLOSE ? &seen->control : &seen->payload, piece.data, piece.length);
        seen->messages += piece.ends_message;
        seen->controls += piece.opcode >= CLOSE && piece.ends_frame;
    }
    CHECK(result == FRAME_NEEDS_MORE);
    CHECK(data == end);
}

static void check_seen(struct seen *seen) {
    CHECK(seen->messages == 4);
    CHECK(seen->controls == 2);
    CHECK(seen->payload.length == 126 + 5 + 1);
    CHECK(memcmp(seen->payload.data + 126, "hello!", 6) == 0);
    CHECK(seen->control.length == 2 && memcmp(seen->control.data, "pi", 2) == 0);
    bytes_free(&seen->payload);
    bytes_free(&seen->control);
}

static void test_frames_are_read_however_the_stream_is_cut(void) {
    struct bytes stream = {0};
    char long_one[126] = {0};
    append_frame(&stream, 0x81, long_one, sizeof long_one);
    append_frame(&stream, 0x82, "", 0);
    append_frame(&stream, 0x01, "he", 2);  /* a message of three frames */
    append_frame(&stream, 0x89, "pi", 2);  /* with a ping inside */
    append_frame(&stream, 0x00, "", 0);
    append_frame(&stream, 0x8a, "", 0);    /* and a pong */
    append_frame(&stream, 0x80, "llo", 3);
    append_frame(&stream, 0x81, "!", 1);
    for (size_t cut = 0; cut <= stream.length; cut++) {
        struct frame_reader reader = {0};
        struct seen seen = {0};
        read_frames(&reader, stream.data, cut, &seen);
        read_frames(&reader, stream.data + cut, stream.length - cut, &seen);
        check_seen(&seen);
    }
    struct frame_reader reader = {0};
    struct seen seen = {0};
    for (size_t i = 0; i < stream.length; i++) read_frames(&reader, stream.data + i, 1, &seen);
    check_seen(&seen);
    bytes_free(&stream);
}

static void test_frames_of_every_length_are_read(void) {
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536, 300000};
    char *payload = calloc(1, 300000);
    for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct bytes stream = {0};
        struct frame_reader reader = {0};
        struct seen seen = {0};
        append_frame(&stream, 0x82, payload, lengths[i]);
        read_frames(&reader, stream.data, stream.length, &seen);
        CHECK(seen.messages == 1);
        CHECK(seen.payload.length == lengths[i]);
        bytes_free(&stream);
        bytes_free(&seen.payload);
    }
    free(payload);
}

static void test_frames_that_no_server_may_send_are_noticed(void) {
    static const unsigned char heads[][2] = {
        {0xc1, 0}, {0x91, 0}, {0x81, 0x80}, {0x83, 0}, {0x8b, 0}, {0x09, 0}, {0x08, 0}, {0x8f, 0},
    };
    for (unsigned i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct frame_reader reader = {0};
        struct frame_piece piece;
        const char *data = (const char *)heads[i];
        CHECK(frame_next(&reader, &data, data + 2, &piece) == FRAME_BROKEN);
    }
    static const unsigned char long_ping[] = {0x89, 126, 0, 126};
    struct frame_reader reader = {0};
    struct frame_piece piece;
    const char *data = (const char *)long_ping;
    CHECK(frame_next(&reader, &data, data + 4, &piece) == FRAME_BROKEN);
}

static void test_heads_say_the_length_and_the_zero_mask(void) {
    static const struct {
        size_t length;
        const char *head;
        size_t size;
    } cases[] = {
        {0, "\x81\x80\0\0\0\0", 6},
        {125, "\x81\xfd\0\0\0\0", 6},
        {126, "\x81\xfe\0\x7e\0\0\0\0", 8},
        {65535, "\x81\xfe\xff\xff\0\0\0\0", 8},
        {65536, "\x81\xff\0\0\0\0\0\x01\0\0\0\0\0\0", 14},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char head[FRAME_HEAD_LONGEST];
        CHECK(frame_head(head, TEXT, cases[i].length) == cases[i].size);
        CHECK(memcmp(head, cases[i].head, cases[i].size) == 0);
    }
}

static void test_patterns_are_counted_however_the_stream_is_cut(void) {
    static const struct {
        const char *pattern, *text;
        size_t count;
    } cases[] = {
        {"aab", "aaaabaab", 2}, {"abab", "ababababa", 2}, {"a", "banana", 3},  {"+OK", "+O+OK++OK", 2},
        {"aa", "aaaaa", 2},     {"abcabd", "abcabcabd", 1}, {"xyz", "xyxyx", 0},
        {"\"ack\"", "{\"t\":\"ack\",\"ack\":1}", 2},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pattern pattern;
        struct bytes text = {0};
        size_t length = strlen(cases[i].text);
        bytes_append(&text, cases[i].pattern, strlen(cases[i].pattern));
        pattern_make(&pattern, &text);
        for (size_t cut = 0; cut <= length; cut++) {
            size_t matched = 0;
            size_t count = pattern_count(&pattern, &matched, cases[i].text, cut);
            count += pattern_count(&pattern, &matched, cases[i].text + cut, length - cut);
            CHECK(count == cases[i].count);
        }
        pattern_free(&pattern);
        bytes_free(&text);
    }
}

static struct replies some_replies(void) {
    struct replies replies = {.count = 2};
    bytes_append(&replies.each[0].beginning, "PING", 4);
    bytes_append(&replies.each[1].beginning, "40{", 3);
    replies.each[0].template = template_parse("PONG", "test");
    replies.each[1].template = template_parse("42", "test");
    return replies;
}

static void free_replies(struct replies *replies) {
    for (unsigned i = 0; i < replies->count; i++) {
        bytes_free(&replies->each[i].beginning);
        template_free(replies->each[i].template);
    }
}

static void test_a_message_is_answered_by_how_it_begins(void) {
    static const struct {
        const char *message;
        int reply; /* -1: none */
    } cases[] = {{"PING", 0}, {"PING\r\n", 0}, {"40{\"sid\"", 1}, {"PIN", -1}, {" PING", -1}, {"", -1}, {"PIPING", -1}};
    struct replies replies = some_replies();
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = strlen(cases[i].message);
        const struct template *expected = cases[i].reply < 0 ? NULL : replies.each[cases[i].reply].template;
        for (size_t cut = 0; cut <= length; cut++) {
            struct reply_matcher matcher = {0};
            const char *rest = cases[i].message + cut;
            const struct template *first = replies_to_message(&replies, &matcher, cases[i].message, cut, false);
            const struct template *second = replies_to_message(&replies, &matcher, rest, length - cut, true);
            CHECK(first == NULL || second == NULL);
            CHECK((first ? first : second) == expected);
            CHECK(matcher.length == 0 && matcher.settled == 0);
        }
    }
    free_replies(&replies);
}

static void test_lines_are_answered_however_the_stream_is_cut(void) {
    static const char text[] = "MSG PING\r\nPING\r\n40{}\nPINGPING\n\nPIN";
    struct replies replies = some_replies();
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        struct reply_matcher matcher = {0};
        const struct template *found;
        const char *at = text;
        unsigned pings = 0, hellos = 0;
        for (unsigned part = 0; part < 2; part++) {
            const char *end = part == 0 ? text + cut : text + length;
            while ((found = replies_to_lines(&replies, &matcher, &at, end)) != NULL)
                found == replies.each[0].template ? pings++ : hellos++;
            CHECK(at == end);
        }
        CHECK(pings == 2 && hellos == 1);
    }
    free_replies(&replies);
}

static void test_answers_are_counted_however_the_stream_is_cut(void) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
                               "HTTP/1.1 204 No Content\r\n\r\n"
                               "HTTP/1.1 100 Continue\r\n\r\n"
                               "HTTP/1.1 503 Busy\r\ncontent-length:0\r\n\r\n"
                               "HTTP/1.1 201 Created\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5;a=b\r\nhello\r\nb\r\nhel\r\n\r\nhell\r\n0\r\n\r\n"
                               "HTTP/1.1 400 Bad\r\nTRANSFER-ENCODING: chunked\r\n\r\n1\r\nx\r\n0\r\nTrailer: z\r\n\r\n"
                               "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
    static const bool worked[] = {true, true, false, true, false, true};
    size_t length = strlen(text);
    for (size_t cut = 0; cut <= length; cut++) {
        struct http_reader reader = {0};
        const char *at = text;
        unsigned count = 0;
        for (unsigned part = 0; part < 2; part++) {
            const char *end = part == 0 ? text + cut : text + length;
            enum http_result result;
            while ((result = http_next(&reader, &at, end)) == HTTP_ANSWER) CHECK(reader.worked == worked[count++]);
            CHECK(result == HTTP_NEEDS_MORE);
            CHECK(at == end);
        }
        CHECK(count == 6);
        http_free(&reader);
    }
}

static void test_an_answer_without_an_end_is_broken(void) {
    static const char *const texts[] = {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "\r\n\r\n"};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct http_reader reader = {0};
        const char *at = texts[i];
        CHECK(http_next(&reader, &at, at + strlen(at)) == HTTP_BROKEN);
        http_free(&reader);
    }
}

void test_streams(void) {
    test_markers_are_found_however_the_stream_is_cut();
    test_a_marker_is_read_as_it_was_written();
    test_frames_are_read_however_the_stream_is_cut();
    test_frames_of_every_length_are_read();
    test_frames_that_no_server_may_send_are_noticed();
    test_heads_say_the_length_and_the_zero_mask();
    test_patterns_are_counted_however_the_stream_is_cut();
    test_a_message_is_answered_by_how_it_begins();
    test_lines_are_answered_however_the_stream_is_cut();
    test_answers_are_counted_however_the_stream_is_cut();
    test_an_answer_without_an_end_is_broken();
}
