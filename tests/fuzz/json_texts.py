"""A JSON text through strict_json.py and json_outline.py, small and large, cheap to build and not: the reference's verdict,
and its tree.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from inmem_pubsub.protocol.json_members import LastMembers, Members, Repeated
from inmem_pubsub.protocol.json_outline import Outline
from inmem_pubsub.protocol.strict_json import (
    MAX_DEPTH,
    MISFIT,
    SMALL,
    TOO_DEEP,
    InvalidJson,
    check,
    is_object,
    is_too_deep,
    why_beyond,
)
from tests.cases import parsers
from tests.fuzz.targets import said_in_wire_cases
from tests.unit.protocol import outlines, reference
from tests.unit.protocol.json_texts import BITS
from tests.unit.protocol.reference import Members as Tree

MOST: Final = 4096  # bytes; a text is judged in several surroundings
FILLING: Final = b",[]" * 5000  # of so many brackets nothing is built
NAMES: Final = ("a", "topic", "message", "since")
PARTS: Final = ("message", "since")
LAST: Final = LastMembers(NAMES)
ONCE: Final = Members(NAMES, PARTS)
WORDS: Final = (
    *BITS,
    *(b"true", b"false", b"e+", b"1e308", b"[]", b"{}", b'""', b'"a":', b'"":', b"\\\\", b'\\"', b"[{"),
    *(b"9" * 4096, b"0" * 4097, b"[" * 64, b"]" * 64),
)


def fuzz(data: bytes) -> None:
    text = data[:MOST]
    reason, tree = judge(text)
    assert is_valid(b" " * SMALL + text) == (reason is None), "otherwise where it is not small"
    within, _ = judge(b"[%b,[]]" % text)
    assert is_valid(b"[%b%b]" % (text, FILLING)) == (within is None), "otherwise where it is not cheap to build"
    if reason is None:
        found = check(text)
        assert why_beyond(text) is None
        assert not is_too_deep(text)
        assert is_object(text) == isinstance(tree, Tree)
        judge_outline(found, tree)
        if isinstance(tree, Tree):
            judge_members(found, tree)
    elif reason == "too deep":
        assert is_too_deep(text)
        assert why_beyond(text) == TOO_DEEP
    elif reason in ("many digits", "not finite") and is_well_formed(text):
        assert why_beyond(text) == (TOO_DEEP if is_too_deep(text) else MISFIT)


def judge(text: bytes) -> tuple[str | None, Any]:
    """Why the reference refuses it, or None and its tree. We say the same."""
    try:
        reason, tree = None, reference.parse(text)
    except reference.Refused as refused:
        reason, tree = str(refused), None
    assert is_valid(text) == (reason is None), reason
    return reason, tree


def is_valid(text: bytes) -> bool:
    try:
        check(text)
    except InvalidJson as error:
        said = str(error)
        assert said, "a refusal without a word"
        assert said.isprintable(), said
        assert len(said) < 500
        return False
    return True


def is_well_formed(text: bytes) -> bool:
    """Whatever its numbers are."""
    try:
        tree = json.loads(text.decode(), parse_int=str, parse_float=str, parse_constant=int, object_pairs_hook=list)
        json.dumps(tree, ensure_ascii=False).encode()  # a lone surrogate has no UTF-8
    except (ValueError, RecursionError):
        return False
    return True


def judge_outline(found: Outline, tree: Any) -> None:
    assert found.plain == outlines.blanked(found.text)
    assert list(found.levels) == outlines.level_of_each(found.plain)
    assert max(found.levels) <= MAX_DEPTH
    assert found.floats() == outlines.floats_in(tree)


def judge_members(found: Outline, tree: Tree) -> None:
    flat = found.flat()
    assert reference.parse(flat) == Tree((key, outlines.as_member(value)) for key, value in tree)
    last = LAST.read(flat)
    for name in NAMES:
        value = next((value for key, value in reversed(tree) if key == name), None)
        assert repr(last[name]) == repr(outlines.as_read(value))
    keys = [key for key, _ in tree if key in NAMES]
    try:
        members, twice = ONCE.read(found, flat), ""
    except Repeated as repeated:
        members, twice = {}, repeated.name
    if twice:
        assert keys.count(twice) > 1
        return
    assert list(members) == keys
    for name, value in tree:
        if isinstance(value, list) and name in PARTS:
            assert members[name] == check(members[name].text)
            assert reference.parse(members[name].text) == value
        elif name in NAMES:
            assert repr(members[name]) == repr(outlines.as_read(value))


def seeds() -> Iterator[bytes]:
    yield from (case.text for case in parsers.load() if len(case.text) <= MOST)
    yield from said_in_wire_cases()
    yield b'{"a":[1.0,{"b":-2e5}],"message":{"id":"m","payload":[]},"since":{},"a":"\\"","":[[]]}'
