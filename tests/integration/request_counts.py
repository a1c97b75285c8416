"""How many requests a server has counted, and what the players of tests/cases/http_edge.py share."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from tests.integration.peer import connected, read_all
from tests.integration.server_process import ServerProcess

# The names that the cases ask for, and that a server on a loopback address has to allow.
HOSTS: Final = ("a", "a.example", "a.example.", "my_service", "[2001:db8::1]", "[::ffff:127.0.0.1]")
PROBE: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_SERIES: Final = re.compile(
    r"^inmem_pubsub_(http_requests|refusals|connections_accepted)_total(?:\{.*=\"(.*)\"\})? (.*)$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Counted:
    """Requests that the application has answered, by status; those that the edge has refused, by reason; WebSockets."""

    answered: Counter[str]
    refused: Counter[str]
    opened: float

    @property
    def total(self) -> float:
        return self.answered.total() + self.refused.total() + self.opened

    def since(self, before: "Counted") -> "Counted":
        return Counted(self.answered - before.answered, self.refused - before.refused, self.opened - before.opened)


class Census:
    """Counts the requests of a server, without its own."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._asked = 0

    def take(self) -> Counted:
        with connected(self._server.address) as sock:
            sock.sendall(PROBE.replace(b"/health", b"/metrics"))
            text = read_all(sock).decode()
        answered = Counter({"200": -self._asked})
        refused: Counter[str] = Counter()
        opened = 0.0
        for name, label, value in _SERIES.findall(text):
            match name:
                case "http_requests":
                    answered[label] += int(float(value))
                case "refusals":
                    refused[label] += int(float(value))
                case _:
                    opened = float(value)
        self._asked += 1
        return Counted(answered, refused, opened)
