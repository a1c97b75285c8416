/* Templates: what is sent for each text. */
#include "parts.h"

#include <string.h>

#include "bytes.h"
#include "templates.h"

static void check_expansion(const char *text, const char *expected, size_t length) {
    static const struct template_values values = {
        .connection = 7, .publication = 12, .topic = 3, .marker = 0xabc, .padding = 4, .length = 22};
    struct template *template = template_parse(text, "test");
    struct bytes out = {0};
    template_expand(template, &values, &out);
    bool same = out.length == length && (length == 0 || memcmp(out.data, expected, length) == 0);
    same ? (void)checks++ : failed(text, __FILE__, __LINE__);
    bytes_free(&out);
    template_free(template);
}

#define EXPANDS(text, expected) check_expansion(text, expected, sizeof expected - 1)

static void test_blanks_are_filled_in(void) {
    EXPANDS("", "");
    EXPANDS("plain {\"a\":1}", "plain {\"a\":1}");
    EXPANDS("%i %s %t %L %%%n", "7 12 3 22 %\r\n");
    EXPANDS("%@%p", "@@0000000000000abcxxxx");
    EXPANDS("a%x00b%xFf%x0a", "a\0b\xff\n");
    EXPANDS("PUB t%t %L%n%@%p%n", "PUB t3 22\r\n@@0000000000000abcxxxx\r\n");
}

static void test_lengths_stand_before_what_they_count(void) {
    EXPANDS("%H{}", "\0\0");
    EXPANDS("%H{MQTT}%x04", "\0\4MQTT\4");
    EXPANDS("%R{}!", "\0!");
    EXPANDS("$%D{}%n", "$0\r\n\r\n");
    EXPANDS("$%D{t%t}%n$%D{%@%p}%n", "$2\r\nt3\r\n$22\r\n@@0000000000000abcxxxx\r\n");
    EXPANDS("%x10%R{%H{MQTT}%x04%x02%x00%x3c%H{c%i}}", "\x10\x0e\0\4MQTT\4\2\0\x3c\0\2c7");
    EXPANDS("%x30%R{%H{t%t}%@%p}", "\x30\x1a\0\2t3@@0000000000000abcxxxx");
    EXPANDS("%R{{\"a\":{}}}", "\x08{\"a\":{}}");
    EXPANDS("%H{%x7b}%H{%R{a}}", "\0\1{\0\2\1a");
}

static void test_the_remaining_length_has_seven_bits_a_byte(void) {
    static const struct {
        size_t length;
        const char *head;
        size_t size;
    } cases[] = {
        {127, "\x7f", 1},          {128, "\x80\x01", 2},         {16383, "\xff\x7f", 2},
        {16384, "\x80\x80\x01", 3}, {2097151, "\xff\xff\x7f", 3}, {2097152, "\x80\x80\x80\x01", 4},
    };
    struct template *template = template_parse("%R{%p}", "test");
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bytes out = {0};
        template_expand(template, &(struct template_values){.padding = cases[i].length}, &out);
        CHECK(out.length == cases[i].size + cases[i].length);
        CHECK(memcmp(out.data, cases[i].head, cases[i].size) == 0);
        CHECK(out.data[cases[i].size] == 'x' && out.data[out.length - 1] == 'x');
        bytes_free(&out);
    }
    template_free(template);
}

static void test_a_template_knows_its_blanks(void) {
    struct template *template = template_parse("%i%R{a%H{%t}}%s", "test");
    CHECK(template_has(template, 'i') && template_has(template, 't') && template_has(template, 's'));
    CHECK(!template_has(template, 'p') && !template_has(template, '@'));
    template_free(template);
}

void test_expansions(void) {
    test_blanks_are_filled_in();
    test_lengths_stand_before_what_they_count();
    test_the_remaining_length_has_seven_bits_a_byte();
    test_a_template_knows_its_blanks();
}
