/* The modes. Each opens its connections, runs, reports, and says whether everything that was due has come. */
#ifndef LOAD_MODES_H
#define LOAD_MODES_H

#include <stdbool.h>

#include "options.h"

bool run_fanout(const struct options *options);
bool run_idle(const struct options *options);
bool run_connect(const struct options *options);
bool run_resume(const struct options *options);
bool run_ingest(const struct options *options); /* and http-ingest */

#endif
