"""One bound for all that peers keep waiting, and who has to let go of it."""

from inmem_pubsub.server.backlog import AT_ONCE, Backlog


class Holder:
    def __init__(self, backlog: Backlog, name: str, asked: list[str]) -> None:
        self.backlog = backlog
        self.name = name
        self.asked = asked
        self.holds_on_to = 0  # bytes: what it has to send before it can go
        self.waits_for_us = False

    def hold(self, size: int) -> None:
        self.backlog.hold(self, size)

    def excused(self) -> bool:
        return self.waits_for_us

    def give_back(self) -> None:
        self.asked.append(self.name)
        self.backlog.hold(self, self.holds_on_to)


def holders(limit: int, names: str) -> tuple[Backlog, list[Holder], list[str]]:
    backlog, asked = Backlog(limit), list[str]()
    return backlog, [Holder(backlog, name, asked) for name in names], asked


def test_what_is_held_is_the_sum_of_what_each_says_now() -> None:
    backlog, (a, b), asked = holders(100, "ab")
    a.hold(30)
    b.hold(50)
    a.hold(10)
    assert backlog.held == 60
    b.hold(0)
    b.hold(0)
    assert backlog.held == 10
    assert asked == []
    assert repr(backlog) == "<Backlog held=10/100 holders=1>"


def test_over_the_bound_who_has_held_for_longest_lets_go_and_no_more_than_it_takes() -> None:
    backlog, (a, b, c), asked = holders(100, "abc")
    for each in (a, b, c):
        each.hold(30)
    a.hold(20)
    c.hold(51)
    assert asked == ["a"]
    assert backlog.held == 81
    c.hold(100)
    assert asked == ["a", "b"]
    assert backlog.held == 100


def test_what_fits_exactly_is_held() -> None:
    backlog, (a, b), asked = holders(100, "ab")
    a.hold(50)
    b.hold(50)
    assert (backlog.held, asked) == (100, [])


def test_who_was_served_is_not_the_one_who_has_waited_for_longest() -> None:
    backlog, (a, b, c), asked = holders(100, "abc")
    a.hold(40)
    b.hold(40)
    backlog.renew(a)
    c.hold(40)
    assert asked == ["b"]
    assert backlog.held == 80


def test_who_holds_nothing_is_not_renewed() -> None:
    backlog, (a, _), _ = holders(100, "ab")
    backlog.renew(a)
    assert repr(backlog) == "<Backlog held=0/100 holders=0>"


def test_it_may_be_the_one_that_asks_for_more() -> None:
    _, (a, b), asked = holders(100, "ab")
    a.hold(40)
    b.hold(40)
    a.hold(80)
    assert asked == ["a"]


def test_one_alone_is_never_too_much() -> None:
    backlog, (a, _), asked = holders(100, "ab")
    a.hold(1000)
    assert (backlog.held, asked) == (1000, [])


def test_who_cannot_let_go_of_all_counts_with_the_rest_and_is_then_the_last() -> None:
    backlog, (a, b, c), asked = holders(100, "abc")
    a.holds_on_to = 20
    a.hold(50)
    b.hold(50)
    c.hold(20)
    assert (backlog.held, asked) == (90, ["a"])
    c.hold(50)
    assert (backlog.held, asked) == (70, ["a", "b"])


def test_who_waits_for_us_is_excused_and_has_held_for_longest_no_more() -> None:
    _, (a, b, c), asked = holders(100, "abc")
    a.waits_for_us = True
    a.hold(40)
    b.hold(40)
    c.hold(40)
    assert asked == ["b"]
    a.waits_for_us = False
    c.hold(70)
    assert asked == ["b", "c"], "a is the last now"


def test_where_all_wait_for_us_who_holds_the_most_lets_go() -> None:
    backlog, all_of_them, asked = holders(100, "abc")
    for holder, size in zip(all_of_them, (30, 50, 40), strict=True):
        holder.waits_for_us = True
        holder.hold(size)
    assert asked == ["b"]
    assert backlog.held == 70


def test_no_more_are_looked_at_than_a_few() -> None:
    names = [chr(i) for i in range(1, AT_ONCE + 2)]
    backlog, all_of_them, asked = holders(AT_ONCE, "".join(names))
    for holder in all_of_them[:-1]:
        holder.waits_for_us = True
        holder.hold(1)
    all_of_them[-1].hold(1)
    assert asked == names[:1]
    assert backlog.held == AT_ONCE


def test_thousands_may_have_to_let_go_at_once_and_keep_a_rest() -> None:
    backlog, (large, *others), asked = holders(9000, "l" + "s" * 3000)
    for holder in others:
        holder.holds_on_to = 1
        holder.hold(2)
    large.hold(6000)
    assert asked == ["s"] * 3000
    assert backlog.held == 9000
