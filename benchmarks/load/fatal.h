/* Mistakes of the caller, and faults that leave nothing to measure: one line on stderr, exit code 2. */
#ifndef LOAD_FATAL_H
#define LOAD_FATAL_H

#include <stddef.h>

_Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, with what errno says behind it. */
_Noreturn void fatal_errno(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory of zeros. There is always enough of it, or the program ends. */
void *allocate(size_t count, size_t size) __attribute__((malloc));

#endif
