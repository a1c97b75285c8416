import pytest

from inmem_pubsub.stress.replies import Ack, Dropped, Error, Event, Pong, TopicDeleted, decode

TS = '"ts": "2025-08-25T10:00:00.000Z"'


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"type": "ack", "request_id": "r1", "topic": "t", "status": "ok", "seq": 3, TS}', Ack),
        ('{"type": "ack", "topic": "t", "status": "ok", "seq": 0, "epoch": "e", "new": [1], TS}', Ack),
        ('{"type": "event", "topic": "t", "message": {"id": "m", "payload": null}, "seq": 1, TS}', Event),
        ('{"type": "dropped", "topic": "t", "epoch": "e", "from_seq": 1, "to_seq": 2, "count": 2, TS}', Dropped),
        ('{"type": "topic_deleted", "topic": "t", "epoch": "e", TS}', TopicDeleted),
        ('{"type": "error", "error": {"code": "C", "message": "m"}, TS}', Error),
        ('{"type": "pong", "request_id": "r", TS}', Pong),
    ],
)
def test_what_a_server_says_is_decoded(text: str, kind: type) -> None:
    assert type(decode(text.replace("TS", TS).encode())) is kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"type": "hello"}',
        '{"topic": "t"}',
        '{"type": "ack", "topic": "t", "status": "ok", "seq": 3}',
        '{"type": "ack", "topic": "t", "status": "ok", TS}',
        '{"type": "ack", "topic": "t", "status": "ok", "seq": "3", TS}',
        '{"type": "event", "topic": "t", "message": {"id": "m"}, "seq": 1, TS}',
        '{"type": "event", "topic": "t", "message": {"id": "m", "payload": 1}, "seq": 1.5, TS}',
    ],
)
def test_what_the_contract_does_not_know_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(ValueError, match=r"b'.*'$"):
        decode(text.replace("TS", TS).encode())


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ValueError, match="ff"):
        decode(b'{"type": "pong", "ts": "\xff"}')
