"""A connection starts with nothing, and says how it is."""

from inmem_pubsub.core.policy import Policy
from tests.unit.core.fakes import Reader, make_hub


def test_a_new_connection_takes_events() -> None:
    connection = Reader().connection
    assert connection.takes
    assert not connection.closed
    assert not connection.out
    assert repr(connection) == "<Connection writable subscriptions=0 lagging=0 out=0>"


def test_a_stalled_one_does_not() -> None:
    hub, reader = make_hub(), Reader()
    hub.subscribe(reader.connection, hub.create("a"))
    hub.fanout.paused(reader.connection)
    hub.reply(reader.connection, b"ack\n")
    hub.flush()
    assert not reader.connection.takes
    assert repr(reader.connection) == "<Connection stalled subscriptions=1 lagging=1 out=1>"


def test_nor_does_one_that_has_more_waiting_than_a_write_may_join() -> None:
    hub, reader = make_hub(join=10), Reader()
    for _ in range(3):
        hub.reply(reader.connection, b"123456\n")
    hub.flush()
    assert reader.connection.writable
    assert not reader.connection.takes
    hub.flush()
    hub.flush()
    assert reader.connection.takes


def test_a_closed_one_has_nothing_left() -> None:
    hub, reader = make_hub(), Reader()
    hub.subscribe(reader.connection, hub.create("a"), policy=Policy.LATEST)
    hub.reply(reader.connection, b"ack\n")
    hub.close(reader.connection)
    assert repr(reader.connection) == "<Connection closed subscriptions=0 lagging=0 out=0>"


def test_out_is_one_list_as_long_as_the_connection_lives() -> None:
    """Whoever answers a whole burst may look it up once."""
    hub, reader = make_hub(join=10), Reader()
    out = reader.connection.out
    for replies in (1, 2, 5):
        for _ in range(replies):
            hub.reply(reader.connection, b"123456\n")
        hub.flush()
    hub.fanout.paused(reader.connection)
    hub.flush()
    hub.fanout.resumed(reader.connection)
    hub.flush()
    assert reader.connection.out is out
    assert out


def test_single_says_whether_there_is_exactly_one_subscription() -> None:
    hub, reader = make_hub(), Reader()
    seen = [reader.connection.single]
    for name in "ab":
        hub.subscribe(reader.connection, hub.create(name))
        seen.append(reader.connection.single)
    for name in "ab":
        hub.unsubscribe(reader.connection, name)
        seen.append(reader.connection.single)
    assert seen == [False, True, False, True, False]
