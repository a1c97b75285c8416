/* One connection: it is dialled, shakes hands, sends messages and receives them, and ends. */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bytes.h"
#include "endpoint.h"
#include "frames.h"
#include "poller.h"
#include "replies.h"

struct connection;

/* What its owner does about it. Each may be NULL. */
struct connection_events {
    void (*opened)(struct connection *connection);
    /* A message has come that wants this reply (--reply). */
    void (*asked)(struct connection *connection, const struct template *reply);
    /* Payload as it comes: in pieces that say nothing of where messages begin. Without frames it is all that comes. */
    void (*received)(struct connection *connection, const char *data, size_t length, uint64_t now_ns);
    /* The server closed it: the connection is closed already, and may be dialled anew. */
    void (*lost)(struct connection *connection);
};

enum connection_state {
    CONNECTION_NEW,
    CONNECTION_DIALLING,
    CONNECTION_SHAKING_HANDS,
    CONNECTION_OPEN,
    CONNECTION_CLOSED,
};

struct connection {
    const struct endpoint *endpoint;
    struct poller *poller;
    const struct connection_events *events;
    void *owner;
    uint64_t index;           /* among all connections: %i */
    int descriptor;
    int receive_buffer;       /* bytes; 0: as the system has it */
    enum connection_state state;
    bool reads;               /* what comes is read as soon as it comes */
    uint32_t interest;        /* the events that epoll was asked for */
    uint64_t received_bytes;  /* of payload */
    struct bytes out;         /* what the kernel did not take yet, from out_sent on */
    size_t out_sent;
    struct bytes answer;      /* the handshake's, as far as it has come */
    struct frame_reader frames;
    struct bytes control;     /* the payload of a ping, as far as it has come */
    struct reply_matcher replies;
};

/* It is set up, and not dialled. */
void connection_make(struct connection *connection, const struct endpoint *endpoint, struct poller *poller,
                     const struct connection_events *events, void *owner, uint64_t index);
void connection_dial(struct connection *connection);
/* Sends one message, now or when the kernel takes it. */
void connection_send(struct connection *connection, const struct bytes *message);
/* The bytes that wait for the kernel to take them. */
size_t connection_unsent(const struct connection *connection);
/* Stops reading. What comes then stays in the kernel, and the server notices. */
void connection_stop_reading(struct connection *connection);
/* Reads once, so many bytes at most, if anything has come. For a connection that does not read. */
void connection_read(struct connection *connection, size_t most);
/* Says goodbye: over WebSocket with a Close. The server is expected to close then. */
void connection_say_goodbye(struct connection *connection);
void connection_close(struct connection *connection);
void connection_free(struct connection *connection);

/* For the poller. */
void connection_handle(struct connection *connection, uint32_t events);

#endif
