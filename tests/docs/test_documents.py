"""What holds for all of the documentation: links lead somewhere, every block is looked at, the changelog knows the version."""

import re
from pathlib import Path
from typing import Final

import pytest

import inmem_pubsub
from tests.docs.conversation import is_conversation
from tests.docs.markdown import DOCUMENTS, Block, anchors, blocks, broken_links, code_spans, read, tables
from tests.house.source import ROOT, project_files

# Which blocks of which language are run, or compared with the code, by which of these tests.
LOOKED_AT: Final = {
    "README.md": {"console", "text", "python", "javascript", "sh"},
    "docs/protocol.md": {"console", "text"},
    "docs/server-behavior.md": {"console"},
    "docs/bench.md": {"sh"},
    "docs/conformance.md": set[str](),
    "docs/internals.md": {"python", "text"},
    "docs/performance.md": set[str](),
    "CONTRIBUTING.md": {"sh"},
    "SECURITY.md": set[str](),
    "THREAT_MODEL.md": set[str](),
    "CHANGELOG.md": set[str](),
}
# Pictographs, dingbats and the selector that makes one of a letter.
EMOJI: Final = re.compile("[\U0001f000-\U0001ffff\u2600-\u27bf\ufe0f]")


def test_every_document_is_looked_at() -> None:
    written = {str(path.relative_to(ROOT)) for path in project_files() if path.suffix == ".md"}
    documents = {name for name in written if "/" not in name or name.startswith("docs/")}
    assert documents == set(DOCUMENTS) == LOOKED_AT.keys()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_looked_at(document: str) -> None:
    assert {block.language for block in blocks(document)} <= LOOKED_AT[document]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    assert broken_links(read(document), (ROOT / document).parent) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# One two\n\n## `GET /x`\n\n## One two\n")
    assert anchors((tmp_path / "other.md").read_text()) == {"one-two", "get-x", "one-two-1"}
    text = (
        "# Here\n[a](#here) [b](other.md) [c](other.md#one-two-1) [d](https://x.example/y)\n```\n[e](#nowhere)\n```\n"
    )
    assert broken_links(text, tmp_path) == []
    assert broken_links("[a](#here) [b](others.md) [c](other.md#three)", tmp_path) == [
        "#here",
        "others.md",
        "other.md#three",
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_it_is_plain_text(document: str) -> None:
    text = read(document)
    assert EMOJI.findall(text) == []
    assert [number for number, line in enumerate(text.splitlines(), 1) if line != line.rstrip() or "\t" in line] == []
    long = [number for number, line in enumerate(text.splitlines(), 1) if len(line) > 120]
    inside = {i for block in blocks(document) for i in range(block.line, block.line + len(block.text.splitlines()) + 2)}
    rows = {number for number, line in enumerate(text.splitlines(), 1) if line.startswith("|")}
    assert [number for number in long if number not in inside | rows] == []


def test_blocks_and_tables_are_read_as_they_stand() -> None:
    (conversation, *_) = (block for block in blocks("docs/protocol.md", "text") if is_conversation(block.text))
    assert isinstance(conversation, Block)
    assert read("docs/protocol.md").splitlines()[conversation.line - 1] == "```text"
    assert conversation.setup == {"orders": {"published": 3}}
    assert all(len(row) == len(table.head) for name in DOCUMENTS for table in tables(name) for row in table.rows)


def test_the_changelog_begins_with_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == inmem_pubsub.__version__


# -- CONTRIBUTING.md


def make_targets(text: str) -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))


def test_contributing_names_every_target_of_make() -> None:
    (table,) = (table for table in tables("CONTRIBUTING.md") if table.head[0] == "target")
    named = {row["target"].strip("`").removeprefix("make ") for row in table.rows}
    assert named == make_targets((ROOT / "Makefile").read_text("utf-8")) - {"help"}


def test_the_paths_that_contributing_names_are_there() -> None:
    paths = [span for span in code_spans(read("CONTRIBUTING.md")) if re.fullmatch(r"\.?[\w.-]*/[\w./-]*", span)]
    assert [
        path for path in paths if not (ROOT / path).exists() and not (ROOT / "src/inmem_pubsub" / path).exists()
    ] == []
    (table,) = (table for table in tables("CONTRIBUTING.md") if table.head[0] == "where")
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {row["where"].strip("`").removeprefix("tests/").rstrip("/") for row in table.rows} == folders


def test_its_lines_for_a_shell_are_known() -> None:
    targets = make_targets((ROOT / "Makefile").read_text("utf-8"))
    for block in blocks("CONTRIBUTING.md", "sh"):
        for line in block.text.splitlines():
            words = line.split()
            if words[0] == "make":
                assert words[1] in targets, line
            else:
                assert words[0] == ".venv/bin/pytest", line
                assert (ROOT / words[-1]).exists(), line
