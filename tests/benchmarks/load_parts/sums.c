/* What is computed: percentiles, what is outstanding, tallies and plans, against slow and plain ways to know them. */
#include "parts.h"

#include <stdlib.h>
#include <string.h>

#include "counting.h"
#include "latency.h"
#include "plan.h"

static void test_a_bucket_is_narrower_than_one_percent(void) {
    static struct latency latency;
    for (uint64_t value = 1; value < 1ull << 40; value += 1 + value / 211) {
        memset(&latency, 0, sizeof latency);
        latency_add(&latency, value);
        latency_add(&latency, 1ull << 50); /* or the maximum would be the answer */
        uint64_t said = latency_percentile(&latency, 50);
        CHECK(said >= value);
        CHECK((said - value) * 100 < value || said == value);
        CHECK(latency.max_ns == 1ull << 50);
    }
}

static void test_buckets_follow_each_other(void) {
    for (unsigned i = 1; i < LATENCY_BUCKETS; i++) CHECK(latency_bucket_end(i) > latency_bucket_end(i - 1));
}

static int by_size(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void test_percentiles_are_those_of_the_sorted_values(void) {
    static struct latency latency;
    static uint64_t values[10000];
    static const struct {
        double percent;
        unsigned rank;
    } cases[] = {{0, 1}, {50, 5000}, {90, 9000}, {99, 9900}, {99.9, 9990}, {100, 10000}};
    memset(&latency, 0, sizeof latency);
    for (unsigned i = 0; i < 10000; i++) {
        values[i] = 1 + random_below(1ull << (1 + random_below(39)));
        latency_add(&latency, values[i]);
    }
    qsort(values, 10000, sizeof values[0], by_size);
    CHECK(latency.count == 10000);
    CHECK(latency.max_ns == values[9999]);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t exact = values[cases[i].rank - 1], said = latency_percentile(&latency, cases[i].percent);
        CHECK(said >= exact);
        CHECK((said - exact) * 100 < exact || said == exact);
    }
}

static void test_values_beyond_the_range_are_kept(void) {
    static struct latency latency;
    latency_add(&latency, 0);
    latency_add(&latency, UINT64_MAX);
    CHECK(latency_percentile(&latency, 50) == 0);
    CHECK(latency_percentile(&latency, 100) == UINT64_MAX);
    CHECK(latency.counts[LATENCY_BUCKETS - 1] == 1);
}

#define MODEL 500

static void test_what_is_outstanding_is_what_a_plain_array_says(void) {
    static uint64_t markers[MODEL], due[MODEL];
    struct outstanding outstanding;
    uint64_t last = 0;
    outstanding_make(&outstanding);
    for (unsigned step = 0; step < 200000; step++) {
        unsigned i = (unsigned)random_below(MODEL);
        if (due[i] == 0 && random_below(3) == 0) {
            markers[i] = marker_at(&last, random_below(1000000));
            due[i] = random_below(4);
            outstanding_add(&outstanding, markers[i], due[i]);
        } else {
            CHECK(outstanding_deliver(&outstanding, markers[i]) == (due[i] > 0));
            if (due[i] > 0) due[i]--;
        }
        if (step % 1000 == 0) {
            size_t count = 0;
            for (unsigned j = 0; j < MODEL; j++) count += due[j] > 0;
            CHECK(outstanding.count == count);
        }
    }
    CHECK(!outstanding_deliver(&outstanding, 0));
    outstanding_free(&outstanding);
}

static void test_markers_are_never_the_same(void) {
    uint64_t last = 0;
    CHECK(marker_at(&last, 100) == 100);
    CHECK(marker_at(&last, 100) == 101);
    CHECK(marker_at(&last, 50) == 102);
    CHECK(marker_at(&last, 200) == 200);
}

static void test_a_tally_tells_sets_apart_and_not_orders(void) {
    struct tally due = {0}, other_order = {0}, one_twice = {0}, one_less = {0}, shifted = {0};
    for (uint64_t marker = 1000; marker < 1100; marker++) tally_add(&due, marker);
    for (uint64_t marker = 1100; marker-- > 1000;) tally_add(&other_order, marker);
    for (uint64_t marker = 1000; marker < 1099; marker++) {
        tally_add(&one_twice, marker);
        tally_add(&one_less, marker);
    }
    tally_add(&one_twice, 1000);
    /* The same sum of plain markers: 1000 + 1003 instead of 1001 + 1002. */
    tally_add_all(&shifted, &due);
    shifted.count -= 4;
    struct tally four = {0}, instead = {0};
    for (uint64_t marker = 1000; marker < 1004; marker++) tally_add(&four, marker);
    tally_add(&instead, 1000);
    tally_add(&instead, 1000);
    tally_add(&instead, 1003);
    tally_add(&instead, 1003);
    shifted.set -= four.set;
    tally_add_all(&shifted, &instead);
    CHECK(tally_equal(&due, &other_order));
    CHECK(!tally_equal(&due, &one_twice));
    CHECK(!tally_equal(&due, &one_less));
    CHECK(shifted.count == due.count && !tally_equal(&due, &shifted));
}

static bool is_subscribed(const struct plan *plan, uint64_t subscriber, uint64_t topic) {
    for (uint64_t nth = 0; nth < plan->topics_per_subscriber; nth++)
        if (plan_topic(plan, subscriber, nth) == topic) return true;
    return false;
}

static void check_plan(const struct options *options) {
    struct plan plan;
    uint64_t due = 0, due_by_subscriber = 0;
    plan_make(&plan, options);
    for (uint64_t n = 0; n < plan.publications; n++) {
        struct planned planned = plan_publication(&plan, n);
        CHECK(planned.topic < plan.topics);
        CHECK(planned.publisher < (plan.members ? plan.subscribers : plan.publishers));
        if (plan.members) CHECK(is_subscribed(&plan, planned.publisher, planned.topic));
        for (uint64_t i = 0; i < plan.subscribers; i++) due += is_subscribed(&plan, i, planned.topic);
    }
    for (uint64_t i = 0; i < plan.subscribers; i++) due_by_subscriber += plan_deliveries_to(&plan, i);
    CHECK(plan_deliveries(&plan) == due);
    CHECK(due_by_subscriber == due);
    plan_free(&plan);
}

static void test_a_plan_is_what_its_publications_are(void) {
    for (unsigned i = 0; i < 200; i++) {
        struct options options = {
            .subscribers = 1 + random_below(20),
            .publishers = 1 + random_below(5),
            .topics = 1 + random_below(10),
            .publications = random_below(100),
            .members = random_below(2),
        };
        options.topics_per_subscriber = 1 + random_below(options.topics);
        check_plan(&options);
    }
}

void test_sums(void) {
    test_a_bucket_is_narrower_than_one_percent();
    test_buckets_follow_each_other();
    test_percentiles_are_those_of_the_sorted_values();
    test_values_beyond_the_range_are_kept();
    test_what_is_outstanding_is_what_a_plain_array_says();
    test_markers_are_never_the_same();
    test_a_tally_tells_sets_apart_and_not_orders();
    test_a_plan_is_what_its_publications_are();
}
