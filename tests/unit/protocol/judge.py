"""A message as our decoders see it and as the reference does: they agree, or an assertion fails."""

import msgspec

from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.messages import Publish, Rejected, Request, Subscribe
from inmem_pubsub.protocol.refusal import refuse
from tests.unit.protocol import reference
from tests.unit.protocol.reference import Wanted


def as_wanted(request: Request) -> Wanted:
    """What we decoded, in the reference's terms."""
    found = msgspec.structs.asdict(request)
    kind = str(request.__struct_config__.tag)
    payload = None
    if isinstance(request, Publish):
        assert isinstance(request.message.payload, bytes), "a view of the whole text would keep it alive"
        payload = reference.parse(request.message.payload)
        found["id"] = found.pop("message").id
    elif isinstance(request, Subscribe):
        assert {type(request.last_n), type(request.buffer)} <= {int, type(None)}
        found["policy"] = None if request.policy is None else str(request.policy)
        since = request.since
        assert since is None or type(since.seq) is int
        found["since"] = None if since is None else (since.epoch, since.seq)
    return Wanted(kind, found, payload)


def judge(text: bytes) -> Wanted | None:
    """The request that stands in `text`, None if none does: the same for the reference, the quick way and the slow way."""
    try:
        expected = reference.wanted(text)
    except reference.Refused:
        expected = None
    try:
        found = as_wanted(decode(text))
    except Rejected:
        found = None
    try:
        refuse(text)
        refused = False
    except Rejected:
        refused = True
    assert found == expected
    assert refused == (expected is None)
    return found
