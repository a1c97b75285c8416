"""What the processes of a load say to each other: lines of JSON, over the stdin and the stdout of each.

    in      Share, as the first line · Go, with the time to begin · Stop: publish no more, and finish
    out     Ready · Progress, a few times a second · Result, the end · Failure, the end too

The end of its stdin is a Stop: whoever started it may be gone.
"""

from typing import Final

import msgspec

from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.tally import Parcel


class Share(msgspec.Struct, tag=True):
    """What one process has to do. `board` is a descriptor that it inherits."""

    url: str
    topics: list[str]
    plan: Plan
    board: int = -1
    process: int = 0


class Go(msgspec.Struct, tag=True):
    start: int


class Stop(msgspec.Struct, tag=True):
    pass


class Ready(msgspec.Struct, tag=True):
    pass


class Progress(msgspec.Struct, tag=True):
    published: int
    acknowledged: int
    delivered: int
    dropped: int


class Result(msgspec.Struct, tag=True):
    """`stopped`: before its time. `stalled`: what was to come did not."""

    parcel: Parcel
    stopped: bool
    stalled: bool


class Failure(msgspec.Struct, tag=True):
    """It did not come to a load."""

    reason: str


Order = Share | Go | Stop
Answer = Ready | Progress | Result | Failure

orders: Final = msgspec.json.Decoder(Order)
answers: Final = msgspec.json.Decoder(Answer)
