"""A bar on a terminal. It looks at the counters of the run ten times a second, so that no message pays for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from inmem_pubsub.stress.runner import Watch

_WIDTH = 30  # of the bar, in columns


@contextmanager
def shown(render: Callable[[], RenderableType], console: Console) -> Iterator[None]:
    """What `render` gives, while the block runs, and gone afterwards. Nothing at all if `console` is no terminal."""
    if not console.is_terminal:
        yield
        return
    with Live(console=console, get_renderable=render, refresh_per_second=10, transient=True):
        yield


def render(watch: Watch) -> Table:
    delivered = watch.stage.deliveries if watch.stage is not None else 0
    line = Table.grid(padding=(0, 1))
    line.add_row(
        f"{min(watch.done + 1, watch.scenarios)}/{watch.scenarios}",
        watch.name,
        ProgressBar(total=max(1, watch.expected), completed=delivered, width=_WIDTH),
        f"{delivered}/{watch.expected}",
    )
    return line
