"""The charts of made-up results: well formed, with everything in them, and no word upon another."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final
from xml.etree import ElementTree

import pytest

from benchmarks.charts import Line, charts, expected_line, short, spaced, x_scale, y_scale
from benchmarks.results import Measured, Results
from benchmarks.scenarios import PER_DELIVERY, PER_PUBLICATION, SCENARIOS, Figure
from benchmarks.svg import PALETTE, Drawing, text_width
from tests.benchmarks.made_up import PEERS, costs, results, runs

SVG: Final = "{http://www.w3.org/2000/svg}"
SMALL: Final = 0.02


def full() -> Results:
    """Every cell, of a dozen peers, three runs each: the fullest charts that there can be."""
    names = [*PEERS, *(f"peer_{i}" for i in range(9))]
    groups = []
    for scenario in SCENARIOS:
        for at, cell in enumerate(scenario.cells):
            for rank, key in enumerate(names):
                if not scenario.peers or key in scenario.peers:
                    cost = (1 + rank / 7) * (1 + at / 10)
                    more = {
                        "latency_us": {"p50": 100 * cost, "p99": 300 * cost, "p999": 900 * cost},
                        "server_cpu_us_per_publication": cost * max(cell.x, 1),
                        "server_cpu_us_per_connection": 100 * cost,
                        "rss_kib_per_connection": 8 * cost,
                    }
                    groups.append(costs(cell.name, key, cost, cost * 1.01, cost * 0.99, **more))
    made = results(*groups)
    made.peers |= {key: Measured(f"a peer of a longer name, {key[-1]}", "", "") for key in names if key not in PEERS}
    return made


FULL: Final = dict(charts(full()))


@pytest.fixture(params=sorted(FULL))
def drawing(request: pytest.FixtureRequest) -> ElementTree.Element:
    return ElementTree.fromstring(FULL[request.param])


@dataclass(frozen=True, slots=True)
class Box:
    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def boxes(drawing: ElementTree.Element) -> Iterator[Box]:
    """Where each text stands, by the width that the drawing itself reckons with."""
    for element in drawing.iter(f"{SVG}text"):
        text, size = element.text or "", float(element.attrib["font-size"])
        x, baseline, width = float(element.attrib["x"]), float(element.attrib["y"]), text_width(text, size)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[element.attrib["text-anchor"]]
        yield Box(text, left, baseline - 0.8 * size, left + width, baseline + 0.2 * size)


def test_no_word_lies_upon_another(drawing: ElementTree.Element) -> None:
    found = list(boxes(drawing))
    assert found
    assert [(one.text, other.text) for one, other in combinations(found, 2) if one.overlaps(other)] == []


def test_every_word_is_inside_the_picture(drawing: ElementTree.Element) -> None:
    width, height = float(drawing.attrib["width"]), float(drawing.attrib["height"])
    outside = [box for box in boxes(drawing) if box.left < 0 or box.top < 0 or box.right > width or box.bottom > height]
    assert outside == []


def test_every_colour_is_there_on_a_light_page_and_on_a_dark_one(drawing: ElementTree.Element) -> None:
    style = "".join(element.text or "" for element in drawing.iter(f"{SVG}style"))
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    used = {name for element in drawing.iter() for name in element.attrib.get("class", "").split()}
    assert used
    for name in used:
        on_light, on_dark = (re.findall(rf"\.{name} {{ (.+?) }}", each) for each in (light, dark))
        assert len(on_light) == len(on_dark) == 1
        assert on_light != on_dark


def test_there_is_a_chart_of_each_comparison_and_of_each_growth() -> None:
    wanted = {"fan-out", "dashboard", "1-to-1", "chat", "payload", "open-loop", "open-loop-p50", "idle", "connect"}
    wanted |= {"subscribers", "subscribers-server-cpu-us-per-delivery", "idle-topics", "lagging", "ring"}
    assert wanted <= FULL.keys()


def test_every_peer_has_its_name_and_each_bar_its_number() -> None:
    text = FULL["fan-out"]
    assert all(peer.name in text for key, peer in full().peers.items() if key != "redis")
    bars = ElementTree.fromstring(text).findall(f".//{SVG}rect/{SVG}title")
    assert len(bars) == 4 * 14
    assert bars[0].text is not None
    assert re.match(r".+: \d+\.\d\d \(\d+\.\d\d to \d+\.\d\d\)$", bars[0].text)


def test_bars_are_as_long_as_their_numbers_within_a_panel() -> None:
    made = results(costs("chat 50 rooms x 20 w=64", "ours", 1.0), costs("chat 50 rooms x 20 w=64", "nats", 3.0))
    drawing = ElementTree.fromstring(dict(charts(made))["chat"])
    lengths = [float(bar.attrib["width"]) for bar in drawing.iter(f"{SVG}rect") if bar.find(f"{SVG}title") is not None]
    assert lengths[1] / lengths[0] == pytest.approx(3.0, rel=SMALL)


def test_a_chart_of_growth_has_the_expected_line() -> None:
    assert "expected: linear" in FULL["subscribers"]
    assert "expected: linear" in FULL["subscribers-server-cpu-us-per-delivery"]
    assert "expected: level" in FULL["ring"]
    assert "stroke-dasharray" in FULL["ring"]
    assert "expected" not in FULL["open-loop"]


def expected(name: str, costs_of: dict[str, float], figure: Figure) -> list[tuple[float, float]]:
    scenario = next(scenario for scenario in SCENARIOS if scenario.key == name)
    points = [(cell.x, costs_of[cell.label]) for cell in scenario.cells if cell.label in costs_of]
    found = expected_line(scenario, figure, [Line("ours", "ours", points)])
    assert found is not None
    return found[1]


def test_the_expected_line_goes_on_as_the_first_half_began() -> None:
    whole = expected("subscribers", {"10": 30.0, "100": 120.0, "5000": 9999.0}, PER_PUBLICATION)  # 20 and 1 for each
    assert whole[0] == pytest.approx((10, 30.0))
    assert whole[-1] == pytest.approx((5000, 5020.0))
    each = expected("subscribers", {"10": 3.0, "100": 1.2, "5000": 9.0}, PER_DELIVERY)
    assert each[0] == pytest.approx((10, 3.0))
    assert each[-1] == pytest.approx((5000, 1.004))
    assert expected("ring", {"100": 0.5, "1,000": 0.9}, PER_DELIVERY) == [(100, 0.5), (1000, 0.5)]


def test_lines_are_as_many_as_can_be_told_apart_and_ours_and_the_floors_are_among_them() -> None:
    lines = ElementTree.fromstring(FULL["payload"]).findall(f"{SVG}polyline")
    colours = [line.attrib["class"] for line in lines if "stroke-dasharray" not in line.attrib]
    assert len(colours) == len(set(colours)) == 7
    assert all(full().peers[key].name in FULL["payload"] for key in ("ours", "bare_loop", "floor"))


def test_nothing_to_compare_is_no_chart() -> None:
    assert dict(charts(results())) == {}
    assert dict(charts(results(costs("chat 50 rooms x 20 w=64", "ours", 1.0)))) == {}
    assert dict(charts(results(costs("ring 100", "ours", 1.0)))) == {}


def test_what_is_marked_in_the_table_is_marked_in_the_chart() -> None:
    name = "chat 50 rooms x 20 w=64"
    made = results(costs(name, "ours", 1.0), costs(name, "nats", 3.0, client_saturated=True))
    assert "3.00†" in dict(charts(made))["chat"]


def test_a_name_cannot_break_the_picture() -> None:
    name = "chat 50 rooms x 20 w=64"
    made = results(costs(name, "ours", 1.0), costs(name, "nats", 3.0))
    made.peers["nats"] = Measured("<script>&'\"", "", "")
    assert "<script>&'\"" in [box.text for box in boxes(ElementTree.fromstring(dict(charts(made))["chat"]))]


def test_scales_are_monotonous_and_stay_within_the_frame() -> None:
    across, ticks = x_scale([0, 100, 1000, 100_000], 64, 600)
    places = [across(x) for x in (0, 100, 1000, 100_000)]
    assert places == sorted(places)
    assert places[0] >= 64
    assert places[-1] <= 600
    assert ticks == [0, 100, 1000, 100_000]
    down, grid = y_scale([0.4, 0.6], 300, 60)
    assert down(0.4) > down(0.6)
    assert grid[0] <= 0.4
    assert grid[-1] >= 0.6
    assert grid[-1] / grid[0] >= 10  # so that noise looks like noise


def test_names_at_the_ends_of_lines_are_moved_apart() -> None:
    ends = [(100.0, "a", "s0", False), (101.0, "b", "s1", False), (300.0, "c", "s2", True)]
    assert [(y, name) for y, name, *_ in spaced(ends)] == [(100.0, "a"), (115.0, "b"), (300.0, "c")]
    assert spaced([]) == []


def test_numbers_are_short() -> None:
    shown = [short(value) for value in (0, 0.05, 7, 1500, 16384, 100_000, 1_000_000)]
    assert shown == ["0", "0.05", "7", "1.5k", "16Ki", "100k", "1M"]


def test_a_drawing_is_a_document_of_its_own() -> None:
    drawn = Drawing(100, 50, "a & b")
    drawn.text(1, 2, "<x>")
    root = ElementTree.fromstring(str(drawn))
    assert root.attrib["viewBox"] == "0 0 100 50"
    assert root.findtext(f"{SVG}title") == "a & b"
    assert all(len(colours) == 2 for colours in PALETTE.values())


def test_runs_without_a_figure_make_no_point() -> None:
    assert dict(charts(results(runs("ring 100", "ours", [{}]), runs("ring 1,000", "ours", [{}])))) == {}
