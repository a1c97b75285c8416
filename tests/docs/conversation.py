"""Holds a conversation of the documentation with a real server, and compares what it answers with what stands there.

    > {"type": "ping", "request_id": "r1"}                      sent by the client
    < {"type":"pong","request_id":"r1","ts":"…"}                received: these fields, in this order
    B> {"type": …}                                              the same for a second connection
    < close 1008 policy_violation                               how it ends
    $ curl -X DELETE localhost:8080/topics/orders               done meanwhile over HTTP

Times are not compared. An epoch is another one in each run, but where the same stands twice the same must come, and
where another stands another. Nothing may come that does not stand there.
"""

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from tests.client_frames import CLOSE, Frame, close, frame
from tests.docs.console import run
from tests.house.source import ROOT
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess

_LINE: Final = re.compile(r"([A-Z]?)([<>]) (.*)")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Disagreement(AssertionError):
    pass


def is_conversation(text: str) -> bool:
    return any(_LINE.fullmatch(line) for line in text.splitlines())


def prepare(server: ServerProcess, topics: dict[str, dict[str, Any]]) -> None:
    """Have just these topics, made anew, with `published` messages m1, m2, … in each. `{"orders": {}}` is an empty one."""
    with server.http() as client:
        for topic in client.get("/topics").json()["topics"]:
            server.delete(topic["name"])
    with Peer(server.address) as peer:
        for name, options in topics.items():
            server.create(name, **{key: value for key, value in options.items() if key != "published"})
            for i in range(1, options.get("published", 0) + 1):
                message = {"id": f"m{i}", "payload": {"n": i}}
                assert peer.ask({"type": "publish", "topic": name, "message": message})["seq"] == i


@dataclass
class Conversation:
    server: ServerProcess
    stack: ExitStack
    peers: dict[str, Peer] = field(default_factory=dict)
    epochs: dict[str, str] = field(default_factory=dict)  # as it stands there -> as it is
    closed: set[str] = field(default_factory=set)

    def take(self, line: str) -> None:
        if line.startswith("$ "):
            (output,) = run(line, ROOT, "{}:{}".format(*self.server.address))
            if "error" in output:
                raise Disagreement(f"{line}\n{output}")
        elif match := _LINE.fullmatch(line):
            name, direction, text = match.groups()
            (self._send if direction == ">" else self._receive)(name, text)
        else:
            raise Disagreement(f"neither sent nor received: {line}")

    def finish(self) -> None:
        for name, peer in self.peers.items():
            if name not in self.closed and (more := peer.until_idle()):
                raise Disagreement(f"this came, and does not stand there: {more}")

    def _peer(self, name: str) -> Peer:
        if name not in self.peers:
            self.peers[name] = self.stack.enter_context(Peer(self.server.address))
        return self.peers[name]

    def _send(self, name: str, text: str) -> None:
        if ending := re.fullmatch(r"close (\d+)", text):
            self._peer(name).send_raw(close(int(ending[1])))
            return
        for written, real in self.epochs.items():
            text = text.replace(f'"{written}"', f'"{real}"')
        self._peer(name).send_raw(frame(text.encode()))

    def _receive(self, name: str, text: str) -> None:
        found = self._peer(name).frame()
        if found is None:
            raise Disagreement(f"the stream ended instead of {text}")
        if found.opcode == CLOSE:
            self.closed.add(name)
            shown = f"close {found.code} {found.payload[2:].decode()}".rstrip()
        elif text.startswith("{"):
            shown, text = self._comparable(found, text)
        else:
            shown = found.payload.decode()
        if shown != text:
            raise Disagreement(f"{shown}\n--- instead of\n{text}")

    def _comparable(self, found: Frame, text: str) -> tuple[str, str]:
        """Both without what differs from run to run, once it is seen to be of the right shape."""
        expected, received = json.loads(text), found.json
        for message in (expected, received):
            if "ts" in message and _TIME.fullmatch(message["ts"]):
                message["ts"] = ""
        if "epoch" in received and "epoch" in expected:
            written, real = expected["epoch"], received["epoch"]
            if real not in self.epochs.values():
                self.epochs.setdefault(written, real)
            if self.epochs.get(written) == real:
                received["epoch"] = written
        return json.dumps(received, ensure_ascii=False), json.dumps(expected, ensure_ascii=False)


def hold(server: ServerProcess, text: str, stack: ExitStack | None = None) -> None:
    """The connections are closed with the stack, or else at the end. Raises Disagreement."""
    if stack is None:
        with ExitStack() as own:
            hold(server, text, own)
        return
    conversation = Conversation(server, stack)
    for line in text.splitlines():
        if line.strip():
            conversation.take(line)
    conversation.finish()
