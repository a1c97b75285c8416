/* One connection, from dialling it to its end:
 *
 *     NEW -> DIALLING -> SHAKING_HANDS -> OPEN -> CLOSED         (raw TCP and HTTP have no handshake)
 *
 * Invariants: bytes are sent in the order of connection_send, and nothing is sent before it is open. Everything that is
 * read is handed to `received` before the next read. After `lost` or connection_close no event comes any more. */
#include "connection.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "clock.h"
#include "fatal.h"

#define READ_AT_ONCE (256 * 1024)
#define ANSWER_LONGEST 16384
#define END_OF_HEAD "\r\n\r\n"
#define GOODBYE "\x03\xe8" /* 1000 */

static char read_buffer[READ_AT_ONCE]; /* one for all: what is read is handed on before the next read */

void connection_make(struct connection *connection, const struct endpoint *endpoint, struct poller *poller,
                     const struct connection_events *events, void *owner, uint64_t index) {
    *connection = (struct connection){
        .endpoint = endpoint,
        .poller = poller,
        .events = events,
        .owner = owner,
        .index = index,
        .descriptor = -1,
    };
}

void connection_dial(struct connection *connection) {
    connection->descriptor = endpoint_dial(connection->endpoint, connection->index, connection->receive_buffer);
    connection->state = CONNECTION_DIALLING;
    connection->reads = true;
    connection->out.length = connection->out_sent = connection->answer.length = connection->control.length = 0;
    connection->frames = (struct frame_reader){0};
    connection->replies = (struct reply_matcher){0};
    connection->interest = EPOLLOUT;
    poller_add(connection->poller, connection, connection->interest);
}

void connection_close(struct connection *connection) {
    if (connection->descriptor >= 0) close(connection->descriptor); /* takes it out of epoll, too */
    connection->descriptor = -1;
    connection->state = CONNECTION_CLOSED;
}

void connection_free(struct connection *connection) {
    connection_close(connection);
    bytes_free(&connection->out);
    bytes_free(&connection->answer);
    bytes_free(&connection->control);
}

static void lose(struct connection *connection) {
    connection_close(connection);
    if (connection->events->lost != NULL) connection->events->lost(connection);
}

/* Asks epoll for what matters now, if that has changed. Errors and hang-ups are always said. */
static void update_interest(struct connection *connection) {
    uint32_t wanted = EPOLLRDHUP;
    if (connection->reads) wanted |= EPOLLIN;
    if (connection_unsent(connection) > 0) wanted |= EPOLLOUT;
    if (wanted == connection->interest) return;
    connection->interest = wanted;
    poller_change(connection->poller, connection, wanted);
}

/* ---- sending ---- */

size_t connection_unsent(const struct connection *connection) { return connection->out.length - connection->out_sent; }

/* A broken pipe is no news here: the read that says so comes. */
static size_t send_some(int descriptor, struct iovec *parts, int count) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
    ssize_t sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    return sent < 0 ? 0 : (size_t)sent;
}

static void send_unsent(struct connection *connection) {
    struct iovec rest = {connection->out.data + connection->out_sent, connection_unsent(connection)};
    if (rest.iov_len > 0) connection->out_sent += send_some(connection->descriptor, &rest, 1);
    if (connection_unsent(connection) == 0) connection->out.length = connection->out_sent = 0;
    update_interest(connection);
}

/* Puts it behind what waits already, and what was sent of that is forgotten. */
static void keep(struct connection *connection, const char *data, size_t length) {
    struct bytes *out = &connection->out;
    if (connection->out_sent > out->length / 2) {
        memmove(out->data, out->data + connection->out_sent, connection_unsent(connection));
        out->length -= connection->out_sent;
        connection->out_sent = 0;
    }
    bytes_append(out, data, length);
}

/* Two parts in a row. What the kernel does not take is kept, behind what it did not take before. */
static void send_parts(struct connection *connection, const char *head, size_t head_length, const char *body,
                       size_t body_length) {
    size_t sent = 0;
    if (connection_unsent(connection) == 0) {
        struct iovec parts[2] = {{(void *)head, head_length}, {(void *)body, body_length}};
        sent = send_some(connection->descriptor, parts, 2);
        if (sent == head_length + body_length) return;
    }
    size_t of_head = sent < head_length ? sent : head_length;
    keep(connection, head + of_head, head_length - of_head);
    keep(connection, body + (sent - of_head), body_length - (sent - of_head));
    update_interest(connection);
}

static void send_frame(struct connection *connection, enum opcode opcode, const char *payload, size_t length) {
    char head[FRAME_HEAD_LONGEST];
    size_t head_length = frame_head(head, opcode, length);
    send_parts(connection, head, head_length, payload, length);
}

void connection_send(struct connection *connection, const struct bytes *message) {
    if (connection->state != CONNECTION_OPEN) return;
    if (connection->endpoint->transport == WEBSOCKET)
        send_frame(connection, connection->endpoint->binary ? BINARY : TEXT, message->data, message->length);
    else
        send_parts(connection, "", 0, message->data, message->length);
}

void connection_say_goodbye(struct connection *connection) {
    if (connection->endpoint->transport == WEBSOCKET)
        send_frame(connection, CLOSE, GOODBYE, strlen(GOODBYE));
    else
        shutdown(connection->descriptor, SHUT_WR);
}

/* ---- receiving ---- */

static void hand_on(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    connection->received_bytes += length;
    if (connection->events->received != NULL) connection->events->received(connection, data, length, now_ns);
}

static void hand_on_reply(struct connection *connection, const struct template *reply) {
    if (reply != NULL && connection->events->asked != NULL) connection->events->asked(connection, reply);
}

static void take_unframed(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    const struct replies *replies = connection->endpoint->replies;
    const char *at = data, *end = data + length;
    const struct template *reply;
    hand_on(connection, data, length, now_ns);
    if (replies->count == 0) return;
    while ((reply = replies_to_lines(replies, &connection->replies, &at, end)) != NULL)
        hand_on_reply(connection, reply);
}

static void take_control(struct connection *connection, const struct frame_piece *piece) {
    bytes_append(&connection->control, piece->data, piece->length);
    if (!piece->ends_frame) return;
    if (piece->opcode == PING) send_frame(connection, PONG, connection->control.data, connection->control.length);
    connection->control.length = 0;
}

static void take_payload(struct connection *connection, const struct frame_piece *piece, uint64_t now_ns) {
    const struct replies *replies = connection->endpoint->replies;
    if (piece->length > 0) hand_on(connection, piece->data, piece->length, now_ns);
    if (replies->count == 0 || connection->state != CONNECTION_OPEN) return;
    hand_on_reply(connection, replies_to_message(replies, &connection->replies, piece->data, piece->length,
                                                 piece->ends_message));
}

static void take_frames(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    const char *end = data + length;
    struct frame_piece piece;
    enum frame_result result;
    while ((result = frame_next(&connection->frames, &data, end, &piece)) == FRAME_PIECE) {
        if (piece.opcode < CLOSE)
            take_payload(connection, &piece, now_ns);
        else
            take_control(connection, &piece);
        if (piece.opcode == CLOSE && piece.ends_frame && connection->state == CONNECTION_OPEN) lose(connection);
        if (connection->state != CONNECTION_OPEN) return; /* or its owner closed it, and what follows is nobody's */
    }
    if (result == FRAME_BROKEN) fatal("connection %lu: a frame that no server may send", connection->index);
}

static void take(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    if (connection->endpoint->transport == WEBSOCKET)
        take_frames(connection, data, length, now_ns);
    else
        take_unframed(connection, data, length, now_ns);
}

static void open_it(struct connection *connection) {
    connection->state = CONNECTION_OPEN;
    connection->poller->opened++;
    if (connection->events->opened != NULL) connection->events->opened(connection);
    if (connection->state == CONNECTION_OPEN) update_interest(connection);
}

/* Some of the handshake's answer. What stands behind it are frames. */
static void take_answer(struct connection *connection, const char *data, size_t length, uint64_t now_ns) {
    struct bytes *answer = &connection->answer;
    size_t before = answer->length;
    bytes_append(answer, data, length);
    const char *end = memmem(answer->data, answer->length, END_OF_HEAD, strlen(END_OF_HEAD));
    if (end == NULL && answer->length < ANSWER_LONGEST) return;
    size_t used = end ? (size_t)(end - answer->data) + strlen(END_OF_HEAD) - before : length;
    answer->length = before + used;
    if (end == NULL || !endpoint_is_upgraded(answer)) {
        const char *line_end = memchr(answer->data, '\r', answer->length);
        int line = (int)(line_end ? line_end - answer->data : (ptrdiff_t)answer->length);
        fatal("connection %lu: no upgrade: %.*s", connection->index, line, answer->data);
    }
    answer->length = 0;
    open_it(connection);
    if (used < length && connection->state == CONNECTION_OPEN)
        take(connection, data + used, length - used, now_ns);
}

void connection_read(struct connection *connection, size_t most) {
    size_t size = most < READ_AT_ONCE ? most : READ_AT_ONCE;
    ssize_t length = read(connection->descriptor, read_buffer, size);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        if (connection->state == CONNECTION_SHAKING_HANDS)
            fatal("connection %lu: the server ended it before the handshake was over", connection->index);
        lose(connection);
        return;
    }
    uint64_t now = clock_now();
    connection->poller->last_received_ns = now;
    if (connection->state == CONNECTION_SHAKING_HANDS)
        take_answer(connection, read_buffer, (size_t)length, now);
    else
        take(connection, read_buffer, (size_t)length, now);
}

void connection_stop_reading(struct connection *connection) {
    connection->reads = false;
    update_interest(connection);
}

/* ---- what epoll says ---- */

static void dialled(struct connection *connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        errno = error;
        fatal_errno("connection %lu", connection->index);
    }
    if (connection->endpoint->transport != WEBSOCKET) {
        open_it(connection);
        return;
    }
    const struct bytes *handshake = &connection->endpoint->handshake;
    connection->state = CONNECTION_SHAKING_HANDS;
    send_parts(connection, "", 0, handshake->data, handshake->length);
    update_interest(connection);
}

void connection_handle(struct connection *connection, uint32_t events) {
    if (connection->state == CONNECTION_DIALLING) {
        dialled(connection);
        return;
    }
    if (events & EPOLLOUT) send_unsent(connection);
    if (connection->reads && events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        connection_read(connection, READ_AT_ONCE);
    else if (!connection->reads && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        lose(connection);
}
