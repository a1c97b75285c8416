"""What the code can say to the outside: the reasons of refusals and of closed connections, read off the source.

They stand in the calls that say them, so a new one cannot be forgotten here.
"""

import ast
from collections.abc import Iterator
from typing import Any

from tests.house.source import modules


def calls(name: str) -> Iterator[ast.Call]:
    """All calls in the package of a function, method or class of this name."""
    for module in modules():
        for node in ast.walk(ast.parse(module.text)):
            if isinstance(node, ast.Call):
                called = node.func
                if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == name:
                    yield node


def _constant(node: ast.expr) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def refusals() -> set[tuple[str, str]]:
    """(status, reason); no status where the connection is cut without an answer."""
    found = {(str(_constant(call.args[0])), _constant(call.args[1])) for call in calls("BadRequest") if call.args}
    found = {(status, reason) for status, reason in found if isinstance(reason, str)}
    found |= {("503", reason) for reason in returned_by("refusal")}
    found |= {("503", _constant(call.args[0])) for call in calls("busy") if _constant(call.args[0])}
    found |= {("", _constant(call.args[0])) for call in calls("refused") if _constant(call.args[0])}
    return found


def returned_by(function: str) -> set[str]:
    """The texts that a function of this name returns."""
    return {
        inner.value.value
        for module in modules()
        for node in ast.walk(ast.parse(module.text))
        if isinstance(node, ast.FunctionDef) and node.name == function
        for inner in ast.walk(node)
        if isinstance(inner, ast.Return)
        and isinstance(inner.value, ast.Constant)
        and isinstance(inner.value.value, str)
    }


def close_reasons() -> set[tuple[str, str]]:
    """(name of the close code, reason), of those that do not have the reason of their code."""
    found = set()
    for name in ("Violation", "fail", "close"):
        for call in calls(name):
            if len(call.args) == 2 and isinstance(call.args[0], ast.Attribute):
                owner, reason = call.args[0].value, _constant(call.args[1])
                if isinstance(owner, ast.Name) and owner.id == "CloseCode" and isinstance(reason, str):
                    found.add((call.args[0].attr, reason))
    return found


def silent_ends() -> set[str]:
    """Reasons of connections that end without a close frame of ours that says so."""
    found = set()
    for module in modules():
        if module.name != "inmem_pubsub.server.websocket":
            continue
        for node in ast.walk(ast.parse(module.text)):
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Attribute) and target.attr == "reason" for target in node.targets
            ):
                constants = (inner for inner in ast.walk(node.value) if isinstance(inner, ast.Constant))
                found |= {str(inner.value) for inner in constants if inner.value}
    return found
