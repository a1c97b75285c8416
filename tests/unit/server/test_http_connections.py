"""Who has kept the server waiting for longest goes first."""

import pytest

from inmem_pubsub.server.clock import DeadlineClock
from inmem_pubsub.server.http_connections import HttpConnections
from tests.unit.server.websocket_fakes import Link, make_node, on_a_loop


class Guard:
    def __init__(self, http: HttpConnections, name: str, deadline: float = 10.0) -> None:
        self.http = http
        self.name = name
        self.deadline = deadline
        self.gone = False
        self.late = 0
        self.fault: Exception | None = None  # of our own
        self.failures: list[Exception] = []
        http.opened(self)

    def deadline_has_come(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.late += 1

    def failed(self, error: Exception) -> None:
        self.failures.append(error)

    def let_go(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.gone = True
        self.http.waits(self)  # as a closing one does until it is lost


@pytest.fixture
def http() -> HttpConnections:
    return HttpConnections(3, DeadlineClock(lambda: 0.0, 1.0))


def test_the_one_that_has_waited_longest_is_let_go(http: HttpConnections) -> None:
    a, b, c = (Guard(http, name) for name in "abc")
    for each in (b, a, c):
        http.waits(each)
    assert http.let_go()
    assert [each.name for each in (a, b, c) if each.gone] == ["b"]
    assert http.let_go()
    assert [each.name for each in (a, b, c) if each.gone] == ["a", "b"]
    assert repr(http) == "<HttpConnections open=3 waiting=1>"


def test_who_begins_to_wait_again_stands_last(http: HttpConnections) -> None:
    a, b = Guard(http, "a"), Guard(http, "b")
    for each in (a, b, a):
        http.waits(each)
    http.let_go()
    assert b.gone


def test_who_is_being_answered_is_not_let_go(http: HttpConnections) -> None:
    guard = Guard(http, "a")
    http.works(guard)
    assert not http.let_go()
    assert not guard.gone


def test_who_is_closed_is_forgotten(http: HttpConnections) -> None:
    guard = Guard(http, "a", deadline=0.0)
    http.waits(guard)
    http.closed(guard)
    http.closed(guard)
    assert http.open == {}
    assert not http.let_go()
    http.sweep(1.0)
    assert guard.late == 0


def test_who_has_only_just_arrived_waits(http: HttpConnections) -> None:
    guard, _ = Guard(http, "a"), Guard(http, "b")
    assert http.let_go()
    assert guard.gone


def test_a_sweep_looks_at_everyone(http: HttpConnections) -> None:
    waiting, working, early = Guard(http, "a", 9.0), Guard(http, "b", 10.0), Guard(http, "c", 10.5)
    http.waits(waiting)
    http.sweep(10.0)
    assert [each.late for each in (waiting, working, early)] == [1, 1, 0]


def test_a_fault_in_one_costs_the_others_nothing(http: HttpConnections) -> None:
    guards = [Guard(http, name) for name in "abc"]
    fault = guards[0].fault = ZeroDivisionError()
    http.sweep(10.0)
    assert [guard.late for guard in guards] == [0, 1, 1]
    assert http.let_go()
    assert guards[0].failures == [fault, fault]
    assert http.let_go()
    assert [guard.gone for guard in guards] == [False, True, False]


@on_a_loop
async def test_http_has_the_room_that_websockets_leave_and_its_own() -> None:
    with make_node(max_connections=2, max_http_connections=1) as node:
        guards = [Guard(node.http, name) for name in "ab"]

        def gone() -> list[str]:
            return [guard.name for guard in guards if guard.gone]

        for guard in guards:
            node.http.waits(guard)
        node.make_room()
        assert gone() == [], "a third place"
        Link(node)
        node.make_room()
        assert gone() == ["a"]
        node.http.closed(guards[0])
        node.make_room()
        assert gone() == ["a"]
        Link(node)
        node.make_room()
        assert gone() == ["a", "b"]
        node.http.works(guards[1])
        with pytest.raises(Exception, match="503 max_http_connections"):
            node.make_room()
        assert node.connections.refused == {"max_http_connections": 1}
