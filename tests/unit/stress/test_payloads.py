import json

import msgspec
import pytest

from inmem_pubsub.stress.payloads import SMALL, Payloads, digest


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, 5 * 1024, 10 * 1024])
@pytest.mark.parametrize(("publisher", "number", "sent_ns"), [(1, 1, 0), (1000, 1_000_000, 2**63)])
def test_payloads_have_exactly_the_size_asked_for(size: int, publisher: int, number: int, sent_ns: int) -> None:
    payload = Payloads(size).make(publisher, number, sent_ns)
    assert len(msgspec.json.encode(payload)) == size


def test_payloads_of_one_run_differ() -> None:
    payloads = Payloads(SMALL)
    assert len({digest(payloads.make(publisher, number, 7)) for publisher in (1, 2, 3) for number in range(100)}) == 300


def test_a_payload_smaller_than_its_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 256 bytes"):
        Payloads(SMALL - 1)


def test_a_payload_that_went_through_json_is_the_same() -> None:
    payload = Payloads(1000).make(1, 1, 123)
    assert digest(json.loads(json.dumps(payload))) == digest(payload)


def test_another_key_order_number_or_text_is_another_payload() -> None:
    payload = Payloads(1000).make(1, 1, 123)
    others = [
        dict(reversed(payload.items())),
        payload | {"exact": float(payload["exact"])},
        payload | {"exact": payload["exact"] - 1},
        payload | {"text": payload["text"].replace("\u2028", "\n")},
        payload | {"none": [None, 1, 1.5, {}]},
    ]
    assert digest(payload) not in {digest(other) for other in others}
    assert len({digest(other) for other in others}) == len(others)
