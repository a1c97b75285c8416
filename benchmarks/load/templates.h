/* Templates: what is sent, with blanks that are filled in each time. README.md lists the blanks. */
#ifndef LOAD_TEMPLATES_H
#define LOAD_TEMPLATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"

struct template;

/* What the blanks are filled with. */
struct template_values {
    uint64_t connection;  /* %i */
    uint64_t publication; /* %s */
    uint64_t topic;       /* %t */
    uint64_t marker;      /* %@ */
    size_t padding;       /* %p: how many 'x' */
    size_t length;        /* %L */
};

/* Ends the program, naming the option, if the text is no template. */
struct template *template_parse(const char *text, const char *option);
/* Whether it has this blank, such as 't', anywhere. */
bool template_has(const struct template *template, char blank);
/* Appends the text with its blanks filled in. */
void template_expand(const struct template *template, const struct template_values *values, struct bytes *out);
void template_free(struct template *template);

#endif
