/* load: a load generator for publish/subscribe servers. README.md says what it measures, and how to use it.
 *
 * Exit codes: 0, everything that was due came; 1, something did not, and the report says what; 2, nothing was measured,
 * and one line on stderr says why. */
#include "modes.h"
#include "options.h"

int main(int argc, char **argv) {
    static bool (*const run[])(const struct options *) = {
        [MODE_FANOUT] = run_fanout, [MODE_IDLE] = run_idle,     [MODE_CONNECT] = run_connect,
        [MODE_RESUME] = run_resume, [MODE_INGEST] = run_ingest, [MODE_HTTP_INGEST] = run_ingest,
    };
    struct options options;
    options_parse(&options, argc, argv);
    bool complete = run[options.mode](&options);
    options_free(&options);
    return complete ? 0 : 1;
}
