"""`inmem-pubsub bench`: options and output. The work is in inmem_pubsub.bench."""

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from inmem_pubsub.cli.extra import needed_by
from inmem_pubsub.cli.flags import HELP
from inmem_pubsub.config.kinds import KIB, size
from inmem_pubsub.errors import one_line

if TYPE_CHECKING:
    from inmem_pubsub.bench.pace import Pacing
    from inmem_pubsub.bench.plan import Plan
    from inmem_pubsub.bench.report import Report
    from inmem_pubsub.bench.runner import Watch
    from inmem_pubsub.bench.shape import Shape
    from inmem_pubsub.stress.target import Target

_CLIENTS: Final = click.IntRange(0, 60_000)
_TOPICS: Final = click.IntRange(1, 100_000)
_COUNT: Final = click.IntRange(1, 10**9)
_SECONDS: Final = click.FloatRange(0, 86_400, min_open=True)
_PAYLOAD: Final = size(1, 16 * 1024 * KIB)


class _Size(click.ParamType[int]):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            found = _PAYLOAD.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if reason := _PAYLOAD.fault(found):
            self.fail(reason, param, ctx)
        return found


@click.command("bench", context_settings=HELP)
@click.argument("url", required=False)
@click.option("--url", "named_url", metavar="URL", help="The same as the argument.")
@click.option("--subscribers", metavar="N", type=_CLIENTS, help="Connections that subscribe. [default: 100]")
@click.option(
    "--publishers", metavar="N", type=click.IntRange(1, 60_000), help="Connections that publish. [default: 1]"
)
@click.option(
    "--topics", metavar="N", type=_TOPICS, default=1, show_default=True, help="Topics that are published to in turn."
)
@click.option(
    "--topics-per-subscriber",
    metavar="N",
    type=click.IntRange(1, 10_000),
    help="Topics that each subscriber has. [default: 1]",
)
@click.option("--members", is_flag=True, help="A chat: the subscribers publish, and nobody else does.")
@click.option(
    "--payload",
    type=_Size(),
    default="100",
    show_default=True,
    metavar="SIZE",
    help="Of each message, as 100 or 16KiB.",
)
@click.option(
    "--window",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    help="Publications under way at one time: published, and not yet delivered to everyone. [default: 64, and 1 MiB at most]",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000_000, min_open=True),
    metavar="N",
    help="Publications a second, on a fixed schedule, instead of a window. Latencies are then from the scheduled time.",
)
@click.option("--seconds", metavar="SECONDS", type=_SECONDS, help="How long to measure. [default: 10]")
@click.option("--publications", metavar="N", type=_COUNT, help="Measure so many publications, instead of a time.")
@click.option(
    "--warm-up",
    type=click.FloatRange(0, 3600),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="The same load before it, which is not measured.",
)
@click.option(
    "--policy",
    metavar="POLICY",
    type=click.Choice(["DROP_OLDEST", "DISCONNECT", "LATEST"], case_sensitive=False),
    help="For subscribers that do not keep up: DROP_OLDEST, DISCONNECT or LATEST. [default: the server's]",
)
@click.option(
    "--buffer",
    metavar="N",
    type=click.IntRange(1, 1_000_000),
    help="Events that such a one may be behind. [default: the server's]",
)
@click.option(
    "--processes",
    metavar="N",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that make the load. One takes up to a million deliveries a second.",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=_SECONDS,
    default=10.0,
    show_default=True,
    help="End a run that has brought nothing for so long.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--yes", is_flag=True, help="Load a server that is not on this machine.")
@click.pass_context
def bench(
    context: click.Context,
    /,
    *,
    url: str | None,
    named_url: str | None,
    as_json: bool,
    yes: bool,
    **asked: Any,
) -> None:
    """Load a server in a shape of your choice, and measure it.

    URL is ws://HOST:PORT/ws or http://HOST:PORT of a running server. Without one, a server of its own is started on a
    free port, with the settings of the environment. It is given topics of its own, which are deleted afterwards.

    \b
    fan-out    bench URL --subscribers 1000
    1:1        bench URL --topics 200 --subscribers 200 --publishers 10
    dashboard  bench URL --topics 50 --topics-per-subscriber 50 --publishers 4
    chat       bench URL --topics 50 --subscribers 1000 --members
    open loop  bench URL --rate 5000 --seconds 60

    The latency of an ack is the time until the publisher knows that its message is numbered, stored and on its way; that
    of a delivery the time until a subscriber has it. With --window (a closed loop) both are from the moment of sending,
    with --rate (an open loop) from the time at which the publication was due: corrected for coordinated omission.

    Everything is accounted for: what was published, acknowledged, refused, delivered, dropped, lost. Ctrl-C ends a run
    early, and what was measured so far is shown. The exit code is 0 if everything came, 1 if something was lost or the
    server could not be reached, 2 for wrong usage, 130 after Ctrl-C.
    """
    with needed_by("bench"):
        from rich.console import Console

        from inmem_pubsub.bench import report, runner, screen
        from inmem_pubsub.stress.rest import Unreachable

    try:
        target = _target(url, named_url, yes)
        watch = runner.Watch(_plan(**asked))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        found = _run(target, watch, with_bar=sys.stderr.isatty() and not as_json)
    except Unreachable as error:
        if as_json:
            click.echo(report.error_to_json(one_line(str(error))))
        click.echo(f"bench: {one_line(str(error))}", err=True)
        context.exit(1)
    except asyncio.CancelledError:
        click.echo("bench: interrupted", err=True)
        context.exit(watch.exit_code)
    if as_json:
        click.echo(report.to_json(found))
    else:
        console = Console(highlight=False)
        blocks = console.encoding.lower().startswith("utf")
        if console.is_terminal:
            console.print(screen.render(found, blocks=blocks))
        else:
            click.echo(screen.to_plain(found, blocks=blocks))
    context.exit(1 if not found.ok else watch.exit_code)


def _target(url: str | None, named_url: str | None, yes: bool) -> "Target | None":
    from inmem_pubsub.stress.target import parse

    if url is not None and named_url is not None:
        raise ValueError("the URL is given twice")
    url = url if url is not None else named_url
    if url is None:
        return None
    target = parse(url)
    if not target.loopback:
        warning = f"{target} is not this machine: the load goes to it, and over everything on the way"
        if not yes:
            raise ValueError(f"{warning}. If that is what you want, add --yes")
        click.echo(f"bench: warning: {warning}", err=True)
    return target


def _plan(
    *, payload: int, policy: str | None, buffer: int | None, processes: int, timeout: float, **asked: Any
) -> "Plan":
    from inmem_pubsub.bench.plan import Plan

    return Plan(_shape(**asked), _pacing(payload, **asked), payload, policy, buffer, processes, timeout)


def _shape(
    *,
    subscribers: int | None,
    publishers: int | None,
    topics: int,
    topics_per_subscriber: int | None,
    members: bool,
    **_: Any,
) -> "Shape":
    from inmem_pubsub.bench.shape import Shape

    if members and publishers is not None:
        raise ValueError("--members are the publishers: leave out --publishers")
    return Shape(
        100 if subscribers is None else subscribers, publishers or 1, topics, topics_per_subscriber or 1, members
    )


def _pacing(
    payload: int,
    *,
    warm_up: float,
    window: int | None,
    rate: float | None,
    seconds: float | None,
    publications: int | None,
    **_: Any,
) -> "Pacing":
    from inmem_pubsub.bench.pace import Pacing, default_window

    if window is not None and rate is not None:
        raise ValueError("--window is a closed loop and --rate an open one: give one of them")
    if seconds is not None and publications is not None:
        raise ValueError("--seconds and --publications both say when it ends: give one of them")
    return Pacing(
        window=None if rate is not None else window or default_window(payload),
        rate=rate,
        seconds=None if publications is not None else seconds or 10.0,
        publications=publications,
        warm_up=warm_up,
    )


def _run(target: "Target | None", watch: "Watch", with_bar: bool) -> "Report":
    if not with_bar:
        return asyncio.run(_interruptible(target, watch))
    from rich.console import Console

    from inmem_pubsub.bench.progress import render
    from inmem_pubsub.stress.progress import shown

    with shown(lambda: render(watch), Console(stderr=True)):
        return asyncio.run(_interruptible(target, watch))


async def _interruptible(target: "Target | None", watch: "Watch") -> "Report":
    """The first signal ends the load and brings home what was measured; where there is none yet, or it is the second, all."""
    from inmem_pubsub.bench import runner

    task = asyncio.ensure_future(runner.run(watch.plan, target, watch))
    loop = asyncio.get_running_loop()

    def interrupted(number: signal.Signals) -> None:
        again = watch.interrupted
        watch.exit_code = 128 + number  # as shells count
        if not watch.interrupt() or again:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted, number)
    try:
        return await task
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
