/* The command line, checked: one table says each option's name and kind.
 *
 * Invariant: what comes out can be run. Whatever cannot ends the program here, before anything is measured. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fatal.h"

#define COUNT_MOST 1000000000ull
#define SECONDS_MOST 86400.0
#define REPLY_PATTERN "reply (the pattern)"
#define ACK_PATTERN "ack"

static const struct {
    const char *name;
    enum mode mode;
} modes[] = {
    {"fanout", MODE_FANOUT}, {"idle", MODE_IDLE},     {"connect", MODE_CONNECT},
    {"resume", MODE_RESUME}, {"ingest", MODE_INGEST}, {"http-ingest", MODE_HTTP_INGEST},
};

enum kind {
    FLAG,
    WORD,
    COUNT,
    SIZE,
    NUMBER,
    SECONDS,
    MILLISECONDS,
    PORT,
    ONE_TEMPLATE,
    TEMPLATES,
    PID,
    REPLY,
    PATTERN,
};

#define AT(field) offsetof(struct options, field)

static const struct {
    const char *name;
    enum kind kind;
    size_t offset; /* of the field that it sets */
} table[] = {
    {"host", WORD, AT(host)},
    {"port", PORT, AT(port)},
    {"path", WORD, AT(path)},
    {"subprotocol", WORD, AT(subprotocol)},
    {"tcp", FLAG, AT(raw_tcp)},
    {"binary", FLAG, AT(binary)},
    {"source-addresses", FLAG, AT(source_addresses)},
    {"pid", PID, AT(pids)},
    {"subscribe", TEMPLATES, AT(subscribe)},
    {"publish-init", TEMPLATES, AT(publish_init)},
    {"publish", ONE_TEMPLATE, AT(publish)},
    {"request", ONE_TEMPLATE, AT(request)},
    {"body", ONE_TEMPLATE, AT(body)},
    {"replay", TEMPLATES, AT(replay)},
    {"unreplay", TEMPLATES, AT(unreplay)},
    {"reply", REPLY, AT(replies)},
    {"ack", PATTERN, AT(ack)},
    {"subscribers", COUNT, AT(subscribers)},
    {"connections", COUNT, AT(subscribers)},
    {"publishers", COUNT, AT(publishers)},
    {"topics", COUNT, AT(topics)},
    {"topics-per-subscriber", COUNT, AT(topics_per_subscriber)},
    {"members", FLAG, AT(members)},
    {"publications", COUNT, AT(publications)},
    {"publications-per-request", COUNT, AT(publications_per_request)},
    {"window", COUNT, AT(window)},
    {"payload", SIZE, AT(payload)},
    {"rate", NUMBER, AT(rate)},
    {"stuck", COUNT, AT(stuck)},
    {"slow", COUNT, AT(slow)},
    {"replaying", COUNT, AT(replaying)},
    {"replay-expect", COUNT, AT(replay_expect)},
    {"expect", COUNT, AT(expect)},
    {"parallel", COUNT, AT(parallel)},
    {"settle-ms", MILLISECONDS, AT(settle_ns)},
    {"max-seconds", SECONDS, AT(max_ns)},
    {"hold-seconds", SECONDS, AT(hold_ns)},
};

#define OPTION_COUNT (sizeof table / sizeof table[0])

/* ---- values ---- */

static uint64_t parse_count(const char *name, const char *text, uint64_t most) {
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number > most)
        fatal("--%s: '%s' is not a whole number from 0 to %lu", name, text, most);
    return number;
}

static double parse_number(const char *name, const char *text, double most) {
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < 0 || number > most)
        fatal("--%s: '%s' is not a number from 0 to %.0f", name, text, most);
    return number;
}

static void add_template(struct template_list *list, const char *name, const char *text) {
    if (list->count == TEMPLATES_MOST) fatal("--%s: more than %d", name, TEMPLATES_MOST);
    list->each[list->count++] = template_parse(text, name);
}

/* A text in which only those blanks make sense that are always the same: %n, %xHH, %%, %R{}, %H{} and %D{}. */
static void parse_pattern(const char *option, const char *text, struct bytes *out) {
    struct template *template = template_parse(text, option);
    for (const char *blank = "istp@L"; *blank != '\0'; blank++)
        if (template_has(template, *blank)) fatal("--%s cannot have the blank %%%c: '%s'", option, *blank, text);
    template_expand(template, &(struct template_values){0}, out);
    template_free(template);
    if (out->length == 0) fatal("--%s is empty", option);
}

static void add_reply(struct replies *replies, const char *text) {
    const char *equals = strchr(text, '=');
    if (equals == NULL) fatal("--reply: '%s' is not PATTERN=TEMPLATE", text);
    if (replies->count == REPLIES_MOST) fatal("--reply: more than %d", REPLIES_MOST);
    struct reply *reply = &replies->each[replies->count++];
    char *pattern = strndup(text, (size_t)(equals - text));
    parse_pattern(REPLY_PATTERN, pattern, &reply->beginning);
    free(pattern);
    reply->template = template_parse(equals + 1, "reply");
}

static void add_pid(struct options *options, const char *name, const char *text) {
    if (options->pid_count == PIDS_MOST) fatal("--%s: more than %d", name, PIDS_MOST);
    options->pids[options->pid_count++] = (pid_t)parse_count(name, text, INT32_MAX);
}

static void set(struct options *options, size_t index, const char *text) {
    const char *name = table[index].name;
    void *field = (char *)options + table[index].offset;
    switch (table[index].kind) {
    case FLAG: *(bool *)field = true; break;
    case WORD: *(const char **)field = text; break;
    case COUNT: *(uint64_t *)field = parse_count(name, text, COUNT_MOST); break;
    case SIZE: *(size_t *)field = parse_count(name, text, COUNT_MOST); break;
    case NUMBER: *(double *)field = parse_number(name, text, (double)COUNT_MOST); break;
    case SECONDS: *(uint64_t *)field = (uint64_t)(parse_number(name, text, SECONDS_MOST) * NS_PER_S); break;
    case MILLISECONDS: *(uint64_t *)field = parse_count(name, text, COUNT_MOST) * NS_PER_MS; break;
    case PORT: *(uint16_t *)field = (uint16_t)parse_count(name, text, UINT16_MAX); break;
    case ONE_TEMPLATE:
        template_free(*(struct template **)field);
        *(struct template **)field = template_parse(text, name);
        break;
    case TEMPLATES: add_template(field, name, text); break;
    case PID: add_pid(options, name, text); break;
    case REPLY: add_reply(field, text); break;
    case PATTERN: parse_pattern(ACK_PATTERN, text, field); break;
    }
}

/* ---- what belongs together ---- */

static void need(bool given, const struct options *options, const char *what) {
    if (!given) fatal("%s needs %s", options->mode_name, what);
}

static void check_fanout(const struct options *options) {
    need(options->publish != NULL, options, "--publish TEMPLATE");
    need(options->members || options->publishers > 0, options, "--publishers of at least 1, or --members");
    bool can_replay = options->replay.count > 0 && options->unreplay.count > 0 && options->replay_expect > 0;
    need(options->replaying == 0 || can_replay, options,
         "--replay, --unreplay and --replay-expect for those --replaying");
}

static void check(const struct options *options) {
    need(options->port > 0, options, "--port");
    need(options->subscribers > 0, options, "--subscribers (--connections) of at least 1");
    need(options->topics > 0, options, "--topics of at least 1");
    need(options->topics_per_subscriber > 0 && options->topics_per_subscriber <= options->topics, options,
         "--topics-per-subscriber from 1 to --topics");
    need(options->window > 0, options, "--window of at least 1");
    switch (options->mode) {
    case MODE_FANOUT: check_fanout(options); break;
    case MODE_IDLE: need(options->hold_ns > 0, options, "--hold-seconds above 0"); break;
    case MODE_CONNECT: break;
    case MODE_RESUME: need(options->expect > 0, options, "--expect MARKERS of at least 1"); break;
    case MODE_INGEST:
        need(options->publish != NULL, options, "--publish TEMPLATE");
        need(options->ack.length > 0, options, "--ack PATTERN");
        need(options->publishers > 0, options, "--publishers of at least 1");
        break;
    case MODE_HTTP_INGEST:
        need(options->request != NULL, options, "--request TEMPLATE");
        need(options->publishers > 0, options, "--publishers of at least 1");
        break;
    }
}

static void set_mode(struct options *options, const char *name) {
    for (size_t i = 0; name != NULL && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, name) == 0) {
            options->mode = modes[i].mode;
            options->mode_name = modes[i].name;
            return;
        }
    }
    fatal("usage: load fanout|idle|connect|resume|ingest|http-ingest --port N [options]; "
          "benchmarks/load/README.md lists them");
}

static void set_defaults(struct options *options) {
    *options = (struct options){
        .host = "127.0.0.1",
        .path = "/ws",
        .subscribers = 100,
        .publishers = 1,
        .topics = 1,
        .topics_per_subscriber = 1,
        .publications = 1000,
        .publications_per_request = 1,
        .window = 1,
        .payload = 100,
        .settle_ns = 300 * NS_PER_MS,
        .max_ns = 30 * NS_PER_S,
        .hold_ns = 5 * NS_PER_S,
    };
}

void options_parse(struct options *options, int argc, char **argv) {
    struct option names[OPTION_COUNT + 1] = {0};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = (struct option){table[i].name, table[i].kind == FLAG ? no_argument : required_argument, NULL, 0};
    set_defaults(options);
    set_mode(options, argc > 1 ? argv[1] : NULL);
    opterr = 0; /* said below, in one line */
    optind = 2;
    int index, result;
    while ((result = getopt_long(argc, argv, "", names, &index)) != -1) {
        if (result == ':' || result == '?') fatal("'%s' is no option, or has no value", argv[optind - 1]);
        set(options, (size_t)index, optarg);
    }
    if (optind < argc) fatal("'%s' belongs to no option", argv[optind]);
    check(options);
}

static void free_list(struct template_list *list) {
    for (unsigned i = 0; i < list->count; i++) template_free(list->each[i]);
}

void options_free(struct options *options) {
    free_list(&options->subscribe);
    free_list(&options->publish_init);
    free_list(&options->replay);
    free_list(&options->unreplay);
    template_free(options->publish);
    template_free(options->request);
    template_free(options->body);
    for (unsigned i = 0; i < options->replies.count; i++) {
        bytes_free(&options->replies.each[i].beginning);
        template_free(options->replies.each[i].template);
    }
    bytes_free(&options->ack);
}
