"""What is made of samples of memory. The measuring itself takes an hour, or a process of its own."""

from xml.etree import ElementTree

import pytest

from benchmarks.churn import Sample, chart, growth
from benchmarks.idle_memory import as_table, short


def test_growth_is_that_of_the_last_quarter_over_the_second() -> None:
    assert growth([10, 50, 52, 52, 52, 52, 52, 78]) == pytest.approx(1.25)
    assert growth([40.0] * 60) == 1.0


def test_few_samples_are_compared_too() -> None:
    assert growth([40.0]) == 1.0
    assert growth([40.0, 50.0]) == 1.0
    assert growth([40.0, 40.0, 60.0]) == pytest.approx(1.5)


def test_the_chart_has_every_sample_within_its_frame() -> None:
    samples = [Sample(minute, 3000 * minute, 90_000 * minute, 40 + minute % 3) for minute in range(1, 61)]
    drawing = ElementTree.fromstring(str(chart(samples)))
    (line,) = drawing.iter("{http://www.w3.org/2000/svg}polyline")
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert len(points) == 60
    assert all(0 < x < 760 and 0 < y < 300 for x, y in points)
    assert "180,000 visits and 5,400,000 deliveries" in str(chart(samples))


def test_the_table_adds_up() -> None:
    found = [
        ("/venv/site-packages/picows/url.py:7", 30.0),
        ("/x/src/inmem_pubsub/core/hub.py:9", 100.0),
        ("/b.py:1", 5.0),
    ]
    lines = as_table(found, 200.0).splitlines()
    assert lines[2:] == [
        "| 100 | `inmem_pubsub/core/hub.py:9` |",
        "| 30 | `picows/url.py:7` |",
        "| 5 | less than 24 bytes a line, together |",
        "| **135** | **seen of Python** |",
        "| 65 | C: the event loop's handles, and what allocators need around all |",
        "| **200** | **resident, 0.2 KiB** |",
    ]


def test_a_place_is_named_from_its_package_on() -> None:
    assert short("/usr/lib/python3.11/socket.py:295") == "python3.11/socket.py:295"
