import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.bench.tally import Accounts, BySecond, Parcel, Tally, note, pack, unpack


def test_a_clean_run_has_lost_nothing() -> None:
    assert Accounts(published=10, acknowledged=10, expected=30, delivered=30).losses() == []


@pytest.mark.parametrize(
    ("accounts", "losses"),
    [
        (Accounts(published=3, acknowledged=1), ["2 publications were never answered"]),
        (Accounts(published=1, errors={"E no": 1}), ["1 publication was refused: E no"]),
        (
            Accounts(published=1, acknowledged=1, expected=9, delivered=2, dropped=7, notices=1),
            ["7 deliveries were dropped, as 1 notice said"],
        ),
        (
            Accounts(published=1, acknowledged=1, expected=9, delivered=7, dropped=1, notices=1),
            ["1 delivery was dropped, as 1 notice said", "1 delivery was missing, and nothing said so"],
        ),
        (
            Accounts(published=1, acknowledged=1, expected=9, delivered=7, closes={"4008 slow_consumer": 2}),
            ["2 deliveries were missing", "2 connections were lost: 4008 slow_consumer"],
        ),
        (
            Accounts(published=1, acknowledged=1, expected=9, delivered=11),
            ["2 deliveries more than was published"],
        ),
        (Accounts(strange={"an ack": 1}), ["1 message that nobody asked for: an ack"]),
    ],
)
def test_what_was_lost_is_said(accounts: Accounts, losses: list[str]) -> None:
    assert accounts.losses() == losses


def test_what_is_not_answered_may_be_delivered_or_not() -> None:
    for delivered in (9, 10, 12):
        accounts = Accounts(published=4, acknowledged=3, expected=9, delivered=delivered, due_of_unanswered=3)
        assert accounts.losses() == ["1 publication was never answered"]


@given(st.lists(st.tuples(*[st.integers(0, 20)] * 3), min_size=1))
def test_every_publication_and_every_delivery_is_accounted_for(parts: list[tuple[int, int, int]]) -> None:
    whole = Accounts()
    for acked, refused, lost in parts:
        whole.merge(
            Accounts(
                published=acked + refused + lost,
                acknowledged=acked,
                expected=3 * acked,
                delivered=2 * acked,
                dropped=acked // 2,
                errors={"E": refused} if refused else {},
            )
        )
    assert whole.published == whole.acknowledged + whole.refused + whole.unanswered
    assert whole.expected == whole.delivered + whole.dropped + whole.missing
    assert bool(whole.losses()) == any(acked or refused or lost for acked, refused, lost in parts)


def test_reasons_are_not_told_apart_without_end() -> None:
    counts: dict[str, int] = {}
    for number in range(100):
        note(counts, f"reason {number}")
    assert len(counts) == 9
    assert counts["others"] == 92


def test_counts_by_second_have_a_zero_where_nothing_happened() -> None:
    found = BySecond()
    for second, count in ((-1, 5), (0, 1), (3, 2), (3, 2)):
        found.add(second, count)
    assert found.counts == [1, 0, 0, 4]
    assert found.full(2.9) == [1, 0]
    assert found.full(6.0) == [1, 0, 0, 4, 0, 0]
    other = BySecond([0, 7])
    other.merge(found)
    assert other.counts == [1, 7, 0, 4]


def tally() -> Tally:
    found = Tally(accounts=Accounts(published=2, errors={"E": 1}), measured_published=2, bytes_received=7, not_sent=1)
    found.delivery.record([10, 20])
    found.published.add(1, 2)
    found.measured_from, found.published_until, found.arrived_last = 10**9, 3 * 10**9, 4 * 10**9
    found.cpu_share, found.busy_share = 0.25, 0.5
    return found


def test_a_tally_is_the_same_on_the_other_side_of_a_pipe() -> None:
    parcel = pack(tally())
    again = unpack(msgspec.json.decode(msgspec.json.encode(parcel), type=Parcel))
    assert pack(again) == parcel
    assert again.delivery.max == 20


def test_tallies_add_up_and_the_busiest_process_counts() -> None:
    whole, quiet = tally(), tally()
    quiet.cpu_share, quiet.busy_share, quiet.arrived_last = 0.1, 0.2, 5 * 10**9
    whole.merge(quiet)
    assert (whole.accounts.published, whole.accounts.errors) == (4, {"E": 2})
    assert (whole.measured_published, whole.delivery.count, whole.published.counts, whole.not_sent) == (4, 4, [0, 4], 2)
    assert (whole.cpu_share, whole.busy_share) == (0.25, 0.5)
    assert (whole.publishing_seconds, whole.seconds) == (2.0, 4.0)


def test_a_load_that_did_not_come_to_measuring_took_no_time() -> None:
    assert (Tally(measured_from=5).seconds, Tally(measured_from=5).publishing_seconds) == (0.0, 0.0)
