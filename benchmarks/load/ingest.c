#include "modes.h"
bool run_ingest(const struct options *o) { (void)o; return false; }
