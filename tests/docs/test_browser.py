"""The README's snippet for a browser: its logic against a WebSocket that does as it is told, and in a real browser."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.docs.markdown import blocks
from tests.docs.proxy import Proxy
from tests.integration.browser import BROWSERS, Page, browsing, serving
from tests.integration.peer import Peer
from tests.integration.server_process import PATIENCE, ServerProcess, until

# A WebSocket that connects to nothing, and timers that run at once.
WORLD: Final = """
const sockets = [], pauses = [];
globalThis.WebSocket = class {
  constructor(url) { this.url = url; this.sent = []; this.closed = false; sockets.push(this); }
  send(text) { this.sent.push(JSON.parse(text)); }
  close() { this.closed = true; }
  says(message) { this.onmessage({ data: JSON.stringify(message) }); }
};
globalThis.setTimeout = (action, pause) => { pauses.push(pause); action(); };
Math.random = () => 0.5;
"""
STAGE: Final = """
const events = [], missed = [];
const end = follow("ws://x/ws", "orders", (e) => events.push(e.seq), (m) => missed.push(m.reason ?? m.count ?? m.type));
const now = () => sockets[sockets.length - 1];
const ack = (seq, more) => now().says({ type: "ack", topic: "orders", epoch: "e", seq, ...more });
const event = (seq) => now().says({ type: "event", topic: "orders", message: { id: "m", payload: 1 }, seq });
"""
SHOW: Final = """
const sent = sockets.map((each) => each.sent[0]);
console.log(JSON.stringify({ sent, closed: now().closed, events, missed, pauses }));
"""


def snippet() -> str:
    (block,) = blocks("README.md", "javascript")
    return block.text


@pytest.fixture
def play(require_program: Callable[..., str]) -> Callable[[str], Any]:
    """What became of the snippet's function after these lines."""
    node = require_program("node", "nodejs")

    def run(lines: str) -> Any:
        done = subprocess.run(
            [node, "-"],
            input="\n".join(['"use strict";', WORLD, snippet(), STAGE, lines, SHOW]),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.node
def test_it_resumes_behind_the_last_event(play: Callable[[str], Any]) -> None:
    found = play("now().onopen(); ack(7); event(8); event(9); now().onclose({ code: 1012 }); now().onopen();")
    assert found["events"] == [8, 9]
    assert found["missed"] == []
    assert found["sent"] == [
        {"type": "subscribe", "topic": "orders", "since": None},
        {"type": "subscribe", "topic": "orders", "since": {"epoch": "e", "seq": 9}},
    ]


@pytest.mark.node
def test_it_tells_what_was_missed_and_goes_on_behind_it(play: Callable[[str], Any]) -> None:
    found = play(
        "now().onopen(); ack(7, { recovered: false, reason: 'history_overrun' });"
        "now().says({ type: 'dropped', from_seq: 8, to_seq: 10, count: 3 });"
        "now().onclose({ code: 1006 }); now().onopen();"
    )
    assert found["missed"] == ["history_overrun", 3]
    assert found["sent"][1]["since"] == {"epoch": "e", "seq": 10}


@pytest.mark.node
def test_its_pauses_grow_until_a_subscription_is_there(play: Callable[[str], Any]) -> None:
    found = play(
        "for (let i = 0; i < 8; i++) now().onclose({ code: 1006 });"
        "now().onopen(); ack(0); now().onclose({ code: 1006 });"
    )
    assert found["pauses"] == [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 500]


@pytest.mark.node
@pytest.mark.parametrize("ending", ["now().onclose({ code: 4500 })", "end(); now().onclose({ code: 1000 })"])
def test_it_does_not_come_back_when_it_must_not(play: Callable[[str], Any], ending: str) -> None:
    found = play(f"now().onopen(); ack(0); {ending};")
    assert len(found["sent"]) == 1


@pytest.mark.node
@pytest.mark.parametrize("kind", ["topic_deleted", "error"])
def test_it_ends_with_its_topic(play: Callable[[str], Any], kind: str) -> None:
    found = play(f"now().onopen(); now().says({{ type: '{kind}' }}); now().onclose({{ code: 1000 }});")
    assert found["missed"] == [kind]
    assert found["closed"]
    assert len(found["sent"]) == 1


# -- in a browser

PAGE: Final = """<!doctype html><meta charset="utf-8"><script>
let reports = Promise.resolve();
const report = (value) => {
  reports = reports.then(() => fetch("/", { method: "POST", body: JSON.stringify(value) }));
  return reports;
};
%(snippet)s
const outcome = (url, ...offered) => new Promise((resolve) => {
  const socket = new WebSocket(url, offered);
  socket.onopen = () => { resolve(["open", socket.protocol]); socket.close(); };
  socket.onclose = ({ code }) => resolve(["closed", code]);
});
(async () => {
  await report(await outcome("%(closed_to_us)s"));
  await report(await outcome("%(url)s", "other", "inmem-pubsub"));
  await report(await outcome("%(url)s", "other"));
  follow("%(url)s", "orders", (e) => report(["event", e.seq, e.message.payload]), (m) => report(["missed", m.type]));
})();
</script>"""


@pytest.fixture
def page() -> Iterator[Page]:
    with serving() as page:
        yield page


@pytest.mark.browser
def test_it_works_in_a_browser(require_program: Callable[..., str], page: Page, tmp_path: Path) -> None:
    program = require_program(*BROWSERS)
    with (
        ServerProcess(tmp_path, "--topic", "orders", "--allowed-origin", page.origin) as server,
        ServerProcess(tmp_path) as closed_to_us,
        Proxy(server.address) as proxy,
        Peer(server.address) as publisher,
    ):
        page.html = PAGE % {
            "snippet": snippet(),
            "closed_to_us": closed_to_us.ws_url,
            "url": "ws://{}:{}/ws".format(*proxy.address),
        }
        with browsing(program, page.origin, tmp_path / "profile"):
            assert page.next() == ["closed", 1006]  # a foreign origin
            assert page.next() == ["open", "inmem-pubsub"]
            assert page.next() == ["closed", 1006]  # no subprotocol of those that it offered
            until(lambda: server.stats()["topics"]["orders"]["subscribers"], "a subscription")
            publisher.publish("orders", "m1", payload="while it is there")
            assert page.next() == ["event", 1, "while it is there"]
            proxy.cut()
            publisher.publish("orders", "m2", payload="while it is away")
            assert page.next() == ["event", 2, "while it is away"]
            server.delete("orders")
            assert page.next() == ["missed", "topic_deleted"]
        assert closed_to_us.metric("refusals_total", "foreign_origin") == 1
