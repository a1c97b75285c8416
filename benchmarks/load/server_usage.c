/* What the server's processes use, read from outside.
 *
 * A process's CPU clock (clock_getcpuclockid) is user and system time of all its threads, of those that have ended,
 * too, in nanoseconds. The other files of the kernel are worse: /proc/PID/stat counts in ticks of 10 ms, and schedstat
 * knows one thread, and forgets it when it ends. Invariant: a process that is gone is an error, not a zero. */
#include "server_usage.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fatal.h"

static bool read_clock(pid_t pid, double *seconds) {
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return false;
    *seconds = (double)used.tv_sec + (double)used.tv_nsec / (double)NS_PER_S;
    return true;
}

static void read_proc(pid_t pid, const char *file, char *text, size_t size) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    FILE *stream = fopen(path, "r");
    if (stream == NULL) fatal_errno("--pid %d", (int)pid);
    text[fread(text, 1, size - 1, stream)] = '\0';
    fclose(stream);
}

/* proc(5): the second field is the program's name in brackets, which may hold anything; utime and stime are the 14th
 * and 15th. */
static double read_stat(pid_t pid) {
    char text[4096];
    unsigned long user, system;
    read_proc(pid, "stat", text, sizeof text);
    const char *behind_name = strrchr(text, ')');
    if (behind_name == NULL ||
        sscanf(behind_name + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fatal("--pid %d: what /proc says of it is not understood", (int)pid);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

enum cpu_source server_cpu_source(const struct options *options) {
    double seconds;
    for (unsigned i = 0; i < options->pid_count; i++)
        if (!read_clock(options->pids[i], &seconds)) return CPU_STAT;
    return CPU_CLOCK;
}

const char *cpu_source_name(enum cpu_source source) { return source == CPU_CLOCK ? "clock" : "stat"; }

double server_cpu_seconds(const struct options *options, enum cpu_source source) {
    double total = 0;
    for (unsigned i = 0; i < options->pid_count; i++) {
        double seconds = 0;
        if (source == CPU_STAT)
            seconds = read_stat(options->pids[i]);
        else if (!read_clock(options->pids[i], &seconds))
            fatal_errno("--pid %d", (int)options->pids[i]);
        total += seconds;
    }
    return total;
}

uint64_t server_rss_kib(const struct options *options) {
    uint64_t pages = 0;
    for (unsigned i = 0; i < options->pid_count; i++) {
        char text[256];
        unsigned long resident;
        read_proc(options->pids[i], "statm", text, sizeof text);
        if (sscanf(text, "%*u %lu", &resident) != 1)
            fatal("--pid %d: what /proc says of it is not understood", (int)options->pids[i]);
        pages += resident;
    }
    return pages * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}
