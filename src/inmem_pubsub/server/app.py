"""The HTTP routes. A topic's name is taken from the path as it was sent and decoded once, so that any name has a path.

Limits, deadlines, Host and Origin have been seen to by the edge in front (http_guard.py).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from inmem_pubsub.core import Policy, Topic
from inmem_pubsub.errors import LimitExceeded, TopicExists
from inmem_pubsub.protocol import strict_json
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.json_members import Members, Repeated
from inmem_pubsub.protocol.names import why_invalid
from inmem_pubsub.server.metrics import expose
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.stats import global_stats, topic_stats
from inmem_pubsub.server.turns import ClientLeft, Turns

log = structlog.stdlib.get_logger("inmem_pubsub.app")

MAX_RING: Final = 1_000_000  # messages that a topic may ask for; its ring is bounded by bytes all the same
_OF_A_TOPIC: Final = Members(("name", "policy", "buffer", "ring_buffer_size"))
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Problem(Exception):
    """An answer that is not the one asked for."""

    def __init__(self, status: int, error: str, code: ErrorCode | None = None, topic: str | None = None) -> None:
        super().__init__(error)
        self.status = status
        self.body = {"error": error}
        if topic is not None:
            self.body["topic"] = topic
        if code is not None:
            self.body["code"] = code


def make_app(node: Node) -> Starlette:
    routes = Routes(node)
    app = Starlette(
        routes=[
            Route("/topics", _counted(node, routes.topics), methods=["GET", "POST"]),
            Route("/topics/", _counted(node, routes.nowhere), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
            Route("/topics/{name:path}", _counted(node, routes.delete), methods=["DELETE"]),
            Route("/health", _counted(node, routes.health), methods=["GET"]),
            Route("/stats", _counted(node, routes.stats), methods=["GET"]),
            Route("/metrics", _counted(node, routes.metrics), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_problem(node), Exception: _failure},
    )
    app.router.redirect_slashes = False
    return app


class Routes:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._turns = Turns()  # at answers about all topics

    async def topics(self, request: Request) -> Response:
        if request.method == "POST":
            return self._create(await request.body())
        async with self._turns.turn(_left(request)):
            return answer(200, {"topics": [topic_stats(topic) for topic in self._node.hub.topics.values()]})

    def _create(self, body: bytes) -> Response:
        wanted = _object(body)
        name = wanted.get("name")
        if name is None or name == "":
            raise Problem(400, "Topic name is required", ErrorCode.MISSING_TOPIC)
        if not isinstance(name, str):
            raise Problem(400, "Field 'name' must be a string", ErrorCode.BAD_REQUEST)
        if (why := why_invalid(name)) is not None:
            raise Problem(400, f"The topic name {why}", ErrorCode.INVALID_TOPIC)
        policy = wanted.get("policy")
        if policy is not None and policy not in list(Policy):
            raise Problem(400, f"Field 'policy' must be one of {', '.join(Policy)}", ErrorCode.BAD_REQUEST)
        buffer = _whole(wanted, "buffer")
        ring_events = _whole(wanted, "ring_buffer_size")
        try:
            self._node.hub.create(
                name, policy=None if policy is None else Policy(policy), buffer=buffer, ring_events=ring_events
            )
        except TopicExists:
            raise Problem(409, "Topic already exists", topic=name) from None
        except LimitExceeded as error:
            raise Problem(503, str(error), ErrorCode.LIMIT_EXCEEDED, name) from None
        return answer(201, {"message": "Topic created successfully", "topic": name})

    async def nowhere(self, _request: Request) -> Response:
        """A slash too many is no redirect: behind a proxy that would name a host which nobody else knows."""
        raise Problem(404, "Not Found")

    async def delete(self, request: Request) -> Response:
        topic = self._topic(request)
        self._node.wall.tick()
        self._node.hub.delete(topic)
        return answer(200, {"message": "Topic deleted successfully", "topic": topic.name})

    def _topic(self, request: Request) -> Topic:
        """The topic that the path names."""
        raw: bytes = request.scope["raw_path"]
        segment = raw.removeprefix(b"/topics/")
        if b"/" in segment:
            raise Problem(404, "Not Found")
        try:
            name = unquote_to_bytes(segment).decode()
        except UnicodeDecodeError:
            raise Problem(400, "The topic name is not UTF-8", ErrorCode.INVALID_TOPIC) from None
        topic = self._node.hub.topics.get(name)
        if topic is None:
            raise Problem(404, "Topic not found", topic=name)
        return topic

    async def health(self, _request: Request) -> Response:
        node = self._node
        status = {
            "status": "shutting_down" if node.draining else "healthy",
            "uptime_seconds": int(node.uptime),
            "topics_count": len(node.hub.topics),
            "total_subscribers": node.hub.subscribers(),
            "timestamp": node.wall.text(),
        }
        return answer(503 if node.draining else 200, status)

    async def stats(self, request: Request) -> Response:
        node = self._node
        async with self._turns.turn(_left(request)):
            topics = {topic.name: topic_stats(topic) for topic in node.hub.topics.values()}
            return answer(200, {"timestamp": node.wall.text(), "global": global_stats(node), "topics": topics})

    async def metrics(self, request: Request) -> Response:
        async with self._turns.turn(_left(request)):
            text = expose(self._node)
        return Response(text, headers=_NO_STORE | {"Content-Type": CONTENT_TYPE_LATEST})


def answer(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(body), status, headers=_NO_STORE | (headers or {}), media_type="application/json"
    )


def _left(request: Request) -> Callable[[], Awaitable[None]]:
    async def leaves() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass  # the body, which is none

    return leaves


def _object(text: bytes) -> dict[str, Any]:
    """The members that we know; an array or object among them is empty."""
    try:
        outline = strict_json.check(text)
    except strict_json.InvalidJson as error:
        raise Problem(400, f"Invalid JSON: {error}", ErrorCode.INVALID_JSON) from None
    if not strict_json.is_object(text):
        raise Problem(400, "The body must be a JSON object", ErrorCode.BAD_REQUEST)
    try:
        return _OF_A_TOPIC.read(outline, outline.flat())
    except Repeated as repeated:
        raise Problem(400, f"Field '{repeated.name}' stands there twice", ErrorCode.BAD_REQUEST) from None


def _whole(wanted: dict[str, Any], key: str) -> int | None:
    value = wanted.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_RING:
        raise Problem(400, f"Field '{key}' must be an integer from 1 to {MAX_RING}", ErrorCode.BAD_REQUEST)
    return value


Handler = Callable[[Request], Awaitable[Response]]


def _counted(node: Node, handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            response = await handler(request)
        except ClientLeft:
            return Response()  # which nobody gets
        except Problem as problem:
            response = answer(problem.status, problem.body)
        except Exception as error:
            log.error("a route failed", method=request.method, exc_info=error)
            response = _failure(request, error)
        node.http_requests[response.status_code] += 1
        return response

    return handle


def _http_problem(node: Node) -> Callable[[Request, Exception], Response]:
    def handle(_request: Request, error: Exception) -> Response:
        """Starlette's own: no such route, or a method that this one does not have."""
        if not isinstance(error, HTTPException):
            raise AssertionError(f"not an HTTP error: {error!r}")
        node.http_requests[error.status_code] += 1
        headers = dict(error.headers or {})
        if "Allow" in headers:  # Starlette joins a set
            headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        return answer(error.status_code, {"error": error.detail}, headers)

    return handle


def _failure(_request: Request, _error: Exception) -> Response:
    return answer(500, {"error": "Internal server error", "code": ErrorCode.INTERNAL_ERROR})
