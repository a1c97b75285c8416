/* The event loop: waits for sockets and hands each to its connection.
 *
 * Invariant: a connection is handled at most once for each epoll_wait, so it may be closed and dialled anew while it is
 * handled. epoll is level-triggered: what a read leaves is said again. */
#include "poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "fatal.h"

#define EVENTS_A_TURN 512

void poller_make(struct poller *poller) {
    *poller = (struct poller){
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
    };
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}; /* NULL: the timer */
    if (poller->epoll < 0 || poller->timer < 0 ||
        epoll_ctl(poller->epoll, EPOLL_CTL_ADD, poller->timer, &event) != 0)
        fatal_errno("epoll");
}

static void timer_is_due(const struct poller *poller) {
    uint64_t times;
    if (read(poller->timer, &times, sizeof times) < 0 && errno != EAGAIN) fatal_errno("timer");
}

/* epoll counts in milliseconds: rounded up, so as not to come back too early again and again. */
static int milliseconds_until(uint64_t until_ns) {
    uint64_t now = clock_now();
    if (until_ns <= now) return 0;
    uint64_t milliseconds = (until_ns - now + NS_PER_MS - 1) / NS_PER_MS;
    return milliseconds > 1000 ? 1000 : (int)milliseconds;
}

void poller_wait(struct poller *poller, uint64_t until_ns) {
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(poller->epoll, events, EVENTS_A_TURN, milliseconds_until(until_ns));
    if (count < 0 && errno != EINTR) fatal_errno("epoll_wait");
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            timer_is_due(poller);
        else
            connection_handle(events[i].data.ptr, events[i].events);
    }
}

void poller_wake_at(struct poller *poller, uint64_t at_ns) {
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(at_ns / NS_PER_S), .tv_nsec = (long)(at_ns % NS_PER_S)},
    };
    if (timerfd_settime(poller->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) fatal_errno("timer");
}

static void control(struct poller *poller, int operation, struct connection *connection, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller->epoll, operation, connection->descriptor, &event) != 0) fatal_errno("epoll_ctl");
}

void poller_add(struct poller *poller, struct connection *connection, uint32_t events) {
    control(poller, EPOLL_CTL_ADD, connection, events);
}

void poller_change(struct poller *poller, struct connection *connection, uint32_t events) {
    control(poller, EPOLL_CTL_MOD, connection, events);
}

void poller_settle(struct poller *poller, uint64_t quiet_ns, uint64_t deadline_ns) {
    poller->last_received_ns = clock_now();
    while (clock_now() < deadline_ns) {
        uint64_t quiet_at = poller->last_received_ns + quiet_ns;
        if (clock_now() >= quiet_at) return;
        poller_wait(poller, quiet_at < deadline_ns ? quiet_at : deadline_ns);
    }
}

void poller_free(struct poller *poller) {
    close(poller->timer);
    close(poller->epoll);
}
