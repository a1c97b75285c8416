import io

from rich.console import Console

from inmem_pubsub.stress.audit import Stream
from inmem_pubsub.stress.progress import render, shown
from inmem_pubsub.stress.rest import Rest
from inmem_pubsub.stress.runner import Watch
from inmem_pubsub.stress.stage import Stage
from inmem_pubsub.stress.target import parse


def watch() -> Watch:
    target = parse("ws://127.0.0.1:1/ws")
    stage = Stage(target, Rest(target), "replay 8")
    stream = Stream("s", stage.ledger, 0, "e")
    stream.events = 4
    stage.streams.append(stream)
    return Watch(scenarios=9, done=1, name="replay 8", expected=11, stage=stage)


def text_of(watch: Watch) -> str:
    out = io.StringIO()
    Console(file=out, width=80).print(render(watch))
    return out.getvalue().strip()


def test_the_bar_says_which_scenario_and_how_much() -> None:
    text = text_of(watch())
    assert text.startswith("2/9 replay 8 ")
    assert text.endswith(" 4/11")


def test_the_bar_has_something_to_say_before_the_first_scenario_and_after_the_last() -> None:
    assert text_of(Watch()).startswith("0/0 start ")
    over = watch()
    over.done = 9
    assert text_of(over).startswith("9/9 ")


def test_the_bar_is_for_terminals_only() -> None:
    out = io.StringIO()
    with shown(lambda: render(watch()), Console(file=out, force_terminal=False)):
        pass
    assert out.getvalue() == ""
    with shown(lambda: render(watch()), Console(file=out, force_terminal=True, width=80)):
        pass
    assert "replay 8" in out.getvalue()
