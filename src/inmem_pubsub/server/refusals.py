"""What is answered where the server has no room, or no time, for a request that is sound."""

from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.http_head import BadRequest


def shutting_down() -> BadRequest:
    return BadRequest(503, "shutting_down", "Server is shutting down", code=ErrorCode.SHUTTING_DOWN)


def busy(reason: str, detail: str) -> BadRequest:
    """It may be otherwise in a moment."""
    return BadRequest(503, reason, detail, ((b"retry-after", b"5"),))


def no_room() -> BadRequest:
    return busy("max_http_connections", "There are too many HTTP connections, and this one has waited for longest")


def no_memory() -> BadRequest:
    return busy("backlog", "Too much is half received, and the body of this request has been under way for longest")
