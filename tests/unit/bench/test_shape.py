from collections import Counter

import pytest

from inmem_pubsub.bench.shape import Shape

FAN_OUT = Shape(subscribers=3, publishers=2)
ONE_TO_ONE = Shape(subscribers=4, publishers=2, topics=4)
DASHBOARD = Shape(subscribers=5, publishers=1, topics=3, topics_per_subscriber=2)
CHAT = Shape(subscribers=6, topics=2, members=True)
DEBATE = Shape(subscribers=3, topics=4, topics_per_subscriber=2, members=True)


@pytest.mark.parametrize(
    ("shape", "connections", "subscriptions", "fan"),
    [(FAN_OUT, 5, 3, 3), (ONE_TO_ONE, 6, 4, 1), (DASHBOARD, 6, 10, 10 / 3), (CHAT, 6, 6, 3), (DEBATE, 3, 6, 1.5)],
)
def test_how_much_there_is_of_each(shape: Shape, connections: int, subscriptions: int, fan: float) -> None:
    clients = shape.clients()
    assert len(clients) == shape.connections == connections
    assert sum(len(client.subscribes) for client in clients) == shape.subscriptions == subscriptions
    assert sorted(client.publisher for client in clients if client.publisher is not None) == list(
        range(shape.publishing)
    )
    assert shape.fan == fan
    assert sum(shape.fans()) == subscriptions


def test_a_dashboard_s_topics_begin_with_its_own_number() -> None:
    assert [client.subscribes for client in DASHBOARD.clients()[:5]] == [(0, 1), (1, 2), (0, 2), (0, 1), (1, 2)]
    assert DASHBOARD.fans() == [3, 4, 3]


def test_a_member_subscribes_and_publishes_to_one_topic() -> None:
    for client in CHAT.clients():
        assert client.publisher is not None
        assert client.subscribes == (client.publisher % 2,)
    assert CHAT.fans() == [3, 3]


@pytest.mark.parametrize("shape", [CHAT, DEBATE])
def test_a_member_publishes_to_its_own_topics_in_turn(shape: Shape) -> None:
    for client in shape.clients():
        assert client.publisher is not None
        mine = [shape.topic(client.publisher + turn * shape.publishing) for turn in range(shape.topics_per_subscriber)]
        assert tuple(sorted(mine)) == client.subscribes


def test_publications_take_the_topics_in_turn() -> None:
    assert [ONE_TO_ONE.topic(n) for n in range(6)] == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
@pytest.mark.parametrize("shape", [FAN_OUT, ONE_TO_ONE, DASHBOARD, CHAT, DEBATE])
def test_the_processes_together_have_each_client_once(shape: Shape, processes: int) -> None:
    dealt = [client for process in range(processes) for client in shape.clients(process, processes)]
    assert Counter(dealt) == Counter(shape.clients())
    fans = [shape.fans(process, processes) for process in range(processes)]
    assert list(map(sum, zip(*fans, strict=True))) == shape.fans()


def test_more_topics_for_a_subscriber_than_there_are_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="cannot have 3 topics of 2"):
        Shape(topics=2, topics_per_subscriber=3)


def test_a_chat_without_members_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="raise --subscribers"):
        Shape(subscribers=0, members=True)


def test_a_shape_in_words() -> None:
    assert str(FAN_OUT) == "2 publishers, 1 topic, 3 subscribers: a publication goes to 3"
    assert str(DASHBOARD) == "1 publisher, 3 topics, 5 subscribers of 2 topics each: a publication goes to 3.33"
    assert str(CHAT) == "2 topics, 6 members who all publish: a publication goes to 3"
    assert str(Shape(subscribers=1)) == "1 publisher, 1 topic, 1 subscriber: a publication goes to 1"
