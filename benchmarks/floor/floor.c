// The floor: what a publish/subscribe server costs where nothing but system calls and copying is left.
//
// One thread, epoll, and one send to each subscriber for all that one pass of epoll brought. No limit, no history, no JSON
// parser: it finds the fields of the load generator's requests where they stand. It is here to be compared with, not
// to be used: a client that does not read makes it hold everything.
//
//     gcc -O2 -o floor floor.c && ./floor PORT
//
// A publication's way: readable() -> requests() -> publish() puts its event into `arena` and notes for which topic
// ("run") -> flush() hands each subscriber the ranges of the arena that are its own.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ = 256 * 1024, EVENTS = 512, HEAD = 10 };

struct bytes { char *data; size_t length, room; };
struct range { size_t begin, length; };
struct topic { char *name; size_t name_length; struct connection **subscribers; size_t count, room; };
struct run { struct topic *topic; struct range range; };

struct connection {
    int fd;
    bool upgraded, touched;
    struct bytes partial;   // of a request that has not come whole
    struct bytes unsent;    // what the socket did not take
    struct topic **topics;
    size_t topic_count;
    struct range *ranges;   // of the arena, to be sent by this flush
    size_t range_count, range_room;
};

static int poller;
static struct bytes arena, acks, inbox;
static struct run *runs;
static size_t run_count, run_room;
static struct connection **touched;
static size_t touched_count, touched_room;

static void *checked(void *memory) {
    if (!memory) { perror("memory"); exit(1); }
    return memory;
}

// Room for one more in an array that doubles.
#define GROW(array, count, room) \
    do { if ((count) == (room)) { (room) = (room) ? 2 * (room) : 4; (array) = checked(realloc((array), (room) * sizeof *(array))); } } while (0)

static char *reserve(struct bytes *b, size_t more) {
    if (b->length + more > b->room) {
        b->room = 2 * (b->length + more);
        b->data = checked(realloc(b->data, b->room));
    }
    return b->data + b->length;
}

static void append(struct bytes *b, const void *data, size_t length) {
    if (!length) return;
    memcpy(reserve(b, length), data, length);
    b->length += length;
}

static void release(struct bytes *b) {
    free(b->data);
    *b = (struct bytes){0};
}

// ---- topics: an open hash table of names, which only grows -----------------------------------------------------------

static struct topic **table;
static size_t table_count, table_room;

static size_t slot_of(const char *name, size_t length) {
    uint64_t hash = 1469598103934665603u; // FNV-1a
    for (size_t i = 0; i < length; i++) hash = (hash ^ (unsigned char)name[i]) * 1099511628211u;
    size_t slot = hash & (table_room - 1);
    while (table[slot] && (table[slot]->name_length != length || memcmp(table[slot]->name, name, length)))
        slot = (slot + 1) & (table_room - 1);
    return slot;
}

static struct topic *topic_named(const char *name, size_t length) {
    if (2 * table_count >= table_room) {
        struct topic **old = table;
        size_t room = table_room;
        table_room = room ? 2 * room : 1024;
        table = checked(calloc(table_room, sizeof *table));
        for (size_t i = 0; i < room; i++)
            if (old[i]) table[slot_of(old[i]->name, old[i]->name_length)] = old[i];
        free(old);
    }
    size_t slot = slot_of(name, length);
    if (!table[slot]) {
        struct topic *topic = table[slot] = checked(calloc(1, sizeof *topic));
        topic->name = checked(strndup(name, length));
        topic->name_length = length;
        table_count++;
    }
    return table[slot];
}

static void subscribe(struct connection *c, struct topic *topic) {
    GROW(topic->subscribers, topic->count, topic->room);
    topic->subscribers[topic->count++] = c;
    c->topics = checked(realloc(c->topics, (c->topic_count + 1) * sizeof *c->topics));
    c->topics[c->topic_count++] = topic;
}

static void unsubscribe(struct connection *c, struct topic *topic) {
    for (size_t i = 0; i < topic->count; i++)
        if (topic->subscribers[i] == c) { topic->subscribers[i] = topic->subscribers[--topic->count]; return; }
}

// ---- sending ---------------------------------------------------------------------------------------------------------

static void watch(struct connection *c, int operation, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = c};
    if (epoll_ctl(poller, operation, c->fd, &event)) { perror("epoll_ctl"); exit(1); }
}

// Behind what is unsent already, or at once; what the socket does not take waits for EPOLLOUT.
static void send_parts(struct connection *c, struct iovec *parts, int count) {
    size_t all = 0, sent = 0;
    for (int i = 0; i < count; i++) all += parts[i].iov_len;
    if (!c->unsent.length) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) return; // the reader will see why
        sent = n < 0 ? 0 : (size_t)n;
        if (sent == all) return;
        watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    for (int i = 0; i < count; i++) {
        size_t skipped = sent < parts[i].iov_len ? sent : parts[i].iov_len;
        append(&c->unsent, (char *)parts[i].iov_base + skipped, parts[i].iov_len - skipped);
        sent -= skipped;
    }
}

static void send_bytes(struct connection *c, void *data, size_t length) {
    struct iovec part = {data, length};
    send_parts(c, &part, 1);
}

static void writable(struct connection *c) {
    ssize_t n = send(c->fd, c->unsent.data, c->unsent.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return;
    c->unsent.length -= (size_t)n;
    memmove(c->unsent.data, c->unsent.data + n, c->unsent.length);
    if (!c->unsent.length) {
        release(&c->unsent);
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
    }
}

// The ranges of the arena that a connection gets; neighbours are one.
static void give(struct connection *c, struct range range) {
    if (!c->touched) {
        c->touched = true;
        GROW(touched, touched_count, touched_room);
        touched[touched_count++] = c;
    }
    if (c->range_count) {
        struct range *last = &c->ranges[c->range_count - 1];
        if (last->begin + last->length == range.begin) { last->length += range.length; return; }
    }
    GROW(c->ranges, c->range_count, c->range_room);
    c->ranges[c->range_count++] = range;
}

static void flush(void) {
    for (size_t i = 0; i < run_count; i++) {
        struct topic *topic = runs[i].topic;
        if (run_count == 1)
            for (size_t k = 0; k < topic->count; k++) send_bytes(topic->subscribers[k], arena.data, arena.length);
        else
            for (size_t k = 0; k < topic->count; k++) give(topic->subscribers[k], runs[i].range);
    }
    for (size_t i = 0; i < touched_count; i++) {
        struct connection *c = touched[i];
        for (size_t begin = 0; begin < c->range_count; begin += 512) {
            struct iovec parts[512];
            int count = 0;
            for (size_t k = begin; k < c->range_count && count < 512; k++, count++)
                parts[count] = (struct iovec){arena.data + c->ranges[k].begin, c->ranges[k].length};
            send_parts(c, parts, count);
        }
        c->range_count = 0;
        c->touched = false;
    }
    run_count = touched_count = arena.length = 0;
}

// ---- requests --------------------------------------------------------------------------------------------------------

// RFC 6455, 5.2: the head of a final, unmasked frame. Returns its length.
static size_t frame_head(char *head, int opcode, size_t length) {
    size_t n = 2;
    head[0] = (char)(0x80 | opcode);
    if (length < 126) head[1] = (char)length;
    else {
        int bytes = length < 65536 ? 2 : 8;
        head[1] = bytes == 2 ? 126 : 127;
        for (int i = bytes - 1; i >= 0; i--) head[n++] = (char)(length >> (8 * i));
    }
    return n;
}

// The text between a key and what ends its value, without either; nothing if the key is not there.
static char *field(char *text, size_t length, const char *key, char end, size_t *size) {
    char *found = memmem(text, length, key, strlen(key));
    if (!found) return NULL;
    found += strlen(key);
    char *until = memchr(found, end, (size_t)(text + length - found));
    *size = until ? (size_t)(until - found) : 0;
    return until ? found : NULL;
}

static void acknowledge(char *text, size_t length, struct topic *topic) {
    size_t size = 0;
    char *id = field(text, length, "\"request_id\":\"", '"', &size);
    char reply[512], head[HEAD];
    int n = snprintf(reply, sizeof reply,
                     "{\"type\":\"ack\",\"request_id\":\"%.*s\",\"topic\":\"%.*s\",\"status\":\"ok\"}",
                     (int)(size < 128 ? size : 128), id ? id : "", (int)(topic->name_length & 255), topic->name);
    append(&acks, head, frame_head(head, 1, (size_t)n));
    append(&acks, reply, (size_t)n);
}

// `"message":` is followed by an object, then by `,"request_id"` or the end: what is between is passed on as it is.
static void publish(char *text, size_t length, struct topic *topic) {
    static const char before[] = "{\"type\":\"event\",\"topic\":\"", between[] = "\",\"message\":", after[] = "}";
    char *message = memmem(text, length, "\"message\":", 10);
    if (!message) return;
    message += 10;
    char *end = memmem(text, length, ",\"request_id\":", 14);
    if (!end || end < message) end = text + length - 1;
    size_t size = (size_t)(end - message);
    size_t all = sizeof before - 1 + topic->name_length + sizeof between - 1 + size + sizeof after - 1;
    size_t begin = arena.length;
    char head[HEAD];
    append(&arena, head, frame_head(head, 1, all));
    append(&arena, before, sizeof before - 1);
    append(&arena, topic->name, topic->name_length);
    append(&arena, between, sizeof between - 1);
    append(&arena, message, size);
    append(&arena, after, sizeof after - 1);
    struct range range = {begin, arena.length - begin};
    if (run_count && runs[run_count - 1].topic == topic) {
        runs[run_count - 1].range.length += range.length;
        return;
    }
    GROW(runs, run_count, run_room);
    runs[run_count++] = (struct run){topic, range};
}

static void request(struct connection *c, char *text, size_t length) {
    size_t size = 0;
    char *name = field(text, length, "\"topic\":\"", '"', &size);
    if (!name) return;
    struct topic *topic = topic_named(name, size);
    size_t head = length < 64 ? length : 64; // the type stands first
    if (memmem(text, head, "\"publish\"", 9)) publish(text, length, topic);
    else if (memmem(text, head, "\"subscribe\"", 11)) subscribe(c, topic);
    acknowledge(text, length, topic);
}

static void unmask(char *data, size_t length, const char *key) {
    uint32_t narrow;
    memcpy(&narrow, key, 4);
    uint64_t wide = (uint64_t)narrow << 32 | narrow, word;
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= wide;
        memcpy(data + i, &word, 8);
    }
    for (; i < length; i++) data[i] ^= key[i & 3];
}

// Takes whole frames off the front; returns the bytes taken, or -1 for a close. Fragments are not understood.
static ssize_t requests(struct connection *c, char *data, size_t length) {
    size_t at = 0;
    while (length - at >= 6) {
        unsigned char *head = (unsigned char *)data + at;
        size_t size = head[1] & 127, n = 2;
        int more = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (length - at < 6 + (size_t)more) break;
        if (more) for (size = 0; n < 2 + (size_t)more; n++) size = size << 8 | head[n];
        if (length - at - n - 4 < size) break;
        char *text = data + at + n + 4;
        unmask(text, size, text - 4);
        if ((head[0] & 15) == 8) return -1;
        if ((head[0] & 15) == 1) request(c, text, size);
        at += n + 4 + size;
    }
    return (ssize_t)at;
}

// ---- the handshake (RFC 6455, 4.2.2): SHA-1 (RFC 3174) of the key and a constant, in base64 ---------------------------

static uint32_t rotated(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

static void sha1_block(uint32_t state[5], const unsigned char *block) {
    uint32_t w[80], s[5];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++) w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20 ? ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999
                       : i < 40 ? (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1
                       : i < 60 ? ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdc
                                : (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6;
        uint32_t next = rotated(s[0], 5) + mixed + s[4] + w[i];
        s[4] = s[3], s[3] = s[2], s[2] = rotated(s[1], 30), s[1] = s[0], s[0] = next;
    }
    for (int i = 0; i < 5; i++) state[i] += s[i];
}

// Of 24 characters of key and 36 of the constant: with its padding, two blocks.
static void accept_of(const char *key, char *accept) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char text[128] = {0}, sum[21] = {0};
    memcpy(text, key, 24);
    memcpy(text + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    text[60] = 0x80;
    text[126] = 60 * 8 >> 8, text[127] = 60 * 8 & 255;
    sha1_block(state, text);
    sha1_block(state, text + 64);
    for (int i = 0; i < 20; i++) sum[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)sum[3 * i] << 16 | sum[3 * i + 1] << 8 | sum[3 * i + 2];
        for (int k = 0; k < 4; k++) accept[4 * i + k] = digits[three >> (18 - 6 * k) & 63];
    }
    accept[27] = '=', accept[28] = 0;
}

// Takes the request's head off the front; returns its length, 0 if it has not come whole, -1 if it is none.
static ssize_t handshake(struct connection *c, char *data, size_t length) {
    char *end = memmem(data, length, "\r\n\r\n", 4);
    if (!end) return 0;
    *end = 0;
    char *key = strcasestr(data, "\r\nSec-WebSocket-Key:");
    if (!key) return -1;
    key += 20;
    while (*key == ' ') key++;
    if (strcspn(key, "\r\n") != 24) return -1;
    char accept[32], answer[256];
    accept_of(key, accept);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    send_bytes(c, answer, (size_t)n);
    c->upgraded = true;
    return end + 4 - data;
}

// ---- connections -----------------------------------------------------------------------------------------------------

static void disconnect(struct connection *c) {
    for (size_t i = 0; i < c->topic_count; i++) unsubscribe(c, c->topics[i]);
    close(c->fd);
    release(&c->partial);
    release(&c->unsent);
    free(c->topics);
    free(c->ranges);
    free(c);
}

static void readable(struct connection *c) {
    inbox.length = 0;
    append(&inbox, c->partial.data, c->partial.length);
    ssize_t n = recv(c->fd, reserve(&inbox, READ), READ, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { disconnect(c); return; }
    inbox.length += (size_t)n;
    size_t taken = 0;
    if (!c->upgraded) {
        ssize_t head = handshake(c, inbox.data, inbox.length);
        if (head < 0) { disconnect(c); return; }
        taken = (size_t)head;
    }
    if (c->upgraded) {
        ssize_t frames = requests(c, inbox.data + taken, inbox.length - taken);
        if (acks.length) send_bytes(c, acks.data, acks.length);
        acks.length = 0;
        if (frames < 0) { send_bytes(c, "\x88\x02\x03\xe8", 4); disconnect(c); return; }
        taken += (size_t)frames;
    }
    c->partial.length = 0;
    if (taken < inbox.length) append(&c->partial, inbox.data + taken, inbox.length - taken);
    else release(&c->partial);
}

static void accept_one(int listener) {
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *c = checked(calloc(1, sizeof *c));
    c->fd = fd;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) { perror("listen"); exit(1); }
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "usage: floor PORT\n"); return 2; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(atoi(argv[1]));
    struct epoll_event door = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &door);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) { accept_one(listener); continue; }
            if (events[i].events & EPOLLOUT) writable(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
        }
        flush();
    }
}
