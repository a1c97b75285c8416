"""How far a benchmark is, in one line of a terminal."""

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table

from inmem_pubsub.bench.runner import Watch

_WIDTH = 24  # of the bar, in columns


def render(watch: Watch) -> Table:
    pacing, progress = watch.plan.pacing, watch.progress
    line = Table.grid(padding=(0, 1))
    seconds = watch.seconds
    phase = watch.phase
    if phase == "running" and seconds < pacing.warm_up:
        phase = "warm-up"
    if pacing.seconds is not None:
        total, done = pacing.warm_up + pacing.seconds, seconds
        text = f"{min(done, total):.0f}/{total:.0f} s"
    else:
        total, done = float(pacing.publications or 1), float(progress.published)
        text = f"{progress.published:,} published"
    cells: list[RenderableType] = [phase, ProgressBar(total=total, completed=min(done, total), width=_WIDTH), text]
    if seconds:
        cells.append(f"{progress.delivered:,} delivered, {progress.delivered / seconds:,.0f}/s")
    if progress.dropped:
        cells.append(f"[red]{progress.dropped:,} dropped")
    line.add_row(*cells)
    return line
