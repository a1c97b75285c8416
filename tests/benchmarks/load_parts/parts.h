/* Tests of the load generator's parts that need no server. A failed check ends the program. */
#ifndef LOAD_PARTS_H
#define LOAD_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#define CHECK(condition) ((condition) ? (void)checks++ : failed(#condition, __FILE__, __LINE__))

extern unsigned long checks;

_Noreturn void failed(const char *condition, const char *file, int line);
/* A number below this limit, and the same ones in every run. */
uint64_t random_below(uint64_t limit);

void test_streams(void);
void test_sums(void);
void test_expansions(void);

#endif
