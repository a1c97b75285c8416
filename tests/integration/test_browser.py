"""A page in a real browser talks to the server with nothing but `new WebSocket` and `fetch`."""

import json
import queue
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.conftest import Serve
from tests.integration.server_process import PATIENCE, STOPPING

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


class Page:
    """A tiny server of one page, and what the page reports."""

    def __init__(self) -> None:
        self.html = b""
        self.reports: queue.Queue[Any] = queue.Queue()
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(page.html)

            def do_POST(self) -> None:
                page.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def show(self, server: str) -> None:
        self.html = (PAGE % {"server": json.dumps(server), "names": json.dumps(NAMES).replace("<", "\\u003c")}).encode()

    def next(self) -> Any:
        return self.reports.get(timeout=2 * PATIENCE)


@pytest.fixture
def page() -> Iterator[Page]:
    served = Page()
    thread = threading.Thread(target=served.server.serve_forever, args=(0.01,))
    thread.start()
    yield served
    served.server.shutdown()
    served.server.server_close()
    thread.join()


@pytest.fixture
def chromium(require_program: Callable[..., str], tmp_path: Path) -> Callable[[str], Any]:
    program = require_program("chromium", "chromium-browser", "google-chrome")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
    flags += ["--disable-background-networking", "--no-first-run", f"--user-data-dir={tmp_path / 'profile'}"]

    @contextmanager
    def visit(url: str) -> Iterator[None]:
        process = subprocess.Popen(
            [program, *flags, url], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    return visit


@pytest.mark.browser
def test_a_page_of_a_listed_origin_publishes_and_shows_events(
    serve: Serve, page: Page, chromium: Callable[[str], Any]
) -> None:
    server = serve("--allowed-origin", page.url, *(f"--topic={name}" for name in NAMES), "--shutdown-spread=0s")
    page.show(server.url)
    with chromium(page.url):
        assert page.next() == {"made": 201, "right": True, "dom": "\n\n".join(f"1 {name}" for name in NAMES)}
        server.process.terminate()
        server.logged(STOPPING)
        ended = {"made": 201, "opened": True, "code": 1012, "reason": "shutdown", "wasClean": True}
        assert page.next() == ended
    assert server.wait() == 0


@pytest.mark.browser
def test_a_page_of_a_foreign_origin_gets_nowhere(serve: Serve, page: Page, chromium: Callable[[str], Any]) -> None:
    server = serve("--topic=orders")
    page.show(server.url)
    with chromium(page.url):
        assert page.next() == {"made": "refused", "opened": False, "code": 1006, "reason": "", "wasClean": False}
    stats = server.stats()
    assert set(stats["topics"]) == {"orders"}
    assert stats["global"]["refusals"] == {"foreign_origin": 2}
    assert stats["global"]["connections_total"] == 0
