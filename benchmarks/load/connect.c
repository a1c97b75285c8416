#include "modes.h"
bool run_connect(const struct options *o) { (void)o; return false; }
