"""The numbers of /stats and /topics. They and /metrics read the same integers, so they never disagree."""

from typing import Any

from inmem_pubsub.core import Counts, Topic
from inmem_pubsub.protocol.frames import EventFrames
from inmem_pubsub.server.node import Node


def topic_stats(topic: Topic) -> dict[str, Any]:
    """One topic, as /topics and /stats show it. `last_publish` is absent before the first one."""
    counts = topic.counts()
    found = {
        "name": topic.name,
        "subscribers": topic.subscribers,
        "messages": counts.published,
        **counted(counts),
        "lagging": len(topic.lagging),
        "ring_buffer_size": topic.log.max_events,
        "retained": topic.log.flushed - topic.log.tail,
        "retained_bytes": topic.log.size,
        "policy": topic.policy,
        "buffer": topic.buffer,
        "epoch": topic.epoch,
        "seq": topic.log.head,
    }
    if isinstance(topic.frames, EventFrames) and topic.frames.published_at is not None:
        found["last_publish"] = topic.frames.published_at.decode()
    return found


def counted(counts: Counts) -> dict[str, int]:
    """`enqueued = delivered + dropped + discarded + pending`, at every moment."""
    return {
        "published": counts.published,
        "enqueued": counts.enqueued,
        "delivered": counts.sent,
        "dropped": counts.dropped,
        "discarded": counts.discarded,
        "pending": counts.pending,
    }


def global_stats(node: Node) -> dict[str, Any]:
    """Totals since the start; they do not shrink when a topic is deleted."""
    hub, connections = node.hub, node.connections
    counts = hub.counts()
    return {
        "topics": len(hub.topics),
        "subscribers": hub.subscribers(),
        "messages": counts.published,
        **counted(counts),
        "connections": len(connections.open),
        "connections_total": connections.accepted,
        "lagging": sum(len(topic.lagging) for topic in hub.topics.values()),
        "bytes_sent": hub.fanout.bytes_sent,
        "bytes_received": connections.bytes_received,
        "history_bytes": hub.history(),
        "evicted": hub.evicted,
        "errors": dict(node.sessions.errors),
        "closes": dict(connections.closed),
        "refusals": dict(connections.refused),
        "loop_delay_seconds": round(node.loop_delay, 6),
        "uptime_seconds": int(node.uptime),
    }
