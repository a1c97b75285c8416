"""A server's life: start, serve, drain, stop, in that order on this page."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Final

import structlog
import uvicorn

import inmem_pubsub
from inmem_pubsub.config import Settings
from inmem_pubsub.protocol.origin import is_loopback
from inmem_pubsub.server import logs
from inmem_pubsub.server.acceptor import Acceptor
from inmem_pubsub.server.app import make_app
from inmem_pubsub.server.drain import drain
from inmem_pubsub.server.echo import VARIABLE, EchoSocket, asked_for
from inmem_pubsub.server.http_guard import guard_class
from inmem_pubsub.server.listener import listen, room_for_connections
from inmem_pubsub.server.memory import in_mib
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.websocket import WebSocket

log = structlog.stdlib.get_logger("inmem_pubsub.server")

STOPPING: Final = (
    0.5  # seconds of shutdown_timeout that are kept for what comes after the drain; a quarter of a short one
)
HTTP_GRACE: Final = 1.0  # seconds at most that answers under way then get
STEP: Final = 0.02  # seconds between two looks


def run(settings: Settings, warnings: Sequence[str] = ()) -> int:
    """Serve until a signal ends it. Returns the exit code. Raises ConfigError, and CannotListen which is one."""
    logs.keep_standard_streams()
    logs.configure(settings.log_level, settings.log_format, settings.log_lines)
    for warning in warnings:
        log.warning(warning)
    sockets = listen(settings)
    websocket = _websocket(sockets)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(serve(settings, sockets, websocket))


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    """uvloop where there is one; `INMEM_PUBSUB_TEST_LOOP=asyncio` asks for the other, for tests."""
    if os.environ.get("INMEM_PUBSUB_TEST_LOOP") != "asyncio":
        with contextlib.suppress(ImportError):
            import uvloop  # noqa: PLC0415  # optional

            return uvloop.Loop
    return None


def _websocket(sockets: Sequence[socket.socket]) -> type[WebSocket]:
    if not asked_for(sockets):
        return WebSocket
    log.warning("every message is echoed, and nobody can publish or subscribe: that is for tests", because=VARIABLE)
    return EchoSocket


class _Uvicorn(uvicorn.Server):
    """Signals are ours: the drain comes before uvicorn hears of a stop. So is the stop: it logs what is no error. So is
    accepting: there is a bound (acceptor.py).
    """

    stop_by = 0.0  # on the loop's clock

    def __init__(self, config: uvicorn.Config, node: Node) -> None:
        super().__init__(config)
        self._node = node
        self._acceptor: Acceptor | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop, guard = asyncio.get_running_loop(), guard_class(self._node)
        self._acceptor = Acceptor(
            loop, sockets or (), lambda: guard(self.config, self.server_state, {}, loop), self._node
        )
        self._acceptor.start()
        self.started = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Who is idle is closed, who is being answered has a moment. The listener goes last: nobody is refused."""
        loop = asyncio.get_running_loop()
        end = min(self.stop_by - 2 * STEP, loop.time() + HTTP_GRACE)
        connections = self.server_state.connections
        for connection in list(connections):
            connection.shutdown()
        while connections and loop.time() < end:  # noqa: ASYNC110  # uvicorn's set of connections wakes nobody
            await asyncio.sleep(STEP)
        if self._acceptor is not None:
            self._acceptor.close()
        if connections:
            log.warning("connections over HTTP are cut: they take too long", connections=len(connections))
        for connection in list(connections):
            connection.transport.abort()
        await asyncio.sleep(STEP)  # for the applications behind them to see it


async def serve(settings: Settings, sockets: Sequence[socket.socket], websocket: type[WebSocket]) -> int:
    # start
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.on_loop_exception)
    stop = _watch_signals(loop)
    node = Node(settings, loop)
    for name in settings.topics:
        node.hub.create(name)
    node.connections.websocket = websocket
    node.connections.limit, node.http.limit = room_for_connections(
        settings.max_connections, settings.max_http_connections
    )
    server = _uvicorn(node)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(sockets=list(sockets)))
        sweeping = tasks.create_task(_sweep(node))
        # What is here now stays, and what a message makes is freed as it goes: the collector need not look so often.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 50, 100)
        _announce(node, sockets)

        # serve
        name = await stop.wait_for_signal()

        # drain
        log.info("shutting down", signal=name, connections=len(node.connections.open))
        server.stop_by = loop.time() + settings.shutdown_timeout
        node.drain()
        outcome = await drain(node, settings.shutdown_timeout - min(STOPPING, settings.shutdown_timeout / 4))

        # stop
        server.should_exit = True
        await serving
        sweeping.cancel()
    log.info(
        "stopped",
        closed=outcome.closed,
        cut=outcome.cut,
        unsent_bytes=outcome.unsent_bytes,
        events_discarded=outcome.discarded,
    )
    return 0


class _Stop:
    """The first signal asks for a drain, the second ends the process at once."""

    def __init__(self) -> None:
        self._signalled = asyncio.Event()
        self._name = ""

    async def wait_for_signal(self) -> str:
        await self._signalled.wait()
        return self._name

    def signalled(self, number: int) -> None:
        if self._signalled.is_set():
            os._exit(128 + number)
        self._name = signal.Signals(number).name
        self._signalled.set()


def _watch_signals(loop: asyncio.AbstractEventLoop) -> _Stop:
    stop = _Stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.signalled, number)
    loop.add_signal_handler(signal.SIGHUP, log.info, "SIGHUP is ignored: settings are read at the start only")
    return stop


def _uvicorn(node: Node) -> _Uvicorn:
    config = uvicorn.Config(
        make_app(node),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    return _Uvicorn(config, node)


async def _sweep(node: Node) -> None:
    """Deadlines of all connections, and how late the loop wakes.

    What a peer has sent in time is read before it is judged, however late that is; who was stopped together with us (one
    laptop, one paused pod) has a moment, too.
    """
    interval, loop = node.clock.interval, node.loop
    while True:
        asleep_at = loop.time()
        await asyncio.sleep(interval)
        now = loop.time()
        node.loop_delay = max(0.0, now - asleep_at - interval)
        node.loop_delay_max = max(node.loop_delay_max, node.loop_delay)
        if node.clock.stopped:
            await asyncio.sleep(interval)
        await asyncio.sleep(0)  # uvloop runs timers, this one too, before it polls
        node.sweep()


def _announce(node: Node, sockets: Sequence[socket.socket]) -> None:
    """One line that says where, and warnings where something matters."""
    settings = node.settings
    port = sockets[0].getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    log.info(
        "inmem-pubsub listens",
        version=inmem_pubsub.__version__,
        address=f"http://{host}:{port}",
        websocket=f"ws://{host}:{port}{settings.ws_path}",
        memory_at_most=in_mib(node.memory.total),
    )
    log.info("memory at most", **{part: in_mib(size) for part, size in node.memory.parts().items()})
    if node.connections.limit < settings.max_connections:
        log.warning(
            "max_connections is lowered: the limit of open files does not allow more",
            max_connections=node.connections.limit,
            wanted=settings.max_connections,
        )
    if not is_loopback(settings.host):
        log.warning("anyone who can reach this address may publish and subscribe: there is no authentication")
