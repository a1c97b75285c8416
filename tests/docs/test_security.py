"""THREAT_MODEL.md and SECURITY.md: what they name as a defence is there."""

import re
from typing import Final

import pytest

from inmem_pubsub.config import describe
from tests.docs.markdown import code_spans, read
from tests.house.source import ROOT

DOCUMENTS: Final = ("THREAT_MODEL.md", "SECURITY.md")
SETTINGS: Final = {setting.name for setting in describe()}
SAID_ELSEWHERE: Final = {"client_id", "memory_at_most"}  # a field of a request, one of the first log line


def unknown(text: str) -> list[str]:
    """Settings, files, folders and metrics that are named, and are not there."""
    metrics = read("docs/protocol.md")
    found = []
    for span in code_spans(text):
        if re.fullmatch(r"inmem_pubsub_\w+", span):
            there = f"`{span}`" in metrics
        elif re.fullmatch(r"[a-z]+(_[a-z]+)+", span):
            there = span in SETTINGS | SAID_ELSEWHERE
        elif re.fullmatch(r"[\w/]+(\.py|/)", span):
            there = (ROOT / span).exists() or (ROOT / "src/inmem_pubsub" / span).exists()
        else:
            there = True
        if not there:
            found.append(span)
    return found


@pytest.mark.parametrize("document", DOCUMENTS)
def test_everything_that_it_names_is_there(document: str) -> None:
    assert unknown(read(document)) == []


def test_what_is_not_there_is_found() -> None:
    text = "`max_topics` `max_topicz` `core/` `cores/` `server/origin.py` `protocol/origin.py` `inmem_pubsub_no_total`"
    assert unknown(text) == ["max_topicz", "cores/", "server/origin.py", "inmem_pubsub_no_total"]
