"""What json_outline.py finds in a text, found once more: character by character, and off the reference's tree."""

from tests.unit.protocol.reference import Members, Number


def blanked(text: bytes) -> bytes:
    """Character by character."""
    found = bytearray()
    inside = escaped = False
    for c in text:
        ends = inside and c == 0x22 and not escaped
        starts = not inside and c == 0x22
        found.append(c if ends or not (inside or starts) else 0)
        escaped = inside and c == 0x5C and not escaped
        inside = starts or (inside and not ends)
    return bytes(found)


def level_of_each(marks: bytes) -> list[int]:
    found, level = [], 0
    for c in marks:
        level -= c in b"]}"
        found.append(level)
        level += c in b"[{"
    return found


def as_member(value: object) -> object:
    """A value of the reference's tree without what is nested in it."""
    if isinstance(value, Members):
        return Members()
    return [] if isinstance(value, list) else value


def as_read(value: object) -> object:
    """The same as it is read."""
    if isinstance(value, Number):
        return value.spelling.encode() if is_float(value) else int(value.spelling)
    if isinstance(value, Members):
        return {}
    return [] if isinstance(value, list) else value


def is_float(number: Number) -> bool:
    return bool(set(number.spelling) & set(".eE"))


def floats_in(tree: object) -> set[str]:
    if isinstance(tree, Number):
        return {tree.spelling} if is_float(tree) else set()
    if isinstance(tree, list):
        return {n for each in tree for n in floats_in(each[1] if isinstance(tree, Members) else each)}
    return set()
