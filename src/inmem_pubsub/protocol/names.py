"""What a topic may be called. Names are literal everywhere: never a pattern, a path or a line of a protocol.

Two names that look alike are two topics: nothing is normalised.
"""

import re

MAX_NAME_BYTES = 255
# C0, DEL and C1 controls, and lone surrogates, which have no UTF-8; * and > are kept for patterns.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff*>]")


def why_invalid(name: str) -> str | None:
    """Why this is no topic name, as the end of a sentence; None where it is one."""
    if not name:
        return "is empty"
    if (bad := _FORBIDDEN.search(name)) is not None:
        if bad.group() in "*>":
            return f"holds {bad.group()!r}, which is kept for patterns"
        return f"holds the character U+{ord(bad.group()):04X}"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return None
