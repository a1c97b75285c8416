"""A token bucket: so many a second, and at most one second's worth at once."""


class Bucket:
    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: float) -> None:
        """`rate`: tokens a second."""
        self._rate = rate
        self._tokens = max(1.0, rate)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Whether there was one. `now` is in seconds, on any clock that does not go back."""
        self._tokens = min(max(1.0, self._rate), self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
