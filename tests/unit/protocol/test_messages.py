"""Requests as they are decoded, against a reference that knows the rules and nothing of how they are checked here."""

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.messages import Ping, Publish, Rejected, Subscribe, Unsubscribe
from tests.cases import wire
from tests.hostile.texts import MIB, Hostile, texts
from tests.unit.protocol import reference
from tests.unit.protocol.json_texts import VALUES, mutations, requests, spell, spellings
from tests.unit.protocol.judge import judge
from tests.unit.protocol.reference import Members


def rejection(text: bytes | str) -> Rejected:
    with pytest.raises(Rejected) as caught:
        decode(text.encode() if isinstance(text, str) else text)
    return caught.value


def payload_of(text: bytes) -> bytes:
    request = decode(text)
    assert isinstance(request, Publish)
    return bytes(request.message.payload)


# -- what is a request


def test_each_type_is_decoded_into_its_own() -> None:
    assert decode(b'{"type":"ping","request_id":"r","client_id":"c"}') == Ping("r", "c")
    assert decode(b'{"type":"unsubscribe","topic":"t"}') == Unsubscribe("t")
    publish = decode(b'{"type":"publish","topic":"t","message":{"id":"m","payload":{"a":1}}}')
    assert isinstance(publish, Publish)
    assert (publish.topic, publish.message.id, publish.message.payload) == ("t", "m", b'{"a":1}')
    subscribe = decode(
        b'{"type":"subscribe","topic":"t","last_n":5,"since":{"epoch":"e","seq":4},"policy":"LATEST","buffer":3}'
    )
    assert isinstance(subscribe, Subscribe)
    assert (subscribe.last_n, subscribe.policy, subscribe.buffer) == (5, Policy.LATEST, 3)
    assert subscribe.since is not None
    assert (subscribe.since.epoch, subscribe.since.seq) == ("e", 4)


def test_what_is_left_out_is_none_and_a_payload_null() -> None:
    assert decode(b'{"type":"subscribe","topic":"t"}') == Subscribe("t", None, None, None, None, None, None)
    assert payload_of(b'{"type":"publish","topic":"t","message":{"id":"m"}}') == b"null"


def test_every_message_of_the_wire_cases_is_judged_as_by_the_reference() -> None:
    texts = [step.parts[0] for case in wire.load() for step in case.steps if len(step.parts) == 1]
    right = [text for text in texts if judge(text) is not None]
    assert 300 < len(right) < len(texts) - 200


@given(spellings(requests()))
def test_requests_nearly_right_are_judged_as_by_the_reference(text: bytes) -> None:
    judge(text)


@settings(max_examples=300)
@given(mutations(spellings(requests())))
@example(b'{"type":"publish","topic":"a","message":{"id":"x"},"topic":"b"}')
@example(b'{"type":"publish","topic":"a","message":{"id":"x"},"x":1e400}')
@example(b'{"type":"publish","topic":"a","message":{"id":"x"},"request_id":"r","zzzzzz":1e400}')
@example(b'{"type":"publish","topic":"a","message":{"id":"x","payload":1},"message":{"id":"x"}}')
@example(b'{"type":"publish","topic":"a:b","message":{"id":"x","payload":"\\n"},"payload":"\\n"}')
@example(b'{"type":"publish","topic":"a\\u003ab","message":{"id":"x","payload":1},"x":1e400}')
@example(b'{"type":"subscribe","topic":"a\\u003ab","x":1e400}')
@example(b'{"type":"subscribe","topic":"t","last_n":5.0,"last_n":5}')
def test_texts_with_a_few_bytes_amiss_are_judged_as_by_the_reference(text: bytes) -> None:
    judge(text)


@given(st.binary(max_size=40))
def test_bytes_of_any_kind_are_rejected_and_nothing_else_happens(data: bytes) -> None:
    for text in (
        data,
        b'{"type":"ping","request_id":"%b"}' % data,
        b'{"type":"publish","topic":"t","message":%b}' % data,
    ):
        judge(text)


@pytest.mark.parametrize("brackets", range(58, 68))
@pytest.mark.parametrize("request_id", [b"", b'"request_id":"r",'])
def test_a_message_may_nest_64_levels_whichever_way_it_is_judged(brackets: int, request_id: bytes) -> None:
    deep = b"[" * brackets + b"]" * brackets
    publish = b'{"type":"publish","topic":"t",%b"message":{"id":"m","payload":%b}}' % (request_id, deep)
    assert (judge(publish) is not None) == (brackets <= 62)
    assert (judge(b'{"type":"ping","x":%b}' % deep) is not None) == (brackets <= 63)
    flat = b"[" + b"[]," * brackets + b"0]"
    assert judge(publish.replace(deep, flat)) is not None
    assert judge(publish.replace(deep, b'"%b"' % (b"[" * brackets))) is not None


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("5.0", 5),
        ("-0.0", 0),
        ("50e-1", 5),
        ("1E+2", 100),
        ("9007199254740992.0", 2**53),
        ("9007199254740994.0", None),
        ("1e300", None),
        ("5.5", None),
        ("9007199254740993", 2**53 + 1),
    ],
)
def test_a_float_is_the_integer_that_it_equals_as_far_as_doubles_hold_them_all(
    spelling: str, value: int | None
) -> None:
    found = judge(f'{{"type":"subscribe","topic":"t","last_n":{spelling}}}'.encode())
    assert (None if found is None else found.fields["last_n"]) == value
    found = judge(f'{{"type":"subscribe","topic":"t","since":{{"epoch":"e","seq":{spelling}}}}}'.encode())
    assert (None if found is None else found.fields["since"][1]) == value


# -- the payload is what was sent


TEMPLATES: list[Callable[[str], str]] = [
    lambda p: f'{{"type":"publish","topic":"t","message":{{"id":"m","payload":{p}}},"request_id":"r"}}',
    lambda p: f'{{"type":"publish","topic":"t","message":{{"id":"m","payload":{p}}}}}',
    lambda p: (
        f'{{"request_id": "a:b", "message": {{"payload": {p} , "id": "\\u006d"}}, "topic": "t", "type": "publish"}}'
    ),
    lambda p: f'{{"x":[":"],"type":"publish","topic":"a:b","message":{{"headers":{{}},"payload":{p},"id":"m"}}}}',
]


@given(st.sampled_from(TEMPLATES), spellings(VALUES))
def test_a_payload_is_kept_to_the_byte(template: Callable[[str], str], payload: bytes) -> None:
    assert payload_of(template(payload.decode()).encode()) == payload.strip(b" \t\r\n")


@given(VALUES)
def test_a_payload_does_not_keep_the_message_alive_that_it_came_in(value: Any) -> None:
    text = TEMPLATES[0](spell(value)).encode()
    before = sys.getrefcount(text)
    request = decode(text)
    assert sys.getrefcount(text) == before
    del request


# -- what is wrong is said


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", "INVALID_JSON", "Invalid JSON: Input data was truncated"),
        ("[1]", "BAD_REQUEST", "A message must be a JSON object"),
        ("{}", "UNKNOWN_TYPE", "The message has no type"),
        ('{"type":"dance"}', "UNKNOWN_TYPE", "Unknown message type 'dance'"),
        ('{"type":1}', "BAD_REQUEST", "Field 'type' must be a string"),
        ('{"type":"ping","request_id":1}', "BAD_REQUEST", "Field 'request_id' must be a string"),
        ('{"type":"ping","client_id":1}', "BAD_REQUEST", "Field 'client_id' must be a string"),
        ('{"type":"ping","client_id":"%s"}' % ("x" * 129), "BAD_REQUEST", "Field 'client_id' is longer than 128 bytes"),
        ('{"type":"ping","type":"ping"}', "BAD_REQUEST", "Field 'type' stands there twice"),
        ('{"type":"subscribe"}', "MISSING_TOPIC", "Topic is required"),
        ('{"type":"subscribe","topic":1}', "BAD_REQUEST", "Field 'topic' must be a string"),
        ('{"type":"publish","topic":"t"}', "MISSING_MESSAGE", "Message is required"),
        ('{"type":"publish","topic":"t","message":1}', "BAD_REQUEST", "Field 'message' must be an object"),
        ('{"type":"publish","topic":"t","message":{}}', "MISSING_MESSAGE_ID", "Message id is required"),
        ('{"type":"publish","topic":"t","message":{"id":1}}', "BAD_REQUEST", "Field 'message.id' must be a string"),
        (
            '{"type":"publish","topic":"t","message":{"id":"m","id":"n"}}',
            "BAD_REQUEST",
            "Field 'message.id' stands there twice",
        ),
        (
            '{"type":"subscribe","topic":"t","last_n":true}',
            "BAD_REQUEST",
            "Field 'last_n' must be an integer of at least 0",
        ),
        (
            '{"type":"subscribe","topic":"t","buffer":0}',
            "BAD_REQUEST",
            "Field 'buffer' must be an integer of at least 1",
        ),
        (
            '{"type":"subscribe","topic":"t","policy":["LATEST"]}',
            "BAD_REQUEST",
            "Field 'policy' must be one of DROP_OLDEST, DISCONNECT, LATEST",
        ),
        (
            '{"type":"subscribe","topic":"t","since":{"epoch":"e"}}',
            "BAD_REQUEST",
            'Field \'since\' must be {"epoch": string, "seq": integer of at least 0}',
        ),
        (
            '{"type":"subscribe","topic":"t","since":{"epoch":"e","seq":1,"seq":1}}',
            "BAD_REQUEST",
            "Field 'since.seq' stands there twice",
        ),
    ],
)
def test_the_sender_is_told_what_is_wrong(text: str, code: str, message: str) -> None:
    rejected = rejection(text)
    assert (str(rejected.code), rejected.message, str(rejected)) == (code, message, message)


def test_a_rejection_names_the_request_where_it_can_be_told() -> None:
    assert rejection('{"request_id":"r"}').request_id == "r"
    assert rejection('{"type":"subscribe","request_id":""}').request_id == ""
    assert rejection('{"type":"ping","request_id":"q","request_id":"r"}').request_id == "r"
    for text in ("{", "[]", '{"request_id":1}', '{"request_id":"%s"}' % ("x" * 129), '{"type":"dance"}'):
        assert rejection(text).request_id is None


@given(mutations(spellings(requests())))
def test_a_rejection_is_fit_to_be_sent(text: bytes) -> None:
    if judge(text) is None:
        rejected = rejection(text)
        assert rejected.code in ErrorCode
        assert 0 < len(rejected.message.encode()) < 500
        assert rejected.request_id is None or len(rejected.request_id.encode()) <= 128


# -- bad input costs no more than its length


def calls_of(function: Callable[[], object]) -> int:
    """How many functions are called on the way, those in C included."""
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    gc.disable()  # Hypothesis listens to it
    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls


LONG_NUMBER = b"0" * 200  # each is looked at by itself
AS_ZEROS = bytes.maketrans(b"123456789", b"000000000")


@pytest.mark.parametrize("hostile", list(texts(MIB // 8)), ids=str)
def test_a_large_text_is_judged_in_a_few_passes(hostile: Hostile) -> None:
    def judged() -> bool:
        try:
            decode(hostile.text)
        except Rejected:
            return False
        return True

    judged()  # once before, for what is made at the first time
    assert calls_of(judged) < 200 + 6 * hostile.text.translate(AS_ZEROS).count(LONG_NUMBER)
    tracemalloc.start()
    try:
        assert judged() is hostile.accepted
        assert tracemalloc.get_traced_memory()[1] < 30 * len(hostile.text)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("keys", [500, 5000])
def test_the_calls_for_many_keys_are_no_more_than_for_a_few(keys: int) -> None:
    unknown = ",".join(f'"k{i}":{{"id":1}}' for i in range(keys))
    text = f'{{{unknown},"type":"publish","topic":"t","message":{{"id":"m","payload":1}}}}'.encode()
    assert calls_of(lambda: decode(text)) < 200
    assert calls_of(lambda: rejection(text[:-1] + b',"type":"ping"}')) < 200


def test_many_repeated_messages_do_not_multiply_the_work() -> None:
    message = '"message":{"id":"m","payload":[1,2,3]}'
    text = f'{{"type":"publish","topic":"t",{",".join([message] * 3000)}}}'
    assert rejection(text).message == "Field 'message' stands there twice"
    assert calls_of(lambda: rejection(text)) < 200 + 10 * 3000


def test_the_reference_is_as_strict_as_the_rules() -> None:
    """It stands on the standard library's parser, so its own edges are looked at."""
    for text in (b"NaN", b"1e400", b'"\\ud800"', b"[" * 65 + b"]" * 65, b"\xef\xbb\xbf1", b"1 2", b"\xff", b"9" * 4301):
        with pytest.raises(reference.Refused):
            reference.parse(text)
    assert reference.parse(b'{"a":1,"a":[]}') == Members([("a", reference.Number("1")), ("a", [])])
    assert json.dumps(reference.wanted(b'{"type":"ping"}').fields) == '{"request_id": null, "client_id": null}'
