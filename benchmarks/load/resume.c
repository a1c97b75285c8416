#include "modes.h"
bool run_resume(const struct options *o) { (void)o; return false; }
