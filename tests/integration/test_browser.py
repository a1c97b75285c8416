"""A page in a real browser talks to the server with nothing but `new WebSocket` and `fetch`."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest

from tests.integration.browser import BROWSERS, Page, browsing, serving
from tests.integration.conftest import Serve
from tests.integration.server_process import STOPPING

PAGE: Final = """<!doctype html><meta charset="utf-8"><title>-</title><script>
const server = %(server)s, names = %(names)s;
const report = (what) => fetch("/", { method: "POST", body: JSON.stringify(what) });
const shown = (text) => {
  const line = document.createElement("p");
  line.textContent = text;
  document.body.append(line);
  return document.body.innerText;
};
addEventListener("load", async () => {
  const made = await fetch(server + "/topics", { method: "POST", body: JSON.stringify({ name: "made here" }) })
    .then((answer) => answer.status, () => "refused");
  const socket = new WebSocket(server.replace("http", "ws") + "/ws");
  let opened = false, events = 0;
  const say = (message) => socket.send(JSON.stringify(message));
  socket.onopen = () => {
    opened = true;
    for (const topic of names) {
      say({ type: "subscribe", topic });
      say({ type: "publish", topic, message: { id: "m", payload: { topic, numbers: [1.5, -0, 1e21], nothing: null } } });
    }
  };
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    if (message.type !== "event") return;
    const right = message.topic === message.message.payload.topic;
    const dom = shown(`${message.seq} ${message.topic}`);
    if (++events === names.length) report({ made, right, dom });
  };
  socket.onclose = ({ code, reason, wasClean }) => report({ made, opened, code, reason, wasClean });
});
</script><body></body>"""
NAMES: Final = ["orders", "café", "🎉", "__proto__", '"quoted"', "<b"]


Visiting = Callable[[str], AbstractContextManager[None]]


def html(server: str) -> str:
    return PAGE % {"server": json.dumps(server), "names": json.dumps(NAMES).replace("<", "\\u003c")}


@pytest.fixture
def page() -> Iterator[Page]:
    with serving() as page:
        yield page


@pytest.fixture
def visiting(require_program: Callable[..., str], tmp_path: Path) -> Visiting:
    program = require_program(*BROWSERS)
    return lambda url: browsing(program, url, tmp_path / "profile")


@pytest.mark.browser
def test_a_page_of_a_listed_origin_publishes_and_shows_events(serve: Serve, page: Page, visiting: Visiting) -> None:
    server = serve("--allowed-origin", page.origin, *(f"--topic={name}" for name in NAMES), "--shutdown-spread=0s")
    page.html = html(server.url)
    with visiting(page.origin):
        assert page.next() == {"made": 201, "right": True, "dom": "\n\n".join(f"1 {name}" for name in NAMES)}
        server.process.terminate()
        server.logged(STOPPING)
        ended = {"made": 201, "opened": True, "code": 1012, "reason": "shutdown", "wasClean": True}
        assert page.next() == ended
    assert server.wait() == 0


@pytest.mark.browser
def test_a_page_of_a_foreign_origin_gets_nowhere(serve: Serve, page: Page, visiting: Visiting) -> None:
    server = serve("--topic=orders")
    page.html = html(server.url)
    with visiting(page.origin):
        assert page.next() == {"made": "refused", "opened": False, "code": 1006, "reason": "", "wasClean": False}
    stats = server.stats()
    assert set(stats["topics"]) == {"orders"}
    assert stats["global"]["refusals"] == {"foreign_origin": 2}
    assert stats["global"]["connections_total"] == 0
