"""Counts in words."""


def many(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


def were(count: int, noun: str) -> str:
    return f"{many(count, noun)} {'was' if count == 1 else 'were'}"
