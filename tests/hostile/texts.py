"""Large messages, each made to be slow to judge or to need much memory: for a parser, a counter, a search."""

from collections.abc import Iterator
from typing import Final, NamedTuple

MIB: Final = 1 << 20


class Hostile(NamedTuple):
    name: str
    text: bytes
    accepted: bool = True

    def __str__(self) -> str:
        return self.name


def publish_of(payload: bytes) -> bytes:
    return b'{"type":"publish","topic":"t","message":{"id":"m","payload":%b},"request_id":"r"}' % payload


def ping_with(value: bytes) -> bytes:
    """In a key that is ignored."""
    return b'{"type":"ping","x":%b}' % value


def filled(size: int, piece: bytes) -> bytes:
    """Again and again, with commas."""
    return b",".join([piece] * (size // (len(piece) + 1)))


def numbered(size: int, piece: bytes) -> bytes:
    """Again and again, each with a number of its own."""
    return b",".join(piece % number for number in range(size // (len(piece % 10**5) + 1)))


MANY: Final = b"[" + b"[]," * 100  # so many brackets that depth has to be counted


def brackets(size: int) -> Iterator[Hostile]:
    deep_list, deep_both = b"[" * 60 + b"]" * 60, b'[{"":' * 30 + b"1" + b"}]" * 30
    yield Hostile("brackets that open", b"[" * size, False)
    yield Hostile("brackets that open and close", b"[" * (size // 2) + b"]" * (size // 2), False)
    yield Hostile("objects that open", b'{"a":' * (size // 5), False)
    yield Hostile("arrays and objects that open", b'[{"":' * (size // 5), False)
    yield Hostile("brackets that open, as a payload", publish_of(b"[" * size), False)
    yield Hostile("brackets that open, ignored", ping_with(b"[" * size), False)
    yield Hostile("objects that open, ignored", ping_with(b'{"a":' * (size // 5)), False)
    for where, put in ("as a payload", publish_of), ("ignored", ping_with):
        for name, piece in {
            "empty arrays": b"[]",
            "empty objects": b"{}",
            "objects of one member": b'{"":0}',
            "brackets in and around strings": b'["["]',
            "deep arrays in a row": deep_list,
            "deep arrays and objects in a row": deep_both,
        }.items():
            yield Hostile(f"{name}, {where}", put(b"[%b]" % filled(size, piece)))
        yield Hostile(f"objects of keys of their own, {where}", put(b"[%b]" % numbered(size, b'{"%05x":0}')))
    within = b'{"type":"publish","topic":"t","message":{"id":"m","x":[%b],"payload":1}}'
    yield Hostile("empty arrays, ignored in a message", within % filled(size, b"[]"))


def members(size: int) -> Iterator[Hostile]:
    for keys in 5000, size // 11:
        many = b",".join(b'"%x":1' % n for n in range(keys))
        yield Hostile(f"{keys} keys, in a payload", publish_of(b"{%b}" % many))
        yield Hostile(f"{keys} keys, ignored", b'{%b,"type":"ping"}' % many)
        yield Hostile(f"{keys} keys, ignored in an object", ping_with(b"{%b}" % many))
    yield Hostile("one key again and again, in a payload", publish_of(b"{%b}" % filled(size, b'"a":1')))
    yield Hostile("one key again and again, ignored", b'{%b,"type":"ping"}' % filled(size, b'"":1'))
    yield Hostile("one key of ours again and again", b'{%b,"request_id":"r"}' % filled(size, b'"type":"ping"'), False)
    yield Hostile("one key of another type's again and again", b'{%b,"type":"ping"}' % filled(size, b'"topic":1'))
    many = filled(size, b'"message":{"id":"m"}')
    yield Hostile("one message again and again", b'{%b,"type":"publish","topic":"t"}' % many, False)
    many = filled(size, b'"a":[0]')
    yield Hostile("an array again and again, ignored", b'{%b,"type":"ping"}' % many)
    yield Hostile(
        "an array again and again, behind a message",
        b'{"type":"publish","topic":"t","message":{"id":1},%b}' % many,
        False,
    )
    many = filled(size, b'"since":{}')
    yield Hostile("one position again and again", b'{%b,"type":"subscribe","topic":"t"}' % many, False)
    many = filled(size, b'"id":"m"')
    yield Hostile("one id again and again", b'{"type":"publish","topic":"t","message":{%b}}' % many, False)


def alike(size: int) -> Iterator[Hostile]:
    """Texts in which the text of a message stands more than once."""
    message = b'{"id":[0,1]}'
    text = b'{"x":[%b],"type":"publish","topic":"t","message":%b}'
    yield Hostile("a message again and again within an array", text % (filled(size, message), message), False)
    message = b"[0,1]"
    yield Hostile("a message again and again within strings", text % (filled(size, b'"%b"' % message), message), False)
    message = b'{"x":[%b],"id":1}' % filled(size // 2, b"[]")
    yield Hostile("a message, and nearly the same before it", text % (message.replace(b"1}", b"2}"), message), False)
    message = b'{"x":"%b","id":1}' % (b"ab" * (size // 4))
    yield Hostile(
        "a message of a pattern, and more of it before it", text % (b'"%b"' % (b"ab" * (size // 4)), message), False
    )


def strings(size: int) -> Iterator[Hostile]:
    for where, put in ("as a payload", publish_of), ("ignored", ping_with):
        yield Hostile(f"empty strings, {where}", put(b"[%b]" % filled(size, b'""')))
        yield Hostile(f"short strings, {where}", put(b"[%b]" % numbered(size, b'"%05x"')))
        yield Hostile(f"empty strings, behind brackets, {where}", put(MANY + filled(size, b'""') + b"]"))
        yield Hostile(f"brackets in strings, behind brackets, {where}", put(MANY + filled(size, b'"["') + b"]"))
        yield Hostile(f"quotes in strings, behind brackets, {where}", put(MANY + filled(size, b'"\\""') + b"]"))
        for name, piece in {
            "short escapes": b"\\n",
            "escapes of characters": b"\\u0041",
            "escapes of surrogate pairs": b"\\ud83d\\ude00",
            "escaped quotes": b'\\"',
            "backslashes": b"\\\\",
            "emoji": b"\xf0\x9f\x98\x80",
            "nothing special": b"x",
            "colons": b":",
        }.items():
            string = b'"%b"' % (piece * (size // len(piece)))
            yield Hostile(f"a string of {name}, {where}", put(string))
            yield Hostile(f"a string of {name}, behind brackets, {where}", put(MANY + string + b"]"))
    yield Hostile("a string that does not end", publish_of(MANY + b'"' + b"\\n" * (size // 2)), False)
    yield Hostile("backslashes that do not end", publish_of(b'"' + b"\\" * size), False)
    for name, piece in ("colons", b":"), ("escapes", b"\\u0041"), ("emoji", b"\xf0\x9f\x98\x80"):
        topic = piece * (size // len(piece))
        yield Hostile(f"a topic of {name}", b'{"type":"unsubscribe","topic":"%b"}' % topic)
    yield Hostile("a long type", b'{"type":"%b"}' % (b"x" * size), False)
    yield Hostile("a long request_id", b'{"type":"ping","request_id":"%b"}' % (b"x" * size), False)
    yield Hostile(
        "a long client_id of escapes", b'{"type":"ping","client_id":"%b"}' % (b"\\u0041" * (size // 6)), False
    )


def numbers(size: int) -> Iterator[Hostile]:
    for where, put in ("as a payload", publish_of), ("ignored", ping_with):
        for name, number in {
            "a number of digits": b"9" * size,
            "a number of digits behind a point": b"0." + b"9" * size,
            "a number of zeros behind a point": b"0." + b"0" * size + b"1",
            "a number of digits in front of a point": b"9" * size + b".0",
            "a number whose exponent takes back its digits": b"9" * size + b"e-%d" % size,
            "an exponent of zeros": b"5e" + b"0" * size,
            "an exponent of digits": b"5e" + b"9" * size,
            "negative exponents of digits": b"5e-" + b"9" * size,
        }.items():
            yield Hostile(f"{name}, {where}", put(number), False)
        for name, number in {
            "small integers": b"0",
            "integers of 64 bits": b"9" * 20,
            "integers of 1000 digits": b"9" * 1000,
            "integers of 4096 digits": b"9" * 4096,
            "floats of 770 digits": b"1." + b"7" * 770,
            # The digits of a number just between two doubles: rounding it needs them all.
            "floats that are hard to round": b"1.00000000000000011102230246251565404236316680908203125"
            + b"0" * 700
            + b"1",
            "the smallest floats": b"2.4703282292062327208e-324",
            "large exponents": b"1e300",
            "words": b"null",
        }.items():
            yield Hostile(f"{name}, {where}", put(b"[%b]" % filled(size, number)))
            yield Hostile(
                f"{name}, behind many brackets, {where}", put(b"[%b,%b]" % (b"[]," * 5000 + b"0", filled(size, number)))
            )
        mixed = filled(size, b"9" * 4096 + b",1.5,-" + b"9" * 300)
        yield Hostile(f"integers of 4096 digits among floats, {where}", put(b"[%b]" % mixed))
        yield Hostile(
            f"integers of 190 digits among floats, {where}",
            put(b"[%b,%b]" % (b"9" * 300, filled(size, b"9" * 190 + b",1e5"))),
        )
    options = b'{"type":"subscribe","topic":"t","last_n":%b}'
    yield Hostile("a last_n of digits", options % (b"9" * size), False)
    yield Hostile("a last_n of zeros behind the point", options % (b"5." + b"0" * size), False)
    yield Hostile("a last_n of many zeros behind the point", options % (b"5." + b"0" * 4000))


def rest(size: int) -> Iterator[Hostile]:
    yield Hostile("white space in front", b" " * size + b'{"type":"ping"}')
    yield Hostile("white space in a payload", publish_of(b"[" + b" \t\r\n" * (size // 4) + b"]"))
    yield Hostile("white space between members", b'{"type":"ping",%b"x":[]}' % (b"\n" * size))
    yield Hostile("an array for an object", b"[%b]" % filled(size, b'"type"'), False)
    yield Hostile("a comma too many at the end", ping_with(b"[%b,]" % filled(size, b"[]")), False)


def texts(size: int) -> Iterator[Hostile]:
    """Each of about so many bytes."""
    for kind in brackets, members, alike, strings, numbers, rest:
        yield from kind(size)
