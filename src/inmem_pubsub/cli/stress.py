"""`inmem-pubsub stress`: options and output. The work is in inmem_pubsub.stress.

What that needs beyond the server's own dependencies is imported when the command runs, not when it is listed.
"""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

import click

from inmem_pubsub.cli.extra import needed_by
from inmem_pubsub.cli.flags import HELP
from inmem_pubsub.errors import one_line

if TYPE_CHECKING:
    from inmem_pubsub.stress.report import Report
    from inmem_pubsub.stress.runner import Watch

_MODES: Final = ("quick", "simple", "full")
_COUNT: Final = click.IntRange(1, 1_000_000)
_CLIENTS: Final = click.IntRange(1, 1000)
_SECONDS: Final = click.FloatRange(0, 86_400, min_open=True)


@click.command("stress", context_settings=HELP)
@click.argument("mode", type=click.Choice(_MODES), default="quick")
@click.option("--url", metavar="URL", help="The server: ws://HOST:PORT/ws or http://HOST:PORT. [default: start one]")
@click.option("--publishers", type=_CLIENTS, help="Concurrent publishers. [default: 3; full: 5]")
@click.option("--subscribers", type=_CLIENTS, help="Their subscribers. [default: 1; full: 5]")
@click.option("--messages", type=_COUNT, help="Messages of each of them. [default: 10; full: 50]")
@click.option(
    "--last-n", type=_COUNT, multiple=True, help="Messages to replay; repeatable. [default: 8; full: 10, 50, 100]"
)
@click.option("--large", type=_COUNT, help="Large messages. [default: 10; full: 200]")
@click.option("--payload-bytes", type=int, help="Bytes of each of them. [default: 10240; full: 5120]")
@click.option("--burst", type=_COUNT, help="Messages published at once. [default: 25; full: 50]")
@click.option("--timeout", type=_SECONDS, default=30.0, show_default=True, help="Seconds that a scenario may take.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.pass_context
def stress(context: click.Context, /, mode: str, url: str | None, timeout: float, as_json: bool, **sizes: Any) -> None:
    """Publish and subscribe at full speed, and check every message.

    \b
    quick   concurrent publishers; a replay by last_n
    simple  these, large messages and a burst
    full    the same in larger sizes; a consumer that does not read; a reconnect

    Each scenario checks that every message arrives once, in order and intact, and that every publish is acknowledged.
    The exit code is 0 if all is well, 1 if something falls short, 2 for wrong usage.
    """
    with needed_by("stress"):
        from inmem_pubsub.stress import plan, report, rest, runner, target

    try:
        chosen = plan.Sizes(**sizes)
        server = target.parse(url) if url is not None else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if names := plan.unused(plan.Mode(mode), chosen):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in names)
        raise click.UsageError(f"{mode} has no scenario for {options}")

    watch = runner.Watch()
    run = runner.run(mode, plan.scenarios(plan.Mode(mode), chosen), server, timeout, watch)
    try:
        found = _run_with_bar(run, watch) if sys.stderr.isatty() and not as_json else asyncio.run(_with_sigterm(run))
    except rest.Unreachable as error:
        if as_json:
            click.echo(report.error_to_json(mode, str(error)))
        click.echo(f"stress: {one_line(str(error))}", err=True)
        context.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        click.echo("stress: interrupted", err=True)
        context.exit(130 if isinstance(error, KeyboardInterrupt) else 143)  # 128 + the signal, as shells count
    if as_json:
        click.echo(report.to_json(found))
    else:
        _show(found)
    context.exit(0 if found.ok else 1)


async def _with_sigterm(run: Coroutine[Any, Any, "Report"]) -> "Report":
    """SIGTERM ends a run as Ctrl-C does: topics are deleted, a server of ours is stopped."""
    task = asyncio.ensure_future(run)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _run_with_bar(run: Coroutine[Any, Any, "Report"], watch: "Watch") -> "Report":
    from rich.console import Console

    from inmem_pubsub.stress.progress import render, shown

    with shown(lambda: render(watch), Console(stderr=True)):
        return asyncio.run(_with_sigterm(run))


def _show(found: "Report") -> None:
    from rich.console import Console

    from inmem_pubsub.stress.report import to_plain, to_table

    console = Console()
    if console.is_terminal:
        console.print(to_table(found))
    else:
        click.echo(to_plain(found))
    for line in found.failures:
        click.echo(line)
    click.echo(found.verdict)
