"""The members of certain names, against the reference, and what is done where one stands there twice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.json_members import LastMembers, Members, Repeated
from inmem_pubsub.protocol.strict_json import check
from tests.unit.protocol import outlines, reference
from tests.unit.protocol.json_texts import VALUES, spellings

NAMES = ("a", "b", "message")
LAST = LastMembers(NAMES)
ONCE = Members(NAMES, ("b", "message"))
OBJECTS = st.lists(st.tuples(st.sampled_from(["a", "b", "c", "message", "A", ""]), VALUES), max_size=6).map(
    reference.Members
)


def once(text: bytes) -> dict[str, Any]:
    whole = check(text)
    return ONCE.read(whole, whole.flat())


@given(spellings(OBJECTS))
def test_members_are_read_as_by_the_reference(text: bytes) -> None:
    tree = reference.parse(text)
    found = LAST.read(check(text).flat())
    last = dict(tree)
    assert repr(found) == repr({name: outlines.as_read(last.get(name)) for name in NAMES})
    keys = [key for key, _ in tree if key in NAMES]
    if len(set(keys)) < len(keys):
        with pytest.raises(Repeated) as caught:
            once(text)
        assert keys.count(caught.value.name) > 1
        return
    members = once(text)
    assert list(members) == keys
    for name, value in members.items():
        if name != "a" and isinstance(last[name], list):
            assert value == check(value.text)
            assert reference.parse(value.text) == last[name]
        else:
            assert repr(value) == repr(outlines.as_read(last[name]))


def test_a_name_is_the_same_however_it_is_spelt() -> None:
    text = b'{"a":1,"b":{"a":[]},"x":0,"\\u0061":2,"x":1,"message":null}'
    assert LAST.read(check(text).flat()) == {"a": 2, "b": {}, "message": None}
    with pytest.raises(Repeated) as caught:
        once(text)
    assert caught.value.name == "a"


def test_the_first_that_stands_there_twice_is_named() -> None:
    with pytest.raises(Repeated) as caught:
        once(b'{"a":1,"b":1,"x":1,"b":1,"x":1,"a":1,"message":1}')
    assert caught.value.name == "b"


def test_what_is_not_there_is_not_there() -> None:
    assert once(b"{}") == {}
    assert once(b'{"x":{"a":1}}') == {}
    assert LAST.read(b"{}") == {"a": None, "b": None, "message": None}


def test_a_null_stands_there_too() -> None:
    assert once(b'{"a":null}') == {"a": None}
    with pytest.raises(Repeated):
        once(b'{"a":null,"a":null}')


def test_nothing_of_a_message_lives_on() -> None:
    once(b'{"a":"%b"}' % (b"x" * 1000))
    assert ONCE._found == {}
    with pytest.raises(Repeated):
        once(b'{"a":1,"a":1}')
    assert ONCE._found == {}
