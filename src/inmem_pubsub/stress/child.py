"""A server of our own, for a run that was not given one: a child process on a free loopback port.

It is started with the settings of the environment, except for where it listens and what it logs, and is stopped with
SIGTERM: a server that does not end with exit code 0 has failed the run.
"""

import asyncio
import re
import sys
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from inmem_pubsub.stress.rest import Unreachable
from inmem_pubsub.stress.target import Target, parse

_COMMAND: Final = (sys.executable, "-m", "inmem_pubsub", "serve")
_ARGUMENTS: Final = ("--host", "127.0.0.1", "--port", "0", "--ws-path", "/ws", "--log-level", "info")
_START_TIMEOUT: Final = 20.0  # seconds
_STOP_TIMEOUT: Final = 15.0  # more than a server's own shutdown_timeout
_KEPT_LINES: Final = 20  # of its log, for when it fails
_READ_SIZE: Final = 64 * 1024
_MAX_LINE: Final = 64 * 1024  # bytes of a line that are kept

_ADDRESS: Final = re.compile(rb"http://127\.0\.0\.1:([1-9][0-9]*)")


class ChildServer:
    """An async context manager; inside it the server takes connections at `target`."""

    def __init__(self, command: Sequence[str] = _COMMAND) -> None:
        self.target: Target
        self.reasons: tuple[str, ...] = ()  # after the end: why it was not a good one
        self._command = command
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._process: asyncio.subprocess.Process
        self._reader: asyncio.Task[None]
        self._address: asyncio.Future[str]

    async def __aenter__(self) -> Self:
        """Raises Unreachable."""
        self._address = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            *_ARGUMENTS,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop it when its topics are deleted
        )
        self._reader = asyncio.create_task(self._read_log())
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                self.target = parse(await self._address)
        except BaseException as error:
            await self._stop()
            if isinstance(error, TimeoutError):
                raise Unreachable(
                    f"the server did not start within {_START_TIMEOUT:g} s: {self._last_words()}"
                ) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        died = self._process.returncode is not None
        code = await self._stop()
        if code is None:
            self.reasons = (f"the server did not end within {_STOP_TIMEOUT:g} s of SIGTERM: {self._last_words()}",)
        elif died:
            self.reasons = (f"the server ended by itself with exit code {code}: {self._last_words()}",)
        elif code:
            self.reasons = (f"the server answered SIGTERM with exit code {code}: {self._last_words()}",)

    async def ended(self) -> None:
        """Returns when the server has ended, by itself or stopped."""
        await self._process.wait()

    async def _stop(self) -> int | None:
        """The exit code; None if it had to be killed."""
        process = self._process
        try:
            if process.returncode is None:
                process.terminate()
            async with asyncio.timeout(_STOP_TIMEOUT):
                return await process.wait()
        except ProcessLookupError:
            return await process.wait()
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self._reader.cancel()
            await asyncio.wait([self._reader])

    async def _read_log(self) -> None:
        """Read on to the end, or a full pipe would stop the server."""
        stdout = self._process.stdout
        if stdout is None:
            raise AssertionError("stdout is a pipe")
        rest = b""
        while data := await stdout.read(_READ_SIZE):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[:_MAX_LINE]
            for line in lines:
                self._lines.append(line.decode(errors="replace").strip())
                if not self._address.done() and (match := _ADDRESS.search(line)):
                    self._address.set_result(match[0].decode())
        if rest:
            self._lines.append(rest.decode(errors="replace").strip())
        code = await self._process.wait()
        if not self._address.done():
            self._address.set_exception(
                Unreachable(f"the server did not start (exit code {code}): {self._last_words()}")
            )

    def _last_words(self) -> str:
        return next((line for line in reversed(self._lines) if line), "it said nothing")
