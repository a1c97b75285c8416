"""What is answered where the server has no room, or no time, for a request that is sound."""

from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.http_head import BadRequest


def shutting_down() -> BadRequest:
    return BadRequest(503, "shutting_down", "Server is shutting down", code=ErrorCode.SHUTTING_DOWN)


def no_room() -> BadRequest:
    detail = "There are too many HTTP connections, and this one has waited for longest"
    return BadRequest(503, "max_http_connections", detail, ((b"retry-after", b"5"),))


def no_memory() -> BadRequest:
    detail = "Too much is half received, and the body of this request has been under way for longest"
    return BadRequest(503, "backlog", detail, ((b"retry-after", b"5"),))
