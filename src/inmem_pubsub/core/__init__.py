"""The pure core of one node: a topic is a log, a subscriber is a cursor. No loop, socket, clock or randomness."""

from inmem_pubsub.core.connection import Connection, Data
from inmem_pubsub.core.hub import Hub, Joined
from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.core.log import TopicLog
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.subscription import Subscription
from inmem_pubsub.core.topic import Counts, Topic, TopicFrames

__all__ = [
    "Connection",
    "Counts",
    "Data",
    "Hub",
    "HubLimits",
    "Joined",
    "Policy",
    "Subscription",
    "Topic",
    "TopicFrames",
    "TopicLog",
]
