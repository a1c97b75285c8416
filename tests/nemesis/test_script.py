"""The same seed gives the same round and the same scripts, and everything that can happen is in them."""

import os
from collections import Counter
from dataclasses import fields
from itertools import islice
from pathlib import Path

import pytest

from inmem_pubsub.config import load
from inmem_pubsub.core import HubLimits
from tests.nemesis.plan import Round, plan
from tests.nemesis.script import ACTORS, Delete, Freeze, Leave, Publish, Send, Subscribe, Unsubscribe, fate, script

ROUNDS = [plan(seed, number) for seed in range(4) for number in range(12)]


def actions(round: Round, actor: str, n: int = 300) -> list[object]:
    return list(islice(script(round, actor), n))


def test_a_seed_always_gives_the_same() -> None:
    assert plan(7, 3) == plan(7, 3)
    assert len({str(round) for round in ROUNDS}) == len(ROUNDS)
    for actor in ACTORS:
        assert actions(plan(7, 3), actor) == actions(plan(7, 3), actor)
        assert actions(plan(7, 3), actor) != actions(plan(7, 4), actor)
    assert list(islice(fate(plan(7, 3)), 50)) == list(islice(fate(plan(7, 3)), 50))


@pytest.mark.parametrize("round", ROUNDS, ids=[round.name for round in ROUNDS])
def test_the_server_takes_the_settings_of_a_round(round: Round) -> None:
    settings = load(dict(round.settings), env={}, env_file=Path(os.devnull)).settings
    assert dict(round.limits).keys() <= {field.name for field in fields(HubLimits)}
    assert settings.max_subscriptions == round.rules.max_subscriptions
    assert round.rules.impatient is (settings.write_timeout < 1)


def test_every_kind_of_round_comes_up() -> None:
    kinds = {(round.rules.ample, round.gentle) for round in ROUNDS}
    assert kinds == {(True, False), (False, True), (False, False)}
    for rule in ("byte_bound", "impatient", "held"):
        assert {bool(getattr(round.rules, rule)) for round in ROUNDS} == {True, False}
    assert {topic.policy for round in ROUNDS for topic in round.topics} == {"DROP_OLDEST", "LATEST", "DISCONNECT"}
    assert {topic.kind for topic in ROUNDS[0].topics} == {"loyal", "calm", "wild", "fleeting"}


def test_everything_happens() -> None:
    done = [action for actor in ACTORS for action in actions(ROUNDS[0], actor)]
    kinds = Counter(type(action).__name__ for action in done)
    assert kinds.keys() == {"Connect", "Send", "Pace", "Wait", "Leave"}
    asked = [each for action in done if isinstance(action, Send) for each in action.requests]
    assert {type(each).__name__ for each in asked} == {"Publish", "Subscribe", "Unsubscribe", "Ping"}
    joins = [each for each in asked if isinstance(each, Subscribe)]
    assert {each.replay.kind for each in joins} == {"none", "last_n", "since", "stranger"}
    assert {each.policy for each in joins} == {None, "DROP_OLDEST", "LATEST", "DISCONNECT"}
    assert {action.reset for action in done if isinstance(action, Leave)} == {True, False}
    fates = list(islice(fate(ROUNDS[0]), 200))
    assert any(isinstance(each, Freeze) for each in fates)
    assert len({(each.frozen, each.absent is None) for each in fates if isinstance(each, Delete)}) == 4


def test_what_the_oracle_relies_on_is_left_alone() -> None:
    """Nobody who may be reset comes near the topics whose counts have to be exact, and nobody leaves a loyal one."""
    for round in ROUNDS[:6]:
        kinds = {topic.name: topic.kind for topic in round.topics}
        for actor in ACTORS:
            done = actions(round, actor)
            asked = [each for action in done if isinstance(action, Send) for each in action.requests]
            where = {kinds[each.topic] for each in asked if isinstance(each, Publish | Subscribe | Unsubscribe)}
            if any(isinstance(action, Leave) and action.reset for action in done):
                assert not round.gentle
                assert where <= {"wild", "fleeting"}
            if actor.startswith("loyal"):
                assert where == {"loyal"}
                assert not any(isinstance(action, Leave) for action in done)
                assert not any(isinstance(each, Unsubscribe) for each in asked)
                assert {each.policy for each in asked if isinstance(each, Subscribe)} <= {"DROP_OLDEST", "LATEST"}
            joined = {kinds[each.topic] for each in asked if isinstance(each, Subscribe)}
            assert actor.startswith("loyal") or "loyal" not in joined
