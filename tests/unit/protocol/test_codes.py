"""Codes are part of the interface: clients compare them, and act on the range of a close code."""

from inmem_pubsub.protocol.codes import CloseCode, ErrorCode

DOCUMENTED = """
    INVALID_JSON UNKNOWN_TYPE BAD_REQUEST MISSING_TOPIC MISSING_MESSAGE MISSING_MESSAGE_ID INVALID_TOPIC TOPIC_NOT_FOUND
    TOPIC_EXISTS NOT_SUBSCRIBED MESSAGE_TOO_LARGE LIMIT_EXCEEDED SHUTTING_DOWN INTERNAL_ERROR
"""


def test_the_error_codes_are_spelt_as_documented() -> None:
    assert [str(code) for code in ErrorCode] == DOCUMENTED.split()


def test_an_error_code_is_its_own_name() -> None:
    assert all(code.name == code.value for code in ErrorCode)


def test_the_close_codes_have_the_numbers_that_are_documented() -> None:
    assert {int(code): code.reason for code in CloseCode} == {
        1000: "normal",
        1001: "going_away",
        1002: "protocol_error",
        1003: "unsupported_data",
        1007: "invalid_utf8",
        1008: "policy_violation",
        1009: "message_too_big",
        1011: "internal_error",
        1012: "service_restart",
        1013: "try_again_later",
        4008: "slow_consumer",
        4009: "write_timeout",
        4012: "no_pong",
        4013: "rate_limited",
    }


def test_each_close_code_may_be_sent() -> None:
    """Section 7.4: 1004 to 1006 and 1015 never stand in a frame, and what is ours lies between 4000 and 4999."""
    reserved = {1004, 1005, 1006, 1015}
    assert all(code not in reserved and (1000 <= code <= 1014 or 4000 <= code <= 4999) for code in CloseCode)
