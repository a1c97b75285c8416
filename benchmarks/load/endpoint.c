/* Where connections go: an address of this machine, and never another. RFC 6455, section 4.1, for the handshake.
 *
 * The Sec-WebSocket-Key is always the one of the RFC's example, so what a server must answer is known, too. */
#include "endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fatal.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define UPGRADED "HTTP/1.1 101"
#define LOOPBACK_NET 127
#define CONNECTIONS_PER_SOURCE 20000 /* Linux gives out 28 232 ports for each pair of addresses */

static bool parse_ipv4(const char *host, uint16_t port, struct sockaddr_storage *address) {
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)address;
    if (inet_pton(AF_INET, host, &ipv4->sin_addr) != 1) return false;
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(port);
    return ntohl(ipv4->sin_addr.s_addr) >> 24 == LOOPBACK_NET;
}

static bool parse_ipv6(const char *host, uint16_t port, struct sockaddr_storage *address) {
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)address;
    if (inet_pton(AF_INET6, host, &ipv6->sin6_addr) != 1) return false;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
    return IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);
}

static void write_handshake(const struct options *options, struct bytes *out) {
    char text[2048];
    bool bare_ipv6 = strchr(options->host, ':') != NULL;
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nHost: %s%s%s:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: " KEY "\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                          options->path, bare_ipv6 ? "[" : "", options->host, bare_ipv6 ? "]" : "", options->port,
                          options->subprotocol ? "Sec-WebSocket-Protocol: " : "",
                          options->subprotocol ? options->subprotocol : "", options->subprotocol ? "\r\n" : "");
    if (length >= (int)sizeof text) fatal("--path and --subprotocol are too long");
    bytes_append(out, text, (size_t)length);
}

void endpoint_make(struct endpoint *endpoint, const struct options *options) {
    *endpoint = (struct endpoint){
        .transport = options->mode == MODE_HTTP_INGEST ? HTTP : options->raw_tcp ? RAW_TCP : WEBSOCKET,
        .binary = options->binary,
        .spreads_sources = options->source_addresses,
        .replies = &options->replies,
    };
    if (parse_ipv4(options->host, options->port, &endpoint->address)) {
        endpoint->address_length = sizeof(struct sockaddr_in);
    } else if (parse_ipv6(options->host, options->port, &endpoint->address)) {
        endpoint->address_length = sizeof(struct sockaddr_in6);
        if (endpoint->spreads_sources) fatal("--source-addresses: there is only one ::1");
    } else {
        fatal("--host: '%s' is neither in 127.0.0.0/8 nor ::1; only this machine is measured", options->host);
    }
    if (endpoint->transport == WEBSOCKET) write_handshake(options, &endpoint->handshake);
}

void endpoint_free(struct endpoint *endpoint) { bytes_free(&endpoint->handshake); }

/* Whether the head has this header with this value. Names of headers are case-insensitive. */
static bool has_header(const struct bytes *head, const char *name, const char *value) {
    const char *end = head->data + head->length;
    size_t name_length = strlen(name), value_length = strlen(value);
    for (const char *line = head->data; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL) break;
        if ((size_t)(line_end - line) > name_length && line[name_length] == ':' &&
            strncasecmp(line, name, name_length) == 0) {
            const char *at = line + name_length + 1;
            while (at < line_end && *at == ' ') at++;
            return (size_t)(line_end - at) >= value_length && memcmp(at, value, value_length) == 0;
        }
        line = line_end + 1;
    }
    return false;
}

bool endpoint_is_upgraded(const struct bytes *head) {
    return head->length > strlen(UPGRADED) && memcmp(head->data, UPGRADED, strlen(UPGRADED)) == 0 &&
           has_header(head, "Sec-WebSocket-Accept", ACCEPT);
}

static void bind_source(int descriptor, uint64_t connection) {
    int yes = 1;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(connection / CONNECTIONS_PER_SOURCE));
    setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (bind(descriptor, (struct sockaddr *)&source, sizeof source) != 0) fatal_errno("bind to a source address");
}

int endpoint_dial(const struct endpoint *endpoint, uint64_t connection, int receive_buffer) {
    int yes = 1;
    int descriptor = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) fatal_errno("socket");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    /* Before connect(): afterwards it would not shrink the window any more. */
    if (receive_buffer > 0) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (endpoint->spreads_sources) bind_source(descriptor, connection);
    if (connect(descriptor, (const struct sockaddr *)&endpoint->address, endpoint->address_length) != 0 &&
        errno != EINPROGRESS)
        fatal_errno("connect");
    return descriptor;
}
