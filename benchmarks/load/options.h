/* The command line, checked. README.md says what each option is. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "replies.h"
#include "templates.h"

#define TEMPLATES_MOST 16
#define PIDS_MOST 64

enum mode { MODE_FANOUT, MODE_IDLE, MODE_CONNECT, MODE_RESUME, MODE_INGEST, MODE_HTTP_INGEST };

struct template_list {
    struct template *each[TEMPLATES_MOST];
    unsigned count;
};

struct options {
    enum mode mode;
    const char *mode_name;

    /* the server */
    const char *host;
    uint16_t port;
    const char *path;
    const char *subprotocol; /* NULL: none */
    bool raw_tcp;
    bool binary;
    bool source_addresses;
    pid_t pids[PIDS_MOST];
    unsigned pid_count;

    /* what is sent */
    struct template_list subscribe;
    struct template_list publish_init;
    struct template_list replay;
    struct template_list unreplay;
    struct template *publish;
    struct template *request;
    struct template *body;
    struct replies replies;
    struct bytes ack; /* empty: none is looked for */

    /* the shape */
    uint64_t subscribers; /* --connections is another name for it */
    uint64_t publishers;
    uint64_t topics;
    uint64_t topics_per_subscriber;
    bool members; /* every subscriber publishes, and nobody else */
    uint64_t publications;
    uint64_t publications_per_request;
    uint64_t window;
    size_t payload;
    double rate; /* publications a second; 0: as the window allows */
    uint64_t stuck, slow, replaying;
    uint64_t replay_expect;
    uint64_t expect;
    uint64_t parallel; /* 0: the mode's own */

    /* how long */
    uint64_t settle_ns;
    uint64_t max_ns;
    uint64_t hold_ns;
};

/* Ends the program, naming the option, if it cannot be meant so. */
void options_parse(struct options *options, int argc, char **argv);
void options_free(struct options *options);

#endif
