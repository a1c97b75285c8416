"""Just enough SVG to draw a chart that reads well on a light page and on a dark one.

Colours are classes, and the style sheet inside has both palettes: an image follows the reader's `prefers-color-scheme`.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

# What each class is on a light and on a dark page. The series are told apart by lightness too, not by hue alone.
PALETTE: Final = {
    "page": ("#ffffff", "#0d1117"),
    "ink": ("#1f2328", "#e6edf3"),
    "faint": ("#59636e", "#9198a1"),
    "grid": ("#d8dee4", "#2d333b"),
    "ours": ("#0a53c1", "#58a6ff"),
    "floor": ("#6e7781", "#8b949e"),
    "other": ("#b6bfc9", "#484f58"),
    "s0": ("#0a53c1", "#58a6ff"),
    "s1": ("#bc4c00", "#f0883e"),
    "s2": ("#1a7f37", "#56d364"),
    "s3": ("#8250df", "#d2a8ff"),
    "s4": ("#9a6700", "#e3b341"),
    "s5": ("#bf3989", "#ff9bce"),
    "s6": ("#116b78", "#5ad4e6"),
}
FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
CHARACTER: Final = 0.58  # of the font's size: how wide a character is, with some to spare


def text_width(text: str, size: float) -> float:
    return len(text) * size * CHARACTER


def number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


class Drawing:
    """Elements in the order in which they are painted; `str` is the whole document."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width = width
        self.height = height
        self.title = title
        self.elements: list[str] = []

    def rectangle(self, x: float, y: float, width: float, height: float, *, fill: str, tip: str = "") -> None:
        self._add(
            f'<rect class="f-{fill}" x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"',
            "rect",
            tip,
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, stroke: str, width: float = 1.0) -> None:
        self._add(
            f'<line class="s-{stroke}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
            f'stroke-width="{number(width)}"'
        )

    def path(self, points: Iterable[tuple[float, float]], stroke: str, width: float = 2.0, dashes: str = "") -> None:
        joined = " ".join(f"{number(x)},{number(y)}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self._add(f'<polyline class="s-{stroke}" points="{joined}" fill="none" stroke-width="{number(width)}"{dashed}')

    def dot(self, x: float, y: float, fill: str, tip: str = "") -> None:
        self._add(f'<circle class="f-{fill}" cx="{number(x)}" cy="{number(y)}" r="3.5"', "circle", tip)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 12,
        fill: str = "ink",
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """`y` is the middle of the line."""
        weight = ' font-weight="600"' if bold else ""
        self.elements.append(
            f'<text class="f-{fill}" x="{number(x)}" y="{number(y + size * 0.36)}" font-size="{number(size)}" '
            f'text-anchor="{anchor}"{weight}>{escape(text)}</text>'
        )

    def _add(self, start: str, name: str = "", tip: str = "") -> None:
        self.elements.append(f"{start}><title>{escape(tip)}</title></{name}>" if tip else f"{start}/>")

    def __str__(self) -> str:
        body = "\n".join(self.elements)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(self.width)} {number(self.height)}" '
            f'width="{number(self.width)}" height="{number(self.height)}" role="img" font-family="{FONT}">\n'
            f"<title>{escape(self.title)}</title>\n<style>\n{_style()}\n</style>\n"
            f'<rect class="f-page" width="100%" height="100%"/>\n{body}\n</svg>\n'
        )


def _style() -> str:
    def rules(which: int) -> str:
        return "\n".join(
            f".f-{name} {{ fill: {colours[which]} }} .s-{name} {{ stroke: {colours[which]} }}"
            for name, colours in PALETTE.items()
        )

    return f"{rules(0)}\n@media (prefers-color-scheme: dark) {{\n{rules(1)}\n}}"
