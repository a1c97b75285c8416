"""One publication on its way through the server, with an assertion for each hop; and how few writes many of them cost."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inmem_pubsub.core.connection import Data
from inmem_pubsub.core.hub import Hub
from inmem_pubsub.protocol import session
from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.messages import Publish
from inmem_pubsub.server.stats import topic_stats
from tests.client_frames import message
from tests.unit.server.websocket_fakes import Link, make_node, on_a_loop, passes

PUBLISH = {"type": "publish", "topic": "a", "message": {"id": "m1", "payload": {"any": "json"}}, "request_id": "r1"}


@on_a_loop
async def test_one_publication_is_walked_through_every_hop(monkeypatch: pytest.MonkeyPatch) -> None:
    hops: list[str] = []
    with make_node("a") as node:
        publisher, subscriber = Link(node), Link(node)
        subscriber.subscribe("a")
        await passes()
        assert subscriber.heard() == ["ack 0"]
        topic = node.hub.topics["a"]
        flushes = node.connections.passes

        # 1 and 2: server/websocket.py takes a frame, protocol/session.py makes a request of its bytes
        def decoded(text: bytes) -> object:
            request = decode(text)
            assert isinstance(request, Publish)
            assert (request.topic, request.message.id, bytes(request.message.payload)) == (
                "a",
                "m1",
                b'{"any": "json"}',
            )
            assert topic.log.head == 0
            hops.append("session")
            return request

        monkeypatch.setattr(session, "decode", decoded)

        # 3 and 4: core/hub.py numbers it, core/topic.py's log stores the frame and the topic is dirty
        publish = Hub.publish

        def published(hub: Hub, *arguments: object) -> int:
            seq = publish(hub, *arguments)  # type: ignore[arg-type]  # handed through as they came
            assert hub is node.hub
            assert (seq, topic.log.head, topic.log.flushed) == (1, 1, 0)
            hops.append("hub")
            return seq

        monkeypatch.setattr(Hub, "publish", published)
        publisher.ask(PUBLISH)
        assert hops == ["session", "hub"]
        (frame,) = topic.log.after(0)
        assert subscriber.writes == 1, "the ack of the subscribe"
        assert publisher.writes == 0
        assert node.connections.passes == flushes, "one flush is asked for, and comes with the tick"

        # 5: the tick: core/fanout.py joins what is new and writes it to all that are live
        await passes()
        assert node.connections.passes == flushes + 1
        assert topic.log.flushed == 1

        # 6: the transport took that very frame, and the ack went to the publisher
        assert subscriber.transport.writes[-1] == frame
        assert publisher.writes == 1
        assert publisher.heard() == ["ack 1"]
        (event,) = (each.json for each in subscriber.frames())
        stamp = event.pop("ts")
        assert event == {"type": "event", "topic": "a", "message": {"id": "m1", "payload": {"any": "json"}}, "seq": 1}
        assert stamp == topic_stats(topic)["last_publish"]
        counts = topic.counts()
        assert (counts.published, counts.enqueued, counts.sent, counts.pending) == (1, 1, 1, 0)


@on_a_loop
async def test_live_subscribers_get_one_object() -> None:
    """Joined once, whatever their number."""
    with make_node("a") as node:
        links = [Link(node) for _ in range(3)]
        seen: list[Data] = []
        for link in links:
            link.subscribe("a")
        await passes()
        for link in links:
            link.websocket.connection.write = seen.append
        Link(node).publish("a", "1", "2", "3")
        await passes()
        assert len(seen) == 3
        assert seen[0] is seen[1] is seen[2]


@settings(max_examples=25)
@given(connections=st.integers(1, 8), topics=st.integers(1, 5), publications=st.integers(1, 40))
def test_publications_of_a_tick_are_one_write_a_connection(connections: int, topics: int, publications: int) -> None:
    @on_a_loop
    async def check() -> None:
        names = [f"t{k}" for k in range(topics)]
        with make_node(*names) as node:
            links = [Link(node) for _ in range(connections)]
            for link in links:
                link.subscribe(*names)
            publisher = Link(node)
            await passes()
            before = [link.writes for link in links]
            publisher.send(
                *(
                    message({"type": "publish", "topic": names[i % topics], "message": {"id": str(i)}})
                    for i in range(publications)
                )
            )
            await passes()
            assert [link.writes for link in links] == [n + 1 for n in before], f"{connections} writes in all"
            assert publisher.writes == 1
            for link in links:
                events = [each.json for each in link.frames()][topics:]
                assert sorted(int(event["message"]["id"]) for event in events) == list(range(publications))
                for name in names:
                    seqs = [event["seq"] for event in events if event["topic"] == name]
                    assert seqs == list(range(1, len(seqs) + 1))

    check()


@on_a_loop
async def test_a_publisher_that_subscribes_gets_ack_and_event_in_one_write() -> None:
    with make_node("a", "b") as node:
        link = Link(node)
        link.subscribe("a", "b")
        await passes()
        link.frames()
        before = link.writes
        link.publish("a", "1")
        link.publish("b", "1")
        await passes()
        assert link.writes == before + 1
        assert [json.loads(each.payload)["type"] for each in link.frames()] == ["ack", "ack", "event", "event"]
