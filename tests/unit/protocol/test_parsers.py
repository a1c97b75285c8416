"""The table of what others accept and we do: each reader does as it says, and where they differ a reason stands there."""

import json
from collections import Counter

import pytest

from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.messages import Rejected
from inmem_pubsub.protocol.strict_json import InvalidJson, check
from tests.cases import parsers
from tests.hostile.texts import publish_of
from tests.node import Node
from tests.unit.protocol import reference

CASES = parsers.load()


def test_the_names_of_the_cases_are_unique_and_differences_have_a_reason() -> None:
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []
    assert [case.name for case in CASES if case.differs != bool(case.why)] == []
    assert {(case.here, case.python, case.node) for case in CASES} == {
        (True, True, True),
        (False, False, False),
        (False, True, True),
        (False, True, False),
        (False, False, True),
    }, "we accept nothing that one of the others refuses"


@pytest.mark.parametrize("case", CASES, ids=str)
def test_we_accept_what_the_table_says(case: parsers.Case) -> None:
    try:
        check(case.text)
        accepted = True
    except InvalidJson:
        accepted = False
    assert accepted == case.here


# Two objects of the request stand around a payload.
AS_DEEP_AS_A_TEXT_MAY_BE = {"64 arrays", "64 objects", "32 arrays and objects in turn"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_payload_is_accepted_where_its_text_is(case: parsers.Case) -> None:
    try:
        decode(publish_of(case.text))
        accepted = True
    except Rejected:
        accepted = False
    assert accepted == (case.here and case.name not in AS_DEEP_AS_A_TEXT_MAY_BE)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_reference_is_as_strict_as_the_table_says(case: parsers.Case) -> None:
    try:
        reference.parse(case.text)
        accepted = True
    except reference.Refused:
        accepted = False
    assert accepted == case.here


@pytest.mark.parametrize("case", CASES, ids=str)
def test_python_accepts_what_the_table_says(case: parsers.Case) -> None:
    try:
        read = json.dumps(json.loads(case.text))
    except (ValueError, RecursionError):
        assert not case.python
    else:
        assert case.python
        assert case.python_reads in ("", read)


@pytest.mark.node
def test_node_accepts_what_the_table_says(node: Node) -> None:
    assert [case.name for case in CASES if node.accepts(case.text) != case.node] == []
    read = {case.name: node.spells(case.text).decode() for case in CASES if case.node_reads}
    assert read == {case.name: case.node_reads for case in CASES if case.node_reads}
