/* Where connections go, and what is the same for all of them. */
#ifndef LOAD_ENDPOINT_H
#define LOAD_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bytes.h"
#include "options.h"

struct endpoint {
    struct sockaddr_storage address;
    socklen_t address_length;
    enum transport { WEBSOCKET, RAW_TCP, HTTP } transport;
    bool binary;              /* messages are sent as binary frames */
    bool spreads_sources;     /* from 127.0.0.2 and so on, when 127.0.0.1 has no more ports */
    struct bytes handshake;   /* what a WebSocket begins with */
    const struct replies *replies;
};

/* Ends the program if the host is not an address of this machine alone. */
void endpoint_make(struct endpoint *endpoint, const struct options *options);
void endpoint_free(struct endpoint *endpoint);
/* Whether a server's handshake, its empty line included, is an upgrade that answers ours. */
bool endpoint_is_upgraded(const struct bytes *head);
/* A socket of which connect() has been called, not blocking. `receive_buffer` in bytes, 0 for the system's. */
int endpoint_dial(const struct endpoint *endpoint, uint64_t connection, int receive_buffer);

#endif
