import json
from dataclasses import replace
from typing import Any

import pytest

from inmem_pubsub.bench.report import Rate, error_to_json, to_json
from inmem_pubsub.bench.shape import Shape
from inmem_pubsub.bench.usage import Server
from tests.unit.bench.samples import CLOSED, OPEN, bad, good, good_tally, nothing


def document(text: str) -> Any:
    return json.loads(text)


def test_rates_are_over_the_time_until_the_last_arrival_and_of_whole_seconds() -> None:
    assert good().rates() == {
        "published": Rate(1000, 400.0, 380, 390.0, 400),
        "acknowledged": Rate(1000, 400.0, 380, 390.0, 400),
        "delivered": Rate(2000, 800.0, 760, 780.0, 800),
    }


def test_a_run_of_less_than_a_second_has_no_seconds() -> None:
    tally = good_tally()
    tally.published_until = tally.arrived_last = tally.measured_from + 10**8
    assert replace(good(), tally=tally).rates()["published"] == Rate(1000, 10_000.0, None, None, None)


def test_lateness_is_told_of_an_open_loop() -> None:
    assert list(good().latencies()) == ["ack", "delivery", "sent late"]
    assert list(good(CLOSED).latencies()) == ["ack", "delivery"]
    assert nothing().latencies() == {}


def test_a_clean_run_is_ok() -> None:
    assert good().ok
    assert good().verdict == "ok: all of 2,000 deliveries came"


def test_a_run_without_subscribers_is_about_acks() -> None:
    tally = good_tally()
    tally.accounts.expected = tally.accounts.delivered = 0
    assert replace(good(), tally=tally).verdict == "ok: all of 1,000 publications were acknowledged"


def test_a_run_that_lost_something_says_what_and_cannot_steer_a_terminal() -> None:
    assert bad().reasons == [
        "3 publications were refused: LIMIT_EXCEEDED no\\x1b[2Jmore",
        "7 publications were never answered",
        "900 deliveries were dropped, as 4 notices said",
        "80 deliveries were missing",
        "2 messages that nobody asked for: an ack",
        "1 connection was lost: 4008 slow_consumer",
    ]
    assert not bad().ok
    assert bad().verdict == "FAILED: 1,000 of 1,980 deliveries came"


def test_a_run_in_which_nothing_was_measured_is_no_success() -> None:
    assert nothing().reasons == ["nothing was published in the time that was measured"]
    assert replace(nothing(), interrupted=True).reasons == []


def test_a_stall_and_what_the_server_did_at_its_end_are_reasons() -> None:
    stalled = replace(good(), stalled=True, more_reasons=("the server answered SIGTERM with exit code 3: x",))
    assert stalled.reasons == [
        "nothing came any more, though there was more to come",
        "the server answered SIGTERM with exit code 3: x",
    ]


def test_notes_say_how_latencies_are_meant() -> None:
    assert good().notes == ["latencies are from the scheduled time: corrected for coordinated omission"]
    (note,) = good(CLOSED).notes
    assert note.startswith("latencies are from the moment of sending")


def test_notes_say_who_else_was_there_and_what_was_not_sent() -> None:
    tally = good_tally()
    tally.not_sent = 1
    assert replace(good(), tally=tally, others=2).notes[:2] == [
        "1 publication of the schedule could not be sent in time",
        "others use this server: 2 connections before ours, which cost CPU, too",
    ]
    assert replace(good(), tally=tally, interrupted=True).notes[0] == "interrupted: this is what was measured so far"


@pytest.mark.parametrize(
    ("cpu", "busy", "said"),
    [
        (0.9, 0.9, None),
        (0.95, 0.96, "a process of it took 95% of a core. Try --processes 4"),
        (0.4, 0.95, "for 55% of the time it waited for a core that others had. Free some"),
    ],
)
def test_a_client_that_was_the_bottleneck_is_not_the_server(cpu: float, busy: float, said: str | None) -> None:
    tally = good_tally()
    tally.cpu_share, tally.busy_share = cpu, busy
    report = replace(good(CLOSED), tally=tally)
    assert report.client_was_busy == (said is not None)
    if said is not None:
        assert report.notes[0].startswith("the client was the bottleneck, not the server")
        assert report.notes[0].endswith(said)


def test_the_json_document_says_everything() -> None:
    assert document(to_json(good())) == {
        "ok": True,
        "interrupted": False,
        "url": "ws://127.0.0.1:8080/ws",
        "reasons": [],
        "notes": ["latencies are from the scheduled time: corrected for coordinated omission"],
        "shape": {
            "subscribers": 2,
            "publishers": 1,
            "topics": 1,
            "topics_per_subscriber": 1,
            "members": False,
            "payload_bytes": 16,
            "deliveries_per_publication": 2.0,
        },
        "pace": {"window": None, "rate": 400.0, "seconds": 2.5, "publications": None, "warm_up_seconds": 0.0},
        "measured_seconds": 2.5,
        "rates": {
            "published": {"total": 1000, "per_second": 400.0, "slowest": 380, "median": 390.0, "fastest": 400},
            "acknowledged": {"total": 1000, "per_second": 400.0, "slowest": 380, "median": 390.0, "fastest": 400},
            "delivered": {"total": 2000, "per_second": 800.0, "slowest": 760, "median": 780.0, "fastest": 800},
        },
        "megabytes_per_second": 0.16,
        "latency_ms": {
            "corrected_for_coordinated_omission": True,
            "ack": {
                "count": 1000,
                "min": 0.5,
                "mean": 0.525,
                "p50": 0.501759,
                "p90": 0.501759,
                "p99": 0.501759,
                "p99.9": 2.998271,
                "max": 3.0,
            },
            "delivery": {
                "count": 2000,
                "min": 0.6,
                "mean": 0.863,
                "p50": 0.602111,
                "p90": 0.897023,
                "p99": 4.014079,
                "p99.9": 4.014079,
                "max": 70.0,
            },
            "sent_late": {
                "count": 1000,
                "min": 0.05,
                "mean": 0.05,
                "p50": 0.05,
                "p90": 0.05,
                "p99": 0.05,
                "p99.9": 0.05,
                "max": 0.05,
            },
        },
        "histograms_ms": {
            "ack": [[0.499712, 0.503807, 990], [2.981888, 3.014655, 10]],
            "delivery": [
                [0.598016, 0.606207, 1500],
                [0.892928, 0.901119, 400],
                [3.997696, 4.030463, 99],
                [69.206016, 70.254591, 1],
            ],
        },
        "accounts": {
            "published": 1000,
            "acknowledged": 1000,
            "refused": 0,
            "unanswered": 0,
            "not_sent": 0,
            "expected": 2000,
            "delivered": 2000,
            "dropped": 0,
            "dropped_notices": 0,
            "missing": 0,
            "surplus": 0,
            "errors": {},
            "closes": {},
            "strange": {},
        },
        "server": {
            "cpu_seconds": 0.5,
            "cpu_share": 0.2,
            "cpu_us_per_delivery": 250.0,
            "resident_bytes": 47185920,
            "other_connections": 0,
        },
        "client": {"processes": 1, "cpu_share": 0.25, "busy_share": 0.26, "bottleneck": False},
    }


def test_the_json_document_of_a_bad_run_has_null_for_what_is_not_known() -> None:
    found = document(to_json(bad()))
    assert (found["ok"], found["interrupted"], found["server"]) == (False, True, None)
    assert found["reasons"] == bad().reasons
    assert found["latency_ms"]["sent_late"] is None
    assert (found["accounts"]["refused"], found["accounts"]["unanswered"], found["accounts"]["missing"]) == (3, 7, 80)
    silent = replace(bad(), server=Server(None, None, 0, None))
    assert set(document(to_json(silent))["server"].values()) == {None, 3}


def test_a_run_without_anything_is_a_document_too() -> None:
    found = document(to_json(nothing()))
    assert found["latency_ms"]["ack"] is found["latency_ms"]["delivery"] is None
    assert found["rates"]["delivered"] == {
        "total": 0,
        "per_second": 0.0,
        "slowest": None,
        "median": None,
        "fastest": None,
    }


def test_members_publish() -> None:
    members = replace(OPEN, shape=Shape(subscribers=15, topics=5, members=True))
    shape = document(to_json(good(members)))["shape"]
    assert (shape["members"], shape["subscribers"], shape["publishers"]) == (True, 15, 15)


def test_a_run_that_did_not_begin_is_a_document_too() -> None:
    assert document(error_to_json("cannot reach it")) == {"ok": False, "error": "cannot reach it"}
