"""The table of wire cases is complete, any client can send it, and whoever plays it notices a wrong answer."""

import json
from collections import Counter

import pytest

from inmem_pubsub.protocol.codes import ErrorCode
from tests.cases import wire

CASES = wire.load()


def test_the_names_of_the_cases_are_unique() -> None:
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []


def test_the_table_has_every_error_that_one_client_can_provoke_by_its_messages() -> None:
    said = {
        message["error"]["code"]
        for case in CASES
        for step in case.steps
        for message in step.expect
        if "error" in message
    }
    # Over HTTP alone; by a close code; by a bug; while shutting down, which is further below.
    elsewhere = {
        ErrorCode.TOPIC_EXISTS,
        ErrorCode.MESSAGE_TOO_LARGE,
        ErrorCode.INTERNAL_ERROR,
        ErrorCode.SHUTTING_DOWN,
    }
    assert said == set(ErrorCode) - elsewhere


def test_a_double_holds_every_number_that_the_table_sends_by_value() -> None:
    numbers: list[str] = []
    for case in json.loads(wire.TABLE.read_text("utf-8")):
        for step in case["steps"]:
            json.loads(json.dumps(step.get("send")), parse_int=numbers.append, parse_float=numbers.append)
    assert len(numbers) > 100
    assert [number for number in numbers if str(json.loads(number)) != f"{float(number):.17g}"] == []


def test_a_wrong_answer_is_found() -> None:
    step = next(case for case in CASES if case.name == "payload: is 2^63").steps[-1]
    right = [
        '{"type":"ack","request_id":"r","topic":"t","status":"ok","seq":1,"ts":"2025-08-25T10:00:00.000Z"}',
        '{"type":"event","topic":"t","message":{"id":"m","payload":9223372036854775808},"seq":1,'
        '"ts":"2025-08-25T10:00:00.000Z"}',
    ]
    wire.Answers().check(step, right)
    ack, event = right
    for wrong in [
        [ack],
        [event, ack],
        [ack, event, event],
        [ack.replace(":1,", ":1.0,"), event],
        [ack.replace(":1,", ":true,"), event],
        [ack.replace("00.000Z", "00Z"), event],
        [ack.replace("00.000Z", "00.000000Z"), event],
        [ack.replace('"seq":1,', '"seq":1,"more":1,'), event],
        [ack.replace('"request_id":"r","topic":"t"', '"topic":"t","request_id":"r"'), event],
        [ack, event.replace("5808}", "5807}")],
        [ack, event.replace("5808}", "5808 }")],
    ]:
        with pytest.raises((AssertionError, KeyError)):
            wire.Answers().check(step, wrong)
