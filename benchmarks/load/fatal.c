/* How the program gives up: one line on stderr and exit code 2, and nothing on stdout, so that whoever reads the
 * report never reads half of one. */
#include "fatal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_MISTAKE 2

_Noreturn void fatal(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    _exit(EXIT_MISTAKE); /* so that stdout's buffer is not printed */
}

_Noreturn void fatal_errno(const char *format, ...) {
    int code = errno;
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, ": %s\n", strerror(code));
    va_end(arguments);
    _exit(EXIT_MISTAKE); /* so that stdout's buffer is not printed */
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (memory == NULL) fatal("no memory for %zu times %zu bytes", count, size);
    return memory;
}
