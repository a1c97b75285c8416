"""The charts of a file of results: bars where peers are compared, lines where a cost is to grow as expected.

A chart is made from what was measured: a peer that was not is not in it, and a chart that would have one peer alone and
no line to compare it with is not made.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS, Cell, Figure, Scenario
from benchmarks.svg import Drawing, text_width

FLOORS: Final = ("bare_loop", "floor")
# The cells that stand for a scenario in bars, side by side.
HEADLINES: Final = {
    "fan-out": ("100 w=1", "100 w=8", "100 w=64", "1000 w=8"),
    "dashboard": ("50 topics x 100 w=8", "50 topics x 100 w=64", "500 topics x 20 w=64"),
    "1:1": ("200 w=1", "200 w=64", "200 w=512"),
    "chat": ("50 rooms x 20 w=64",),
    "idle": ("1000 connections", "10 000 connections"),
    "connect": ("5000, 64 at a time",),
    "ingest": ("WebSocket, 10 x 64",),
}


def charts(results: Results) -> Iterator[tuple[str, str]]:
    """File name without its ending, and SVG."""
    for scenario in SCENARIOS:
        name = scenario.key.replace(" ", "-").replace(":", "-to-")
        if scenario.axis:
            for figure in scenario.figures:
                lines = series(results, scenario, figure)
                if any(len(line.points) > 1 for line in lines):
                    suffix = "" if figure is scenario.figures[0] else "-" + figure.key.split(".")[-1].replace("_", "-")
                    yield name + suffix, str(line_chart(scenario, figure, lines))
        elif panels := bars(results, scenario):
            yield name, str(bar_chart(scenario, panels))


# -- bars


@dataclass(frozen=True, slots=True)
class Bar:
    peer: str
    name: str
    value: float
    least: float
    greatest: float
    mark: str


Panel = tuple[str, list[Bar]]


def bars(results: Results, scenario: Scenario) -> list[Panel]:
    """The cells that stand for it, each with its peers; nothing where nobody is to be compared with."""
    figure = scenario.figures[0]
    panels = []
    for cell in scenario.cells:
        if cell.label in HEADLINES.get(scenario.key, ()):
            found = [bar for key in results.peers if (bar := _bar(results, cell, key, figure))]
            if len(found) > 1:
                panels.append((cell.label, found))
    return panels


def _bar(results: Results, cell: Cell, key: str, figure: Figure) -> Bar | None:
    spread = results.spread(cell, key, figure)
    if spread is None:
        return None
    mark = results.marks(cell, key)
    return Bar(key, results.peers[key].name, spread.median, spread.least, spread.greatest, mark)


ROW: Final = 22.0
PANEL: Final = 200.0
GAP: Final = 26.0
VALUE: Final = 62.0  # room for a number behind the longest bar


def bar_chart(scenario: Scenario, panels: Sequence[Panel]) -> Drawing:
    """A panel for each cell, side by side, each with a scale of its own from zero. A row for each peer, ours first."""
    figure = scenario.figures[0]
    names = {bar.peer: bar.name for _, found in panels for bar in found}
    order = sorted(names, key=lambda peer: (peer not in ("ours", "pure"), peer not in FLOORS, _rank(panels, peer)))
    label = max(text_width(name, 12) for name in names.values()) + 14
    width = max(label + len(panels) * (PANEL + GAP) + 4, text_width(scenario.title + figure.title, 16) + 80)
    drawing = Drawing(width, 84 + ROW * len(order) + 14, f"{scenario.title}: {figure.title}")
    drawing.text(12, 20, scenario.title, size=16, bold=True)
    drawing.text(12, 42, f"{figure.title}, {figure.unit}; less is better", fill="faint")
    for row, peer in enumerate(order):
        bold = peer == "ours"
        drawing.text(label - 4, 90 + ROW * row, names[peer], fill="ink" if bold else "faint", anchor="end", bold=bold)
    for at, (title, found) in enumerate(panels):
        left = label + at * (PANEL + GAP) + 6
        drawing.text(left, 66, title, bold=True)
        scale = (PANEL - VALUE) / max(1e-9, *(bar.value for bar in found))
        for bar in found:
            _draw_bar(drawing, bar, (left, 90 + ROW * order.index(bar.peer)), scale, figure)
    return drawing


def _rank(panels: Sequence[Panel], peer: str) -> float:
    """By how much dearer it is than the cheapest, over the panels that it is in."""
    ratios = [
        bar.value / max(min(other.value for other in found), 1e-9)
        for _, found in panels
        for bar in found
        if bar.peer == peer
    ]
    return math.exp(sum(math.log(max(ratio, 1e-9)) for ratio in ratios) / len(ratios))


def _draw_bar(drawing: Drawing, bar: Bar, at: tuple[float, float], scale: float, figure: Figure) -> None:
    left, y = at
    colour = "ours" if bar.peer in ("ours", "pure") else "floor" if bar.peer in FLOORS else "other"
    length = max(bar.value * scale, 1.0)
    spread = f"{bar.least:.{figure.digits}f} to {bar.greatest:.{figure.digits}f}"
    drawing.rectangle(left, y - 7, length, 14, fill=colour, tip=f"{bar.name}: {bar.value:.{figure.digits}f} ({spread})")
    drawing.text(left + length + 5, y, f"{bar.value:.{figure.digits}f}{bar.mark}", bold=bar.peer == "ours")


# -- lines


@dataclass(frozen=True, slots=True)
class Line:
    peer: str
    name: str
    points: list[tuple[float, float]]


def series(results: Results, scenario: Scenario, figure: Figure) -> list[Line]:
    """At most as many as can be told apart: ours, the floors, and the best of the others."""
    lines = []
    for key, peer in results.peers.items():
        found = ((cell.x, results.spread(cell, key, figure)) for cell in scenario.cells)
        points = sorted((x, spread.median) for x, spread in found if spread)
        if points:
            lines.append(Line(key, peer.name, points))
    if len(lines) <= MOST_LINES:
        return lines
    lines.sort(key=lambda line: (line.peer != "ours", line.peer not in FLOORS, line.peer == "pure", line.points[-1][1]))
    return lines[:MOST_LINES]


WIDTH: Final = 760.0
HEIGHT: Final = 380.0
TOP: Final = 64.0
BOTTOM: Final = 52.0
LEFT: Final = 64.0
MOST_LINES: Final = 7  # as many as there are colours
LINE_GAP: Final = 15.0  # between the names at the ends of two lines

Scale = Callable[[float], float]


def line_chart(scenario: Scenario, figure: Figure, lines: Sequence[Line]) -> Drawing:
    """Both axes logarithmic; an x of 0 stands left of the others."""
    expected = expected_line(scenario, figure, lines)
    right = max(text_width(line.name, 12) for line in lines) + 24
    right = max(right, text_width(expected[0], 12) + 24 if expected else 0)
    drawing = Drawing(WIDTH, HEIGHT, f"{scenario.title}: {figure.title}")
    drawing.text(12, 20, scenario.title, size=16, bold=True)
    drawing.text(12, 42, f"{figure.title}, {figure.unit}; less is better", fill="faint")
    xs = sorted({x for line in lines for x, _ in line.points})
    drawn = [y for line in lines for _, y in line.points] + [y for _, y in (expected[1] if expected else [])]
    across, ticks = x_scale(xs, LEFT, WIDTH - right)
    down, grid = y_scale(drawn, HEIGHT - BOTTOM, TOP)
    for value in grid:
        drawing.line(LEFT, down(value), WIDTH - right, down(value), stroke="grid")
        drawing.text(LEFT - 8, down(value), short(value), size=11, fill="faint", anchor="end")
    for value in ticks:
        drawing.text(across(value), HEIGHT - BOTTOM + 16, short(value), size=11, fill="faint", anchor="middle")
    drawing.text((LEFT + WIDTH - right) / 2, HEIGHT - 14, scenario.axis, fill="faint", anchor="middle")
    ends = []
    if expected:
        name, points = expected
        drawing.path([(across(x), down(y)) for x, y in points], "faint", 1.5, "5 4")
        ends.append((down(points[-1][1]), name, "faint", False))
    for at, line in reversed(list(enumerate(lines))):
        colour = f"s{at}"
        placed = [(across(x), down(y)) for x, y in line.points]
        drawing.path(placed, colour, 3.0 if line.peer == "ours" else 1.8)
        for (x, y), (at_x, value) in zip(placed, line.points, strict=True):
            drawing.dot(x, y, colour, f"{line.name}: {value:.{figure.digits}f} {figure.unit} at {short(at_x)}")
        ends.append((placed[-1][1], line.name, colour, line.peer == "ours"))
    for y, name, colour, bold in spaced(ends):
        drawing.text(WIDTH - right + 10, y, name, fill=colour, bold=bold)
    return drawing


def expected_line(
    scenario: Scenario, figure: Figure, lines: Sequence[Line]
) -> tuple[str, list[tuple[float, float]]] | None:
    """How ours would go on if it kept to its first point and its middle one.

    What is linear has a fixed part and one that grows, a + b x, and a cost for each delivery to x subscribers a / x + b.
    """
    ours = next((line for line in lines if line.peer == "ours"), None)
    if ours is None or not scenario.expected:
        return None
    xs = [x for x, _ in ours.points]
    (first_x, first_y), (middle_x, middle_y) = ours.points[0], ours.points[len(xs) // 2]
    if scenario.expected == "flat" or first_x <= 0 or middle_x <= first_x:
        return "expected: level", [(x, first_y) for x in xs]
    each = scenario.key == "subscribers" and figure.key.endswith("delivery")
    growing = (middle_y * middle_x - first_y * first_x if each else middle_y - first_y) / (middle_x - first_x)
    fixed = (first_y - growing) * first_x if each else first_y - growing * first_x
    steps = [first_x * (xs[-1] / first_x) ** (i / 40) for i in range(41)]
    return "expected: linear", [(x, fixed / x + growing if each else fixed + growing * x) for x in steps]


def x_scale(xs: Sequence[float], left: float, right: float) -> tuple[Scale, list[float]]:
    """Logarithmic, with a place for 0 where there is one; and the ticks, which are the measured values."""
    positive = [x for x in xs if x > 0] or [1.0]
    begin = left + (60 if xs and xs[0] == 0 else 12)
    high = math.log10(positive[-1])
    low = math.log10(positive[0]) if len(positive) > 1 else high - 1  # one alone stands at the right

    def scale(x: float) -> float:
        return left + 12 if x <= 0 else begin + (math.log10(x) - low) / (high - low) * (right - 12 - begin)

    ticks: list[float] = []
    for x in xs:
        if not ticks or scale(x) - scale(ticks[-1]) > 34:
            ticks.append(x)
    return scale, ticks


def y_scale(ys: Sequence[float], bottom: float, top: float) -> tuple[Scale, list[float]]:
    """Logarithmic over whole steps of 1, 2 and 5, and never less than a factor of ten: noise should look like noise."""
    least, most = max(min(ys), 1e-6), max(*ys, 1e-6)
    middle = math.sqrt(least * most)
    low, high = min(least, middle / math.sqrt(10)), max(most, middle * math.sqrt(10))
    steps = [round(m * 10.0**e, 9) for e in range(-7, 10) for m in (1, 2, 5)]
    first = max(step for step in steps if step <= low)
    last = min(step for step in steps if step >= high)
    grid = [step for step in steps if first <= step <= last]
    if len(grid) > 9:
        grid = [step for step in grid if math.isclose(math.log10(step) % 1, 0, abs_tol=1e-6)]
    span = math.log10(last) - math.log10(first)

    def scale(y: float) -> float:
        return bottom - (math.log10(max(y, first)) - math.log10(first)) / span * (bottom - top)

    return scale, grid


def spaced(ends: Sequence[tuple[float, str, str, bool]]) -> list[tuple[float, str, str, bool]]:
    """The names at the ends of lines, moved apart where they would lie on each other, and up as a whole if need be."""
    placed: list[tuple[float, str, str, bool]] = []
    for y, *rest in sorted(ends):
        lowest = placed[-1][0] + LINE_GAP if placed else y
        placed.append((max(y, lowest), *rest))  # type: ignore[arg-type]  # a star of a tuple has no length
    over = max(0.0, placed[-1][0] - (HEIGHT - BOTTOM)) if placed else 0.0
    return [(y - over, *rest) for y, *rest in placed]  # type: ignore[misc]  # the same


def short(value: float) -> str:
    """1500 is 1.5k, 100000 is 100k, 16384 is 16Ki, 0.05 is itself."""
    if value >= 1024 and value % 1024 == 0:
        return f"{value / 1024:g}Ki"
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
