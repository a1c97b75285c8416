import io

from rich.console import Console

from inmem_pubsub.bench.orders import Progress
from inmem_pubsub.bench.pace import SECOND
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.progress import render
from inmem_pubsub.bench.runner import Watch
from tests.unit.bench.samples import CLOSED, OPEN


class Seen(Watch):
    """At a time and a count of the test's choice."""

    progress = Progress(200, 190, 5000, 0)
    seconds = 0.0


def shown(plan: Plan, phase: str, seconds: float, dropped: int = 0) -> str:
    watch = Seen(plan)
    watch.phase, watch.started = phase, SECOND
    watch.seconds = seconds
    watch.progress = Progress(200, 190, 5000, dropped)
    out = io.StringIO()
    Console(file=out, width=100).print(render(watch))
    return out.getvalue().strip()


def test_a_run_with_a_time_shows_the_time() -> None:
    assert shown(OPEN, "running", 2.0).startswith("running ━")
    assert shown(OPEN, "running", 2.0).endswith(" 2/2 s 5,000 delivered, 2,500/s")


def test_a_run_with_a_number_shows_the_number() -> None:
    assert shown(CLOSED, "running", 2.0).endswith(" 200 published 5,000 delivered, 2,500/s")


def test_a_warm_up_and_an_end_are_named() -> None:
    assert shown(CLOSED, "running", 0.4).startswith("warm-up ")
    assert shown(CLOSED, "ending", 0.4).startswith("ending ")


def test_before_the_start_there_is_no_rate() -> None:
    assert shown(OPEN, "connecting", 0.0).endswith(" 0/2 s")


def test_drops_are_told_at_once() -> None:
    assert shown(OPEN, "running", 2.0, dropped=7).endswith(" 7 dropped")


def test_a_run_that_has_not_begun_has_made_nothing() -> None:
    watch = Watch(OPEN)
    assert (watch.progress, watch.seconds, watch.interrupt()) == (Progress(0, 0, 0, 0), 0.0, False)
