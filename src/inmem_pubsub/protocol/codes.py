"""Error codes and close codes: data, in one place.

An error code stands in an `error` reply and in the body of an HTTP refusal. The range of a close code tells the client what
to do: 1000-1015 as RFC 6455 section 7.4.1 says, 4000-4499 reconnect, 4500-4999 do not.
"""

from enum import IntEnum, StrEnum


class ErrorCode(StrEnum):
    INVALID_JSON = "INVALID_JSON"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    BAD_REQUEST = "BAD_REQUEST"
    MISSING_TOPIC = "MISSING_TOPIC"
    MISSING_MESSAGE = "MISSING_MESSAGE"
    MISSING_MESSAGE_ID = "MISSING_MESSAGE_ID"
    INVALID_TOPIC = "INVALID_TOPIC"
    TOPIC_NOT_FOUND = "TOPIC_NOT_FOUND"
    TOPIC_EXISTS = "TOPIC_EXISTS"
    NOT_SUBSCRIBED = "NOT_SUBSCRIBED"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class CloseCode(IntEnum):
    """The name, in lower case, is the reason in the close frame and in the metrics."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_UTF8 = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    SLOW_CONSUMER = 4008
    WRITE_TIMEOUT = 4009
    NO_PONG = 4012
    RATE_LIMITED = 4013

    @property
    def reason(self) -> str:
        return self.name.lower()
