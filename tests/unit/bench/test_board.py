import pytest

from inmem_pubsub.bench.board import Board, new_file


@pytest.fixture
def boards() -> tuple[Board, Board]:
    """Of two processes; what they share outlives the file."""
    with new_file(2) as file:
        return Board(file.fileno(), 0, 2), Board(file.fileno(), 1, 2)


def test_each_sees_what_the_other_does(boards: tuple[Board, Board]) -> None:
    one, other = boards
    one.publish([3, 4])
    other.publish([1, 2])
    assert one.under_way() == other.under_way() == 2
    assert [one.owed(0), one.owed(1)] == [other.owed(0), other.owed(1)] == [4, 6]
    other.delivered(5)
    one.answered(1)
    assert (one.owed(1), other.owed(0), other.under_way(), one.unanswered, other.unanswered) == (1, 4, 1, 0, 1)


def test_what_is_refused_is_owed_to_nobody(boards: tuple[Board, Board]) -> None:
    one, _ = boards
    one.publish([3, 4])
    one.refuse([3, 4])
    one.answered(1)
    assert (one.owed(0), one.owed(1), one.under_way()) == (0, 0, 0)


def test_all_are_finished_when_each_is(boards: tuple[Board, Board]) -> None:
    one, other = boards
    found = []
    for board in boards:
        board.finish()
        found.append((one.all_finished, other.all_finished))
    assert found == [(False, False), (True, True)]


def test_a_window_of_one_waits_for_the_ack_and_every_delivery(boards: tuple[Board, Board]) -> None:
    one, other = boards
    assert one.has_room(1, [2, 1])
    one.publish([2, 1])
    one.answered(1)
    one.delivered(2)
    assert not one.has_room(1, [2, 1])
    other.delivered(1)
    assert one.has_room(1, [2, 1])
    one.publish([0, 0])
    assert not one.has_room(1, [2, 1])


def test_a_window_is_for_the_publications_of_all(boards: tuple[Board, Board]) -> None:
    one, other = boards
    one.publish([1, 0])
    other.publish([1, 0])
    assert not one.has_room(2, [1, 0])
    assert one.has_room(3, [1, 0])
    one.answered(1)
    other.answered(1)
    assert not one.has_room(2, [1, 0])  # nobody has read them
    one.delivered(1)
    assert one.has_room(2, [1, 0])
