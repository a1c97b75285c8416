"""docs/protocol.md: its examples hold, and it names every code, reason, field and metric that there is."""

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from inmem_pubsub.protocol.codes import CloseCode, ErrorCode
from inmem_pubsub.protocol.messages import Ping, Publish, Subscribe, Unsubscribe
from tests.cases import parsers
from tests.docs import inventory
from tests.docs.console import agrees, commands, differences, home
from tests.docs.conversation import Disagreement, hold, is_conversation, prepare
from tests.docs.markdown import Block, blocks, code, read, tables
from tests.integration.server_process import ServerProcess

DOCUMENT: Final = "docs/protocol.md"
CONVERSATIONS: Final = [block for block in blocks(DOCUMENT, "text") if is_conversation(block.text)]
CONSOLES: Final = blocks(DOCUMENT, "console")


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("block", CONVERSATIONS, ids=str)
def test_the_server_answers_as_it_stands_there(block: Block, server: ServerProcess) -> None:
    prepare(server, block.setup)
    hold(server, block.text)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("block", CONSOLES, ids=str)
def test_curl_prints_what_stands_there(block: Block, server: ServerProcess, tmp_path: Path) -> None:
    prepare(server, block.setup)
    address = f"localhost:{server.address[1]}"
    found = differences(block.text, tmp_path, address, home(tmp_path))
    assert not found, "\n\n".join(found)


def column(*head: str) -> list[dict[str, str]]:
    """The rows of the table whose first headings are these."""
    (table,) = (table for table in tables(DOCUMENT) if table.head[: len(head)] == head)
    return list(table.rows)


def test_what_counts_as_json_is_what_the_table_of_cases_says() -> None:
    cases = parsers.load()
    found = set[str]()
    for row in column("text", "Python's `json`", "`JSON.parse`", "here"):
        (case,) = (each for each in cases if row["text"] in (each.name, f"`{each.text.decode(errors='replace')}`"))
        said = [row[reader].startswith("yes") for reader in ("Python's `json`", "`JSON.parse`", "here")]
        assert said == [case.python, case.node, case.here], row
        assert all(re.match("(yes|no)($|, )", row[reader]) for reader in ("Python's `json`", "`JSON.parse`", "here"))
        found.add(case.why)
    assert found == {case.why for case in cases}, "a row for each way in which they differ"


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_error_code_is_there() -> None:
    (table,) = (table for table in tables(DOCUMENT) if table.head == ("code", "when"))
    assert [code(row["code"]) for row in table.rows if not row["when"]] == []
    assert sorted(code(row["code"]) for row in table.rows) == sorted(ErrorCode)


def test_every_close_code_is_there_with_its_reasons() -> None:
    rows = column("code", "reason", "when", "then")
    documented = {(int(row["code"]), reason) for row in rows for reason in names(row["reason"])}
    special = {(int(CloseCode[name]), reason) for name, reason in inventory.close_reasons()}
    replaced = {CloseCode.SERVICE_RESTART, CloseCode.NORMAL}  # always said with another reason, or with none
    plain = {(int(each), each.reason) for each in CloseCode if each not in replaced}
    assert documented == special | plain
    assert {int(row["code"]) for row in rows} == set(CloseCode)
    assert inventory.silent_ends() == {"client_close", "connection_lost"}
    assert all(f"`{reason}`" in read(DOCUMENT) for reason in inventory.silent_ends())


def test_every_refusal_is_there_with_its_status() -> None:
    rows = column("status", "reason", "when")
    documented = [(row["status"], code(row["reason"])) for row in rows]
    assert len(documented) == len(set(documented))
    assert set(documented) == inventory.refusals()


def test_every_field_of_a_topic_is_there(server: ServerProcess) -> None:
    prepare(server, {"orders": {"published": 1}})
    documented = {name for row in column("field of a topic") for name in names(row["field of a topic"])}
    stats = server.stats()
    assert documented == stats["topics"]["orders"].keys()
    with server.http() as client:
        assert documented == client.get("/topics").json()["topics"][0].keys()


def test_every_field_of_the_totals_is_there(server: ServerProcess) -> None:
    documented = {name for row in column("field of `global`") for name in names(row["field of `global`"])}
    assert documented == server.stats()["global"].keys()


def test_every_metric_is_there_with_its_type(server: ServerProcess) -> None:
    rows = column("metric", "type")
    with server.http() as client:
        text = client.get("/metrics").text
    exposed = dict(line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE"))
    assert {code(row["metric"]): row["type"] for row in rows} == exposed


def fields_of(heading: str) -> set[str]:
    """The fields of the table below this heading."""
    lines = read(DOCUMENT).splitlines()
    start = lines.index(f"### {heading}") + 1
    (table, *_) = (table for table in tables(DOCUMENT) if table.line > start and table.head[:2] == ("field", "value"))
    return {name for row in table.rows for name in names(row["field"])}


@pytest.mark.parametrize("request_type", [Subscribe, Unsubscribe, Publish, Ping])
def test_every_field_of_a_request_is_there(request_type: type[msgspec.Struct]) -> None:
    config = request_type.__struct_config__
    assert fields_of(str(config.tag)) == {"type", *request_type.__struct_fields__}


def test_an_example_that_does_not_hold_is_found(server: ServerProcess) -> None:
    prepare(server, {"orders": {}})
    good = [
        '> {"type": "subscribe", "topic": "orders"}',
        '< {"type":"ack","topic":"orders","status":"ok","seq":0,"epoch":"e","ts":"2025-08-25T10:00:00.000Z"}',
    ]
    hold(server, "\n".join(good))
    for wrong in (
        good[1].replace('"seq":0', '"seq":1'),
        good[1].replace('"type":"ack","topic":"orders"', '"topic":"orders","type":"ack"'),
        good[1].replace("10:00:00.000Z", "10:00:00Z"),
        good[1] + "\n" + good[0] + "\n" + good[1].replace('"e"', '"f"'),
        "< close 1000",
        "",
    ):
        with pytest.raises(Disagreement):
            hold(server, f"{good[0]}\n{wrong}")


def test_a_console_that_does_not_hold_is_found() -> None:
    block = "$ echo a \\\n  b\na b\n$ seq 4\n1\n...\n4\n"
    assert [command.text for command in commands(block)] == ["echo a \\\n  b", "seq 4"]
    assert [command.expected for command in commands(block)] == ["a b", "1\n...\n4"]
    assert agrees("1\n...\n4", "1\n2\n3\n4")
    assert agrees("1\n...\n4", "1\n4")
    assert not agrees("1\n...\n4", "1\n2\n3")
    assert agrees("a … c", "a b c")
    assert not agrees("a … c", "a b\nc")
    assert agrees('"epoch":"0123456789abcdef"', '"epoch":"fedcba9876543210"')
    assert not agrees('"epoch":"0123456789abcdef"', '"epoch":""')
