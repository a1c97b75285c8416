"""Books that do not balance, counters that shrink, and counts that are not what the clients saw, are found."""

from typing import Any

import pytest

from tests.nemesis.oracle import Oracle
from tests.nemesis.talk import CALM, FLEETING, LOYAL, WILD, Talk, new_oracle

PLANS = (WILD, CALM, LOYAL, FLEETING)
COUNTS = ("enqueued", "delivered", "dropped", "discarded", "pending")


def topic(plan: Any, **counts: Any) -> dict[str, Any]:
    found = {
        "name": plan.name, "epoch": plan.name, "seq": 0, "subscribers": 0, "lagging": 0, "retained": 0,
        "ring_buffer_size": plan.ring, "policy": plan.policy, "buffer": plan.buffer, **dict.fromkeys(COUNTS, 0),
    } | counts  # fmt: skip
    return found | {"published": found["seq"], "messages": found["seq"]} | counts


def stats(totals: dict[str, Any] | None = None, **topics: dict[str, Any]) -> dict[str, Any]:
    """Of the four topics; the totals are theirs, but for what is said."""
    each = {plan.name: topic(plan, **topics.get(plan.name, {})) for plan in PLANS}
    keys = ("messages", "published", "subscribers", "lagging", *COUNTS)
    sums: dict[str, Any] = {key: sum(counts[key] for counts in each.values()) for key in keys}
    sums |= {"connections": 2, "connections_total": 2, "bytes_sent": 0, "bytes_received": 0, "evicted": 0}
    return {"global": sums | {"closes": {}, "errors": {}, "refusals": {}} | (totals or {}), "topics": each}


def oracle_with(published: int) -> Oracle:
    oracle = new_oracle()
    Talk(oracle, "writer").publishes(published)
    return oracle


GOOD = {
    "seq": 3,
    "subscribers": 2,
    "lagging": 1,
    "retained": 3,
    "enqueued": 6,
    "delivered": 4,
    "dropped": 1,
    "pending": 1,
}


def test_books_that_balance_are_passed() -> None:
    books = oracle_with(3).books
    assert list(books.scraped_stats(stats(wild=GOOD), books.known())) == []


@pytest.mark.parametrize(
    ("totals", "wild", "found"),
    [
        ({}, GOOD | {"delivered": 3}, "the books of wild do not balance"),
        ({"pending": 2}, GOOD, "the books of all topics do not balance"),
        ({}, GOOD | {"pending": -1, "delivered": 6}, "impossible counts of wild"),
        ({}, GOOD | {"lagging": 3}, "impossible counts of wild"),
        ({"subscribers": 1}, GOOD, "subscribers of all topics is 1, of those that there are 2"),
        ({"enqueued": 5, "delivered": 3}, GOOD, "enqueued of all topics is 5, of those that there are 6"),
        ({}, GOOD | {"published": 4}, "wild published 4 and is at seq 3"),
        ({}, GOOD | {"retained": 4, "seq": 4}, "wild retains 4 of 4, and can have 3 at most"),
        ({}, GOOD | {"policy": "LATEST"}, "wild was made otherwise"),
        ({}, GOOD | {"seq": 2}, "wild is at seq 2; 3 was acknowledged and 3 published"),
        ({}, GOOD | {"seq": 4}, "wild is at seq 4; 3 was acknowledged and 3 published"),
    ],
)
def test_a_scrape_that_cannot_be_is_found(totals: dict[str, Any], wild: dict[str, Any], found: str) -> None:
    books = oracle_with(3).books
    assert found in "\n".join(books.scraped_stats(stats(totals, wild=wild), books.known()))


def test_a_ring_that_is_bound_by_bytes_keeps_no_more() -> None:
    oracle = new_oracle(retained=2)
    Talk(oracle, "writer").publishes(3)
    assert "wild retains 3 of 3, and can have 2 at most" in "".join(
        oracle.books.scraped_stats(stats(wild=GOOD), oracle.books.known())
    )


@pytest.mark.parametrize(
    ("totals", "wild", "found"),
    [
        ({}, GOOD | {"delivered": 5, "pending": 0}, ""),
        ({}, GOOD | {"delivered": 3, "pending": 2}, "delivered of wild shrinks from 4 to 3"),
        ({}, GOOD | {"delivered": 3, "pending": 2}, "delivered of all topics shrinks from 4 to 3"),
        ({"bytes_sent": 7}, GOOD, "bytes_sent of all topics shrinks from 9 to 7"),
        ({"closes": {}}, GOOD, "slow_consumer of closes shrinks from 1 to None"),
    ],
)
def test_a_counter_that_shrinks_is_found(totals: dict[str, Any], wild: dict[str, Any], found: str) -> None:
    books = oracle_with(3).books
    before = {"bytes_sent": 9, "closes": {"slow_consumer": 1}}
    assert list(books.scraped_stats(stats(before, wild=GOOD), books.known())) == []
    text = "\n".join(books.scraped_stats(stats(before | totals, wild=wild), books.known()))
    assert found in text
    assert bool(text) is bool(found)


def metrics(sent: float = 4, topic_sent: float = 4, label: str = "wild") -> dict[tuple[str, str], float]:
    rest = {
        "events_enqueued_total": 6,
        "events_dropped_total": 1,
        "events_discarded_on_close_total": 0,
        "events_pending": 1,
    }
    found: dict[tuple[str, str], float] = {(name, ""): value for name, value in rest.items()}
    found |= {(f"topic_{name}", label): value for name, value in rest.items()}
    return found | {("events_sent_total", ""): sent, ("topic_events_sent_total", label): topic_sent}


def test_metrics_that_do_not_balance_are_found() -> None:
    books = new_oracle().books
    assert list(books.scraped_metrics(metrics())) == []
    assert "the metrics of all topics do not balance" in "".join(books.scraped_metrics(metrics(sent=5)))
    assert "the metrics of wild do not balance" in "".join(books.scraped_metrics(metrics(topic_sent=5)))


def test_a_metric_that_shrinks_is_found_unless_its_topic_went() -> None:
    books = new_oracle().books
    assert list(books.scraped_metrics(metrics() | {("bytes_sent_total", ""): 5.0})) == []
    assert list(books.scraped_metrics(metrics() | {("bytes_sent_total", ""): 4.0})) == [
        "bytes_sent_total  shrinks from 5.0 to 4.0"
    ]
    assert any(
        "topic_events_sent_total wild shrinks" in fault for fault in books.scraped_metrics(metrics(label="calm"))
    )
    oracle = new_oracle()
    assert list(oracle.books.scraped_metrics(metrics(label="fleeting"))) == []
    oracle.ledger.deleting("fleeting")
    assert list(oracle.books.scraped_metrics(metrics())) == []


# -- what the clients saw


def verdict(wild: dict[str, Any], totals: dict[str, Any] | None = None, *, notices: int = 1, ended: str = "") -> str:
    """A reader of `wild` got 1 and 2, was told of 3 to 5, and got 6. It is still there, or has left and read all
    (`whole`) or not (`cut`).
    """
    oracle = new_oracle()
    writer, reader = Talk(oracle, "writer"), Talk(oracle, "reader")
    reader.joins(0)
    writer.publishes(8)
    reader.reads(1, 2)
    reader.dropped(3, 5)
    reader.reads(6, 8)
    reader.ping()
    reader.pong()
    if ended:
        reader.conversation.closing(1000, "")
        reader.conversation.ended(whole=ended == "whole", expected=True)
    assert oracle.findings == []
    samples = {("dropped_notices_total", ""): float(notices)}
    return "\n".join(oracle.books.verify(stats(totals, wild=SEEN | wild), samples, oracle.conversations))


SEEN = {"seq": 8, "subscribers": 1, "enqueued": 8, "delivered": 5, "dropped": 3}
LEFT = {"subscribers": 0}


@pytest.mark.parametrize(
    ("ended", "wild", "totals"),
    [
        ("", {}, {}),
        ("whole", LEFT, {"connections": 1}),
        ("cut", LEFT | {"delivered": 6, "enqueued": 8, "dropped": 2 + 1}, {"connections": 1}),
    ],
)
def test_counts_that_the_clients_saw_are_passed(ended: str, wild: dict[str, Any], totals: dict[str, Any]) -> None:
    assert verdict(wild, totals, ended=ended) == ""


@pytest.mark.parametrize(
    ("ended", "wild", "totals", "found"),
    [
        ("", {"pending": 1}, {}, "something is pending or lagging in wild"),
        ("", {"delivered": 6}, {}, "wild: events delivered: 6 are counted, and 5 came"),
        ("", {"delivered": 4}, {}, "wild: events delivered: 4 are counted, and 5 came"),
        ("", {"dropped": 4}, {}, "wild: events dropped: 4 are counted, and 3 came"),
        ("", {"discarded": 1}, {}, "wild: 1 events were discarded, and nobody left"),
        ("", {"enqueued": 9}, {}, "wild: 9 events were due; by the clients from 8 to 8"),
        ("", {"subscribers": 2}, {}, "wild: 2 subscriptions are counted, and there are 1"),
        ("", {}, {"delivered": 6}, "events delivered: 6 are counted, and 5 came"),
        ("", {}, {"errors": {"BAD_REQUEST": 1}}, "BAD_REQUEST replies: 1 are counted, and 0 came"),
        ("", {}, {"connections": 3}, "3 connections are counted, and 2 are open"),
        ("", {}, {"connections_total": 3}, "3 connections are counted in all, and there were 2"),
        ("", {}, {"published": 9}, "9 publications are counted; 8 were acknowledged of 8"),
        ("", {}, {"published": 7}, "7 publications are counted; 8 were acknowledged of 8"),
        ("whole", LEFT | {"delivered": 6}, {"connections": 1}, "wild: events delivered: 6 are counted, and 5 came"),
        ("cut", LEFT | {"delivered": 4}, {"connections": 1}, "wild: events delivered: 4 are counted, and 5 came"),
    ],
)
def test_counts_that_nobody_saw_are_found(ended: str, wild: dict[str, Any], totals: dict[str, Any], found: str) -> None:
    assert found in verdict(wild, totals, ended=ended)


def test_notices_are_counted() -> None:
    assert verdict({}, notices=2) == "notices: 2 are counted, and 1 came"
    assert verdict({}, notices=0) == "notices: 0 are counted, and 1 came"
