/* Runs all of them: `make -C benchmarks/load parts` builds this, and test_load_parts.py starts it. */
#include <stdio.h>
#include <stdlib.h>

#include "parts.h"

unsigned long checks;

_Noreturn void failed(const char *condition, const char *file, int line) {
    printf("%s:%d: not true: %s\n", file, line, condition);
    exit(1);
}

/* Knuth's linear congruential generator, the high bits of it. */
uint64_t random_below(uint64_t limit) {
    static uint64_t state = 1;
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (state >> 16) % limit;
}

int main(void) {
    test_streams();
    test_sums();
    test_expansions();
    printf("%lu checks\n", checks);
    return 0;
}
