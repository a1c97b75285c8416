"""Where the body of one HTTP/1.1 request ends, and what it holds.

The invariant: a reader takes the bytes of its own message and not one more. What follows is in `rest`, the start of the
next request, so that we and not the parser behind us say how many requests a connection has sent. Nothing larger than
the limit is taken in: an announced length over it is refused before the body, a chunk at its size line.

`http_head` says which of the two framings a request has; `server/http_guard.py` collects what `feed` returns.
"""

import re
from typing import Final, Literal, Protocol

from inmem_pubsub.protocol.http_head import BadRequest, RequestHead

# A size of 8 hexadecimal digits is 4 GiB: more than any limit, and no number that a parser could overflow on.
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_CHUNK_LINE: Final = 256  # bytes of a size line, its CRLF and its extensions among them
_CHUNKS: Final = 16 * 1024  # of one body: a mebibyte in chunks of one byte would be seconds of work


class BodyReader(Protocol):
    done: bool
    rest: bytes  # what lay behind the message in the piece that completed it

    def feed(self, data: bytes) -> bytes:
        """The part of the body that `data` holds. Raises BadRequest. Not to be called again once `done`."""
        ...


def body_reader(head: RequestHead, limit: int) -> BodyReader:
    """`limit` in bytes. Raises BadRequest if the length that the head announces is over it."""
    if head.chunked:
        return ChunkedBody(limit)
    length = head.content_length or 0
    if length > limit:
        raise _too_large(limit)
    return FixedBody(length)


class FixedBody:
    """A body of a known length, which may be none."""

    __slots__ = ("_left", "done", "rest")

    def __init__(self, length: int) -> None:
        self.done = False
        self.rest = b""
        self._left = length

    def feed(self, data: bytes) -> bytes:
        piece = data[: self._left]
        self._left -= len(piece)
        if not self._left:
            self.done = True
            self.rest = data[len(piece) :]
        return piece


class ChunkedBody:
    """RFC 9112, 7.1, exactly: hexadecimal sizes, CRLF after each line and each chunk, extensions ignored.

    Trailers are refused: no client of ours has a use for them, and they have been taken for headers too often.
    """

    __slots__ = ("_chunks", "_expect", "_left", "_limit", "_pending", "_room", "done", "rest")

    def __init__(self, limit: int) -> None:
        self.done = False
        self.rest = b""
        self._pending = b""  # a line that is not complete yet
        self._expect: Literal["size", "data", "end of data", "end of body"] = "size"
        self._left = 0  # bytes to come of this chunk
        self._limit = limit
        self._room = limit
        self._chunks = 0

    def feed(self, data: bytes) -> bytes:
        data = self._pending + data
        self._pending = b""
        pieces = []
        start = 0
        while not self.done:
            if self._expect == "data":
                piece = data[start : start + self._left]
                pieces.append(piece)
                start += len(piece)
                self._left -= len(piece)
                if self._left:
                    break
                self._expect = "end of data"
            limit = _CHUNK_LINE if self._expect == "size" else 2  # behind a chunk, and at the end, stands CRLF alone
            end = data.find(b"\n", start, start + limit) + 1
            if end == 0:
                if len(data) - start >= limit:
                    raise self._malformed()
                self._pending = data[start:]
                break
            self._read_line(data[start:end])
            start = end
        if self.done:
            self.rest = data[start:]
        return b"".join(pieces)

    def _read_line(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise self._malformed()
        line = line[:-2]
        if self._expect == "size":
            self._read_size(line)
        elif self._expect == "end of data":
            self._expect = "size"
        else:
            self.done = True

    def _read_size(self, line: bytes) -> None:
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise self._malformed()
        self._chunks += 1
        if self._chunks > _CHUNKS:
            raise BadRequest(400, "chunk_count", f"The body has more than {_CHUNKS} chunks")
        size = int(match[1], 16)
        if size > self._room:
            raise _too_large(self._limit)
        self._room -= size
        self._left = size
        self._expect = "data" if size else "end of body"

    def _malformed(self) -> BadRequest:
        if self._expect == "end of body":
            return BadRequest(400, "trailers", "Trailers are not accepted")
        return BadRequest(400, "chunk_syntax", "The chunked body is malformed")


def _too_large(limit: int) -> BadRequest:
    return BadRequest(413, "body_size", f"The request body is larger than {limit} bytes")
