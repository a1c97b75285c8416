"""The server, with a fault of its own wherever it has to do with `boom`: a topic, an id, a path, a payload of that name.

Run as `python faulty_server.py serve …`. A fault is an exception, whose text is what no log line may show.
"""

import sys
from collections.abc import Callable
from typing import Any, Final

from inmem_pubsub.cli.main import main
from inmem_pubsub.core import Connection, Data, Hub
from inmem_pubsub.core.fanout import Fanout
from inmem_pubsub.protocol import session
from inmem_pubsub.protocol.fragments import Fragments
from inmem_pubsub.protocol.frames import Replies
from inmem_pubsub.server import app, http_guard, websocket
from inmem_pubsub.server.app import Routes
from inmem_pubsub.server.websocket import WebSocket

SECRET: Final = "published-in-secret\x1b[31m\n"

Concerns = Callable[..., bool]


class Fault(Exception):
    pass


def plant(owner: Any, name: str, concerns: Concerns) -> None:
    real = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        if concerns(*arguments):
            raise Fault(SECRET)
        return real(*arguments, **named)

    setattr(owner, name, call)


def subscribed(connection: Connection, to: str) -> bool:
    return to in connection.subscriptions


def in_query(_routes: Routes, request: Any) -> bool:
    return "boom" in request.url.query


def plant_all() -> None:
    # of a message
    plant(session, "decode", lambda text: b"boom-decode" in text)
    plant(Hub, "publish", lambda _hub, topic, _message: topic.name.startswith("boom-publish"))
    plant(Hub, "subscribe", lambda _hub, _connection, topic: topic.name == "boom-subscribe")
    plant(Hub, "unsubscribe", lambda _hub, _connection, name: name == "boom-unsubscribe")
    plant(Replies, "pong", lambda _replies, request_id: request_id == "boom-ping")
    plant(websocket, "pong_frame", lambda payload: payload == b"boom-ping-frame")
    plant(websocket, "close_code", lambda payload: payload.endswith(b"boom-close"))
    plant(Fragments, "add", lambda _fragments, payload, _final: b"boom-fragment" in payload)
    plant(WebSocket, "_take_special", lambda _self, _kind, _frame, payload: payload == b"boom-special")
    # of a connection
    plant(WebSocket, "sweep", lambda self, _now: subscribed(self.connection, "boom-sweep"))
    plant(Fanout, "paused", lambda _fanout, connection: subscribed(connection, "boom-paused"))
    plant(Fanout, "resumed", lambda _fanout, connection: subscribed(connection, "boom-resumed"))
    plant(Hub, "close", lambda _hub, connection, code=None: code is None and subscribed(connection, "boom-end"))
    plant_in_write()
    # of a tick
    plant(Fanout, "_deliver", lambda _fanout, topic, _alone: topic.name == "boom-deliver")
    # of a request
    for route in ("topics", "health", "stats", "metrics"):
        plant(Routes, route, in_query)
    plant(http_guard, "check_host", lambda head: b"boom-head" in head.path)
    plant(http_guard, "check_handshake", lambda head: b"?boom" in head.target)
    plant(app, "unquote_to_bytes", lambda segment: b"boom-delete" in segment)


def plant_in_write() -> None:
    begin = WebSocket.__init__

    def patched(self: WebSocket, *arguments: Any) -> None:
        begin(self, *arguments)
        write = self.connection.write

        def call(data: Data) -> object:
            if b"boom-write" in bytes(data) and b'"event"' in data and subscribed(self.connection, "boom-victim"):
                raise Fault(SECRET)
            return write(data)

        self.connection.write = call

    WebSocket.__init__ = patched  # type: ignore[assignment, method-assign]  # that is what it is about


if __name__ == "__main__":
    plant_all()
    sys.exit(main())
