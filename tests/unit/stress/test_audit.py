import pytest

from inmem_pubsub.stress.audit import Findings, Ledger, Stream, percentile
from inmem_pubsub.stress.replies import Ack, Dropped, Event, Message, TopicDeleted

TS = "2025-08-25T10:00:00.000Z"


class Books:
    """A topic with `count` publications of one publisher, all acknowledged, and a subscriber at its start."""

    def __init__(self, count: int) -> None:
        self.findings = Findings()
        self.ledger = Ledger("t", self.findings)
        self.stream = Stream("s", self.ledger, 0, "e")
        for seq in range(1, count + 1):
            self.ledger.acknowledge(ack(self.ledger.record(1, {"sent_ns": seq}), seq))

    def take(self, *seqs: int) -> None:
        for seq in seqs:
            self.stream.take(event(seq), now_ns=1000 + seq)

    def drop(self, first: int, last: int, count: int | None = None, epoch: str = "e") -> None:
        notice = Dropped("t", epoch, first, last, last - first + 1 if count is None else count, TS)
        self.stream.take(notice, now_ns=0)


def ack(request: str | None, seq: int, topic: str = "t", status: str = "ok") -> Ack:
    return Ack(topic, status, TS, seq, request)


def event(seq: int, message_id: str | None = None, topic: str = "t") -> Event:
    return Event(topic, Message(message_id or f"1-{seq}", {"sent_ns": seq}), seq, TS)


def test_a_stream_that_is_whole_leaves_no_finding() -> None:
    books = Books(3)
    books.take(1, 2, 3)
    books.stream.take(TopicDeleted("t", "e", TS), now_ns=0)
    books.ledger.verify([books.stream])
    assert books.findings.lines == ()
    assert (books.stream.events, books.stream.position, books.stream.ended) == (3, 3, True)
    assert books.stream.latencies_ns == [1000, 1000, 1000]
    assert repr(books.stream) == "<Stream 's' seq=3 events=3 dropped=0>"
    assert repr(books.ledger) == "<Ledger 't' sent=3 acked=3>"


@pytest.mark.parametrize(
    ("seqs", "reasons"),
    [
        ((1, 3), ["seq 2 never came"]),
        ((4,), ["seq 1 to 3 never came"]),
        ((1, 1), ["seq 1 came again, or out of order: seq 1 was there before"]),
        ((2, 1), ["seq 1 never came", "seq 1 came again, or out of order: seq 2 was there before"]),
        ((1, 3, 4), ["seq 2 never came"]),
    ],
)
def test_a_hole_or_a_repeat_is_told_once(seqs: tuple[int, ...], reasons: list[str]) -> None:
    books = Books(4)
    books.take(*seqs)
    assert list(books.findings.lines) == [f"s: {reason}" for reason in reasons]


def test_a_notice_fills_the_hole_where_one_may_come() -> None:
    books = Books(6)
    books.stream.may_drop = True
    books.take(1, 2)
    books.drop(3, 5)
    books.take(6)
    books.ledger.verify([books.stream])
    assert not books.findings
    assert (books.stream.events, books.stream.dropped, books.stream.position) == (3, 3, 6)


def test_a_notice_is_a_finding_where_none_may_come() -> None:
    books = Books(2)
    books.drop(1, 2)
    assert books.findings.lines == ("s: seq 1 to 2 was dropped, though it was read all the time",)
    assert books.stream.position == 2


@pytest.mark.parametrize(("first", "last", "count"), [(1, 3, 2), (1, 3, 4), (3, 2, 0), (3, 1, -1)])
def test_a_notice_that_does_not_add_up_is_a_finding(first: int, last: int, count: int) -> None:
    books = Books(3)
    books.stream.may_drop = True
    books.drop(first, last, count)
    assert books.findings.lines == (f"s: a notice of {count} dropped from seq {first} to {last}",)


def test_another_epoch_or_topic_is_a_finding() -> None:
    books = Books(3)
    books.drop(1, 1, epoch="f")
    books.stream.take(TopicDeleted("t", "f", TS), now_ns=0)
    books.stream.take(event(1, topic="u"), now_ns=0)
    assert books.findings.lines == (
        "s: epoch 'f' in the middle of epoch 'e'",
        "s: epoch 'f' in the middle of epoch 'e'",
        "s: got something of the topic 'u'",
    )
    assert not books.stream.ended


def test_content_that_differs_and_content_of_nobody_are_told_apart() -> None:
    books = Books(2)
    books.stream.take(Event("t", Message("1-1", {"sent_ns": 99}), 1, TS), now_ns=0)
    books.stream.take(event(2, "9-9"), now_ns=0)
    assert books.findings.lines == (
        "s: the content of seq 1 (1-1) is not what was published",
        "s: seq 2 is '9-9', which nobody published",
    )
    assert books.stream.latencies_ns == []


def test_an_event_under_a_number_that_another_was_given_is_a_finding() -> None:
    books = Books(2)
    books.stream.take(Event("t", Message("1-2", {"sent_ns": 2}), 1, TS), now_ns=0)
    books.ledger.verify([books.stream])
    assert books.findings.lines == ("s: seq 1 is 1-2, but was acknowledged as 1-1",)


def test_only_live_events_have_a_latency() -> None:
    books = Books(3)
    books.stream.live_after = 2
    books.take(1, 2, 3)
    assert books.stream.latencies_ns == [1000]


def test_publishers_have_numbers_of_their_own() -> None:
    ledger = Ledger("t", Findings())
    assert [ledger.record(publisher, {}) for publisher in (1, 2, 1)] == ["1-1", "2-1", "1-2"]
    assert (ledger.sent, ledger.unanswered, ledger.count_of(1), ledger.count_of(3)) == (3, 3, 2, 0)


def test_an_ack_is_good_once() -> None:
    books = Books(1)
    assert not books.ledger.acknowledge(ack("1-1", 1))
    assert not books.ledger.acknowledge(ack("1-9", 2))
    assert not books.ledger.acknowledge(ack(None, 2))
    assert books.findings.lines == (
        "a second ack for 1-1",
        "an ack for '1-9', which nobody published",
        "an ack for None, which nobody published",
    )


@pytest.mark.parametrize(
    ("acks", "reason"),
    [
        ((ack("1-1", 1), ack("1-2", 1)), "seq 1 was acknowledged to both 1-1 and 1-2"),
        ((ack("1-1", 2), ack("1-2", 1)), "publisher 1 got seq 1 after seq 2"),
        ((ack("1-1", 1, status="late"),), "the ack for 1-1 has status 'late' and topic 't'"),
        ((ack("1-1", 1, topic="u"),), "the ack for 1-1 has status 'ok' and topic 'u'"),
    ],
)
def test_a_wrong_ack_is_a_finding(acks: tuple[Ack, ...], reason: str) -> None:
    ledger = Ledger("t", Findings())
    for _ in acks:
        ledger.record(1, {})
    assert all(ledger.acknowledge(one) for one in acks)
    assert ledger.findings.lines[0] == reason


@pytest.mark.parametrize(
    ("seqs", "reason"),
    [
        ((1,), "1 of 2 publishes without an ack"),
        ((1, 3), "2 publishes were acknowledged with other numbers than 1 to 2"),
        ((0, 1), "2 publishes were acknowledged with other numbers than 1 to 2"),
    ],
)
def test_the_numbers_of_all_acks_have_no_hole(seqs: tuple[int, ...], reason: str) -> None:
    ledger = Ledger("t", Findings())
    requests = [ledger.record(publisher, {}) for publisher in (1, 2)]
    for request, seq in zip(requests, seqs, strict=False):
        ledger.acknowledge(ack(request, seq))
    ledger.verify([])
    assert ledger.findings.lines[-1] == reason


def test_findings_tell_five_and_count_the_rest() -> None:
    findings = Findings()
    assert not findings
    for i in range(8):
        findings.add(f"no {i}")
    assert findings
    assert findings.lines == ("no 0", "no 1", "no 2", "no 3", "no 4", "and 3 more findings")


@pytest.mark.parametrize(
    ("count", "percent", "expected"),
    [(1, 50, 1), (1, 99, 1), (2, 50, 1), (100, 50, 50), (100, 99, 99), (1000, 99, 990)],
)
def test_a_percentile_is_the_nearest_rank(count: int, percent: float, expected: int) -> None:
    assert percentile(list(range(1, count + 1)), percent) == expected
