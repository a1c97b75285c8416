"""The HTTP calls of a run: is it there, make a topic, what does its ring hold, delete it, what has it used."""

from typing import Any, Final, Self
from urllib.parse import quote

import httpx2

from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.target import Target, proxy_for, through_proxy
from inmem_pubsub.stress.wire import explain

_TIMEOUT: Final = 10.0  # seconds, for each step of a call


class Unreachable(Exception):
    """There is no server of ours at the target. `str()` is the reason."""


class Rest:
    """An async context manager that owns the HTTP connections."""

    __slots__ = ("_client", "_target")

    def __init__(self, target: Target) -> None:
        """Raises Unreachable for a proxy in the environment that cannot be used."""
        self._target = target
        try:
            # `trust_env` is what obeys proxy variables (and certificate ones): nothing for a server on this machine.
            self._client = httpx2.AsyncClient(timeout=_TIMEOUT, trust_env=not target.loopback)
        except (ImportError, ValueError) as error:
            raise Unreachable(f"cannot use the proxy {proxy_for(target)}: {explain(error)}") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def check_health(self) -> None:
        """Raises Unreachable."""
        try:
            status, body = await self._call("GET", "/health")
        except Shortfall as error:
            raise Unreachable(str(error)) from error
        if not isinstance(body, dict) or "status" not in body:
            raise Unreachable(f"{self._target} is something else than an inmem-pubsub server: /health answers {status}")
        if status != 200:
            raise Unreachable(f"{self._target} is not healthy: {body['status']}")

    async def create_topic(self, name: str, ring_buffer_size: int | None = None) -> None:
        asked: dict[str, Any] = {"name": name}
        if ring_buffer_size is not None:
            asked["ring_buffer_size"] = ring_buffer_size
        status, body = await self._call("POST", "/topics", asked)
        if status != 201:
            raise Shortfall(f"POST /topics answered {status}: {body}")

    async def ring_buffer_size(self, name: str) -> int:
        """How many messages the topic keeps at most."""
        status, body = await self._call("GET", "/topics")
        try:
            return next(int(topic["ring_buffer_size"]) for topic in body["topics"] if topic["name"] == name)
        except (KeyError, TypeError, ValueError, StopIteration):
            raise Shortfall(f"GET /topics answered {status} without the ring_buffer_size of {name}") from None

    async def delete_topic(self, name: str, *, may_be_gone: bool = False) -> None:
        status, body = await self._call("DELETE", f"/topics/{quote(name, safe='')}")
        if status != 200 and not (may_be_gone and status == 404):
            raise Shortfall(f"DELETE of the topic {name} answered {status}: {body}")

    async def metrics(self) -> str:
        response = await self._request("GET", "/metrics")
        if response.status_code != 200:
            raise Shortfall(f"GET /metrics answered {response.status_code}")
        return response.text

    async def _call(self, method: str, path: str, content: dict[str, Any] | None = None) -> tuple[int, Any]:
        response = await self._request(method, path, content)
        try:
            return response.status_code, response.json()
        except ValueError:
            return response.status_code, None

    async def _request(self, method: str, path: str, content: dict[str, Any] | None = None) -> httpx2.Response:
        try:
            return await self._client.request(method, self._target.http + path, json=content)
        except (OSError, httpx2.HTTPError) as error:
            through = through_proxy(self._target)
            raise Shortfall(f"cannot reach {self._target}{through}: {explain(error)}") from error
