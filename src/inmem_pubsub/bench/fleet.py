"""The processes that make the load, seen from the one that started them."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Coroutine, Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from inmem_pubsub.bench.board import new_file
from inmem_pubsub.bench.orders import Answer, Failure, Go, Order, Progress, Ready, Result, Share, Stop, answers
from inmem_pubsub.stress.audit import Shortfall

T = TypeVar("T")

_COMMAND: Final = (sys.executable, "-m", "inmem_pubsub.bench.worker")
_LONGEST_LINE: Final = 64 * 1024 * 1024
_AHEAD: Final = 0.1  # seconds between the word to begin and the beginning
_STOP_TIMEOUT: Final = 5.0


class Crew:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.progress = Progress(0, 0, 0, 0)
        self._process = process

    def tell(self, order: Order) -> None:
        stdin = self._process.stdin
        if stdin is None:
            raise AssertionError("stdin is a pipe")
        with contextlib.suppress(OSError):  # it is gone, which its answers say
            stdin.write(msgspec.json.encode(order) + b"\n")

    async def answer(self) -> Answer:
        """Raises Shortfall if there is none any more."""
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError("stdout is a pipe")
        line = await stdout.readline()
        if not line:
            raise Shortfall(f"a process of the load ended by itself with exit code {await self._process.wait()}")
        answer: Answer = answers.decode(line)
        if isinstance(answer, Failure):
            raise Shortfall(answer.reason)
        return answer

    async def end(self) -> None:
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


class Fleet:
    """An async context manager; inside it the processes are there, and they are gone behind it.

    `share` is what all of them have to do; each gets its own number.
    """

    def __init__(self, share: Share) -> None:
        self._share = share
        self._crews: list[Crew] = []
        self._board = new_file(share.plan.processes)
        self._stopped = False

    @property
    def progress(self) -> Progress:
        """Of all."""
        counts: Sequence[Progress] = [crew.progress for crew in self._crews]
        names = Progress.__struct_fields__
        return Progress(**{name: sum(getattr(count, name) for count in counts) for name in names})

    async def __aenter__(self) -> Self:
        """All connections are open and subscribed. Raises Shortfall."""
        descriptor = self._board.fileno()
        try:
            for number in range(self._share.plan.processes):
                process = await asyncio.create_subprocess_exec(
                    *_COMMAND,
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    pass_fds=[descriptor],
                    start_new_session=True,  # Ctrl-C is for us; they are to bring home what they have
                    limit=_LONGEST_LINE,
                )
                self._crews.append(Crew(process))
                self._crews[-1].tell(msgspec.structs.replace(self._share, board=descriptor, process=number))
            for answer in await _all(crew.answer() for crew in self._crews):
                if not isinstance(answer, Ready):
                    raise AssertionError(f"not ready: {answer}")
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        await asyncio.gather(*(crew.end() for crew in self._crews))
        self._board.close()

    def go(self) -> int:
        """Begin. Returns when, in nanoseconds of the monotonic clock."""
        start = time.monotonic_ns() + round(_AHEAD * 1e9)
        for crew in self._crews:
            crew.tell(Go(start))
        return start

    def stop(self) -> None:
        """Publish no more, and bring home what there is. Idempotent."""
        if not self._stopped:
            self._stopped = True
            for crew in self._crews:
                crew.tell(Stop())

    async def results(self) -> list[Result]:
        """Raises Shortfall. One that ends before its time stops the others."""
        return await _all(self._result(crew) for crew in self._crews)

    async def _result(self, crew: Crew) -> Result:
        while not isinstance(answer := await crew.answer(), Result):
            if isinstance(answer, Progress):
                crew.progress = answer
        if answer.stopped or answer.stalled:
            self.stop()
        return answer


async def _all(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
