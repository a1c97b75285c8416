"""What is published, acknowledged and seen has to agree, in each life of a topic."""

from collections.abc import Callable

import pytest

from tests.nemesis.oracle import Oracle
from tests.nemesis.talk import Talk, deleted, made, new_oracle, texts

Story = Callable[[Oracle, Talk, Talk], None]
HEADS = {"wild": ("wild", 0), "calm": ("calm", 0), "loyal": ("loyal", 0), "fleeting": ("fleeting", 0)}


def play(story: Story) -> str:
    oracle = new_oracle()
    story(oracle, Talk(oracle, "reader"), Talk(oracle, "writer"))
    return texts(oracle)


def other_content(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.joins(0)
    writer.publish("a")
    writer.publish("b")
    writer.ack(seq=1)
    writer.ack(seq=2)
    reader.event(1, "a")
    writer.event(1, "b")


def other_payload(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publish("a")
    writer.ack(seq=1)
    reader.event(1, "a", payload="something else")


def other_number(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publish("a", "fleeting")
    writer.ack("fleeting", seq=2)
    reader.event(1, "a", "fleeting")


def other_number_in_the_ack(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publish("a", "fleeting")
    reader.event(1, "a", "fleeting")
    writer.ack("fleeting", seq=2)


def other_owner(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publish("a")
    writer.publish("b")
    writer.ack(seq=1)
    reader.event(1, "b")


def other_owner_in_the_ack(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publish("a")
    reader.publish("b")
    reader.event(1, "a")
    reader.ack(seq=1)


def two_owners(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publish("a")
    writer.publish("b")
    writer.ack(seq=1)
    writer.ack(seq=1)


def number_beyond(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publish("a")
    writer.ack(seq=2)


def event_beyond(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publish("a")
    reader.joins(1)
    reader.event(2, "a")


def nobodys(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    reader.event(1, "ghost")


def of_another_topic(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publish("a", "calm")
    reader.event(1, "a")


def twice_there(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publish("a")
    writer.publish("b")
    reader.event(1, "a")
    reader.event(2, "a")


def refused_and_there(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    deleted(oracle, "fleeting")
    writer.publish("a", "fleeting")
    writer.refused("TOPIC_NOT_FOUND")
    reader.event(1, "a", "fleeting")


def there_and_refused(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publish("a", "fleeting")
    deleted(oracle, "fleeting")
    reader.event(1, "a", "fleeting")
    writer.refused("TOPIC_NOT_FOUND")


@pytest.mark.parametrize(
    ("story", "found"),
    [
        (other_content, "seq 1 has two contents"),
        (other_payload, "the payload of seq 1 (a) is not what was published"),
        (other_number, "a was acknowledged as seq 2, and its event is seq 1"),
        (other_number_in_the_ack, "a is acknowledged as seq 2, and its event is seq 1"),
        (other_owner, "seq 1 was acknowledged to a, and its event is b"),
        (other_owner_in_the_ack, "seq 1 is acknowledged to b, and its event is a"),
        (two_owners, "seq 1 is acknowledged to a and to b"),
        (number_beyond, "a is acknowledged as seq 2; 1 were published"),
        (event_beyond, "there is a seq 2; 1 were published"),
        (nobodys, "seq 1 is 'ghost', which nobody published here"),
        (of_another_topic, "seq 1 is 'a', which nobody published here"),
        (twice_there, "a is seq 1 of epoch wild, and seq 2 of epoch wild"),
        (refused_and_there, "seq 1 is a, which was refused"),
        (there_and_refused, "a was refused, and is seq 1"),
    ],
)
def test_a_contradiction_is_found(story: Story, found: str) -> None:
    assert found in play(story)


@pytest.mark.parametrize(("epoch", "found"), [("fleeting", "it was not changed"), ("wild", "it was not changed")])
def test_an_epoch_that_was_there_before_is_found(epoch: str, found: str) -> None:
    oracle = new_oracle()
    deleted(oracle, "fleeting")
    assert found in made(oracle, "fleeting", epoch)[0]


def test_an_epoch_met_before_its_maker_knows_it_has_to_be_that_one() -> None:
    oracle = new_oracle()
    deleted(oracle, "fleeting")
    oracle.ledger.creating("fleeting")
    Talk(oracle, "reader").joins(0, "fleeting", ack={"epoch": "second"})
    assert texts(oracle) == ""
    assert list(oracle.ledger.created("fleeting", "third")) == ["epoch third, after second for the same topic"]


# -- the last word


def verdict(story: Story, **heads: tuple[str, int]) -> str:
    oracle = new_oracle()
    story(oracle, Talk(oracle, "reader"), Talk(oracle, "writer"))
    assert texts(oracle) == ""
    return "\n".join(f"{topic}: {fault}" for topic, fault in oracle.ledger.verify(HEADS | heads))


def five(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publishes(5)
    reader.reads(1, 5)


def one_without_its_ack(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publishes(4)
    writer.publish("lost")


def a_life_that_is_over(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publishes(2, topic="fleeting")
    reader.reads(1, 1, "fleeting")
    deleted(oracle, "fleeting")
    reader.topic_deleted()
    made(oracle, "fleeting", "second")


def one_in_either_life(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publish("a", "fleeting")
    deleted(oracle, "fleeting")
    reader.topic_deleted()
    made(oracle, "fleeting", "second")
    writer.ack("fleeting", seq=1)


def seen_in_a_later_life(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publishes(1, topic="fleeting")
    deleted(oracle, "fleeting")
    made(oracle, "fleeting", "second")
    reader.joins(0, "fleeting", ack={"epoch": "second"})
    reader.reads(1, 1, "fleeting")


def seen_in_another_order(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0)
    writer.publish("a")
    writer.publish("b")
    reader.event(1, "b")
    reader.event(2, "a")


@pytest.mark.parametrize(
    ("story", "heads", "found"),
    [
        (five, {"wild": ("wild", 5)}, ""),
        (five, {"wild": ("wild", 4)}, "wild: seq 5 was acknowledged, and its head is 4"),
        (five, {"wild": ("wild", 6)}, "wild: its head is 6; 5 publications were acknowledged, and 0 lost their ack"),
        (five, {"wild": ("other", 5)}, "wild: is in epoch other, which nobody made"),
        (one_without_its_ack, {"wild": ("wild", 4)}, ""),
        (one_without_its_ack, {"wild": ("wild", 5)}, ""),
        (one_without_its_ack, {"wild": ("wild", 6)}, "its head is 6; 4 publications were acknowledged, and 1 lost"),
        (a_life_that_is_over, {"fleeting": ("second", 0)}, "fleeting.2 was acknowledged as seq 2 and is in no epoch"),
        (one_in_either_life, {"fleeting": ("second", 1)}, ""),
        (one_in_either_life, {"fleeting": ("second", 0)}, "a was acknowledged as seq 1 and is in no epoch"),
        (seen_in_a_later_life, {"fleeting": ("second", 1)}, "which was not there when it was published"),
        (seen_in_another_order, {"wild": ("wild", 2)}, "b comes before a in epoch wild; it was sent after it"),
    ],
)
def test_the_last_word_on_what_was_acknowledged(story: Story, heads: dict[str, tuple[str, int]], found: str) -> None:
    text = verdict(story, **heads)
    assert found in text
    assert bool(text) is bool(found)
