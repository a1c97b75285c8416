"""Results as text: tables, the targets with met or missed, what was not measured and why, and on which machine."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from benchmarks.peer import CAPABILITIES
from benchmarks.results import LOST, SATURATED, Results
from benchmarks.scenarios import SCENARIOS, Cell, Figure
from benchmarks.targets import TARGETS, Verdict

COLUMNS: Final = 4
WIDTH: Final = 120
BEGIN: Final = "<!-- benchmark: begin -->"
END: Final = "<!-- benchmark: end -->"
NOTHING: Final = "-"
LEGEND: Final = (
    "Medians, with the least and the greatest of the runs in parentheses. Less is better. "
    f"{SATURATED}: the load generator was the bottleneck, so latency is partly its own. "
    f"{LOST}: something that was published did not arrive, arrived twice, or a client was sent away."
    f" {NOTHING}: does not apply, or was not measured."
)


def report(results: Results) -> str:
    """Markdown, in lines of at most 120 characters where a line may end."""
    parts = [_head(results), LEGEND, *map(str, tables(results)), targets(results), missing(results), peers(results)]
    text = "\n\n".join(part for part in parts if part)
    return "\n".join(wrapped(line) for line in text.splitlines()) + "\n"


def wrapped(line: str) -> str:
    if line.startswith("|") or len(line) <= WIDTH:
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def as_section(text: str) -> str:
    """The same as a part of another document: each heading one level deeper."""
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in text.splitlines())


def inserted(document: str, text: str) -> str:
    """The document with this between its two comments that say where the benchmark's report belongs."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{BEGIN} and {END} are not there")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


def _head(results: Results) -> str:
    machine = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in results.machine.items())
    server, load = results.cores
    kind = "A quick run" if results.quick else "A full run"
    return (
        f"# Benchmark\n\n{kind} of {results.started}, commit {results.commit or 'unknown'}, seed {results.seed}, "
        f"runs of each cell: {results.runs_each}.\nServer on core {server}, load generator on core {load}.\n\n{machine}."
    )


def tables(results: Results) -> Iterator[str]:
    for scenario in SCENARIOS:
        cells = [cell for cell in scenario.cells if any(run.cell == cell.name for run in results.runs)]
        if cells:
            parts = [f"## {scenario.title}\n\n{scenario.shows}"]
            parts += [table(results, figure, cells) for figure in scenario.figures]
            yield "\n\n".join(part for part in parts if part)


def table(results: Results, figure: Figure, cells: Sequence[Cell]) -> str:
    """Rows are peers, columns cells, at most a few side by side. Nothing if nobody has the figure."""
    if not any(results.spread(cell, key, figure) for cell in cells for key in results.peers):
        return ""
    blocks = []
    for chunk in chunks(cells):
        lines = [
            f"| {figure.title}, {figure.unit} | " + " | ".join(cell.label for cell in chunk) + " |",
            "|---" * (len(chunk) + 1) + "|",
        ]
        for key in results.peers:
            shown = [shown_in(results, cell, key, figure) for cell in chunk]
            if any(each != NOTHING for each in shown):
                lines.append(f"| {results.peers[key].name} | " + " | ".join(shown) + " |")
        if len(lines) > 2:
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def chunks(cells: Sequence[Cell]) -> list[list[Cell]]:
    """Cells that differ in the window alone stay together, others a few at a time."""
    families = [list(family) for _, family in groupby(cells, key=lambda cell: cell.label.partition(" w=")[0])]
    if all(len(family) > 1 for family in families):
        return families
    return [list(cells[at : at + COLUMNS]) for at in range(0, len(cells), COLUMNS)]


def shown_in(results: Results, cell: Cell, peer: str, figure: Figure) -> str:
    spread = results.spread(cell, peer, figure)
    if spread is None:
        return "failed" if any(run.error for run in results.of(cell, peer)) else NOTHING
    marks = results.marks(cell, peer)
    d = figure.digits
    return f"{spread.median:.{d}f}{marks} ({spread.least:.{d}f}-{spread.greatest:.{d}f})"


# -- targets


def targets(results: Results) -> str:
    lines = ["## Targets"]
    for target in TARGETS:
        verdicts = target.judge(results)
        lines += ["", f"**{target.number}. {target.title}**: {summary(verdicts)}"]
        if verdicts:
            lines += [
                "",
                "| cell | figure | ours | against | theirs | ratio | allowed | verdict |",
                "|---|---|---|---|---|---|---|---|",
            ]
            lines += [_row(verdict) for verdict in verdicts]
    return "\n".join(lines)


def summary(verdicts: Sequence[Verdict]) -> str:
    """`met in 11 of 12 cells; the worst: …`"""
    if not verdicts:
        return "not measured"
    met = sum(verdict.met for verdict in verdicts)
    worst = max(verdicts, key=lambda verdict: verdict.ratio / verdict.allowed)
    state = "met" if met == len(verdicts) else "missed"
    return (
        f"{state}: {met} of {len(verdicts)} met; the worst is {worst.cell} against {worst.against}, {worst.ratio:.2f}"
    )


def _row(verdict: Verdict) -> str:
    d = verdict.figure.digits
    judged = ("met" if verdict.met else "**missed**") + (", within the spread" if verdict.unsure else "")
    judged += ", marked" if verdict.marked else ""
    return (
        f"| {verdict.cell} | {verdict.figure.title}, {verdict.figure.unit} | {verdict.ours:.{d}f} | {verdict.against} | "
        f"{verdict.theirs:.{d}f} | {verdict.ratio:.2f} | {verdict.allowed:.2f} | {judged} |"
    )


# -- what is not there


def missing(results: Results) -> str:
    """Peers that are not installed, runs that failed, and cells for which no peer was able."""
    lines = [f"- {peer.name}: {peer.missing}" for peer in results.peers.values() if peer.missing]
    failed: dict[tuple[str, str], set[str]] = {}
    for run in results.errors():
        failed.setdefault((run.peer, run.cell), set()).add(run.error)
    lines += [
        f"- {results.peers[peer].name}, {cell}: {'; '.join(sorted(reasons))}"
        for (peer, cell), reasons in failed.items()
    ]
    measured = {run.cell for run in results.runs}
    for scenario in SCENARIOS:
        for cell in scenario.cells:
            if cell.name in results.cells and cell.name not in measured:
                asked = " and ".join(CAPABILITIES[need] for need in sorted(cell.needs)) or "is there"
                lines.append(f"- {cell.name}: nobody among the peers {asked}")
    return "\n".join(["## Not measured", "", *lines]) if lines else ""


def peers(results: Results) -> str:
    lines = ["## Peers", "", "| peer | version | language | |", "|---|---|---|---|"]
    lines += [
        f"| {peer.name} | {peer.version or results.commit} | {peer.language} | {peer.what} |"
        for peer in results.peers.values()
        if not peer.missing
    ]
    return "\n".join(lines)
