"""The pure core of one node: a topic is a log, a subscriber is a cursor. No loop, socket, clock or randomness."""

from .connection import Connection
from .hub import Hub, Joined
from .limits import HubLimits
from .log import TopicLog
from .policy import Policy
from .subscription import Subscription
from .topic import Counts, Topic, TopicFrames

__all__ = [
    "Connection",
    "Counts",
    "Hub",
    "HubLimits",
    "Joined",
    "Policy",
    "Subscription",
    "Topic",
    "TopicFrames",
    "TopicLog",
]
