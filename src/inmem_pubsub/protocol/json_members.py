"""The members of an object that have certain names, however many others there are, and whether one of them stands there twice.

msgspec reads them into a Struct, and passes over all others without building anything. Every field has a type of its own that
msgspec does not know, so it asks for each member that it finds, by that type; and who is asked for a second may end it there.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Raw

from inmem_pubsub.protocol.json_outline import Outline


class Repeated(Exception):
    """A member stands there a second time, in whatever way its name is spelt."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class LastMembers:
    """The values of members; of several with one name that of the last."""

    __slots__ = ("_decode", "_names")

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        struct = msgspec.defstruct("Members", [(name, Any, None) for name in self._names])
        self._decode = msgspec.json.Decoder(struct, float_hook=str.encode).decode

    def read(self, flat: bytes) -> dict[str, Any]:
        """Of an object as `Outline.flat` has it; None for what is not there. A float is left as it is spelt, in bytes."""
        found = self._decode(flat)
        return {name: getattr(found, name) for name in self._names}


class Members:
    """The same for members of which each may stand there once. Those of `parts` are outlines, if they are arrays or objects."""

    __slots__ = ("_decode", "_decode_parts", "_found", "_kinds", "_parts")

    def __init__(self, names: Iterable[str], parts: Iterable[str] = ()) -> None:
        self._parts = tuple(parts)
        raw = msgspec.defstruct("Parts", [(name, Raw, None) for name in self._parts])
        self._decode_parts = msgspec.json.Decoder(raw).decode
        kinds = {name: type(name, (), {}) for name in names}
        struct = msgspec.defstruct("Members", [(name, kind, None) for name, kind in kinds.items()])
        self._kinds: Final = {kind: (name, kind()) for name, kind in kinds.items()}
        self._decode = msgspec.json.Decoder(struct, dec_hook=self._note, float_hook=str.encode).decode
        self._found: dict[str, Any] = {}  # by the call that is under way

    def _note(self, kind: type, value: Any) -> Any:
        name, instance = self._kinds[kind]
        if name in self._found:
            raise Repeated(name)
        self._found[name] = value
        return instance

    def read(self, whole: Outline, flat: bytes) -> dict[str, Any]:
        """`flat` is that of `whole`. What is not there is not there. Raises Repeated."""
        found: dict[str, Any] = {}
        self._found = found
        try:
            self._decode(flat)
        finally:
            self._found = {}  # or the last message would live on
        nested = [name for name in self._parts if isinstance(found.get(name), list | dict)]
        if nested:
            texts = self._decode_parts(whole.text)
            for name in nested:
                found[name] = whole.part(bytes(getattr(texts, name)))
        return found
