"""Every peer's file is complete and means what it says; a file that does not is refused by name."""

from pathlib import Path
from typing import Final

import pytest

from benchmarks.peer import CAPABILITIES, FOLDER, PLACES, PeerError, filled, peers
from benchmarks.scenarios import QUICK_PEERS, SCENARIOS
from tests.house.source import ROOT

SOUND: Final = """
name = "a peer"
what = "for a test"
language = "none"
install = "not at all"
start = ["true", "{port}"]
path = "/ws"
subscribe = ["s%t"]
publish = "p%t%@%p"

[cannot]
ack = "it is none"
replay = "it is none"
"""


@pytest.fixture(scope="module", params=sorted(path.stem for path in FOLDER.glob("*.toml")))
def key(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_peer_says_all_that_is_needed(key: str) -> None:
    peer = peers()[key]
    assert all((peer.name, peer.what, peer.language, peer.install))
    started = " ".join((*peer.start, *peer.files.values()))
    assert "{port}" in started
    assert any("t%t" in template for template in (*peer.subscribe, *peer.replies))
    assert {"t%t", "%@", "%p"} <= {blank for blank in ("t%t", "%@", "%p") if blank in peer.publish}
    assert bool(peer.replay) == bool(peer.unreplay) == ("replay" in peer.capabilities)
    assert all("{value}" in flags for flags in peer.options.values())
    assert ("ring" in peer.options) == ("ring" in peer.capabilities)
    assert all(reason for reason in peer.cannot.values())


def test_a_peer_has_its_version_from_a_command_unless_it_is_this_checkout(key: str) -> None:
    assert peers()[key].version or key == "floor"


def test_a_program_that_a_peer_starts_is_there(key: str) -> None:
    words = [filled(word, PLACES) for word in peers()[key].start]
    assert all(Path(word).is_file() for word in words if word.startswith(str(ROOT / "benchmarks")))


def test_every_program_is_a_peers() -> None:
    started = {word for peer in peers().values() for word in peer.start}
    programs = {path.name for path in (FOLDER / "programs").iterdir() if path.suffix in (".py", ".js")}
    assert {word.removeprefix("{programs}/") for word in started if word.startswith("{programs}/")} == programs


def test_ours_comes_first_and_then_the_floors() -> None:
    assert list(peers())[:4] == ["ours", "pure", "bare_loop", "floor"]


def test_every_peer_that_a_scenario_names_is_there() -> None:
    named = {key for scenario in SCENARIOS for key in scenario.peers} | set(QUICK_PEERS)
    assert named <= peers().keys()


def test_every_capability_is_one_that_some_scenario_needs() -> None:
    needed = {need for scenario in SCENARIOS for cell in scenario.cells for need in cell.needs}
    assert needed == CAPABILITIES.keys()


def test_pure_differs_from_ours_in_where_the_package_is_and_nothing_else() -> None:
    ours, pure = peers()["ours"], peers()["pure"]
    assert ours.environment != pure.environment
    alike = ("start", "path", "subscribe", "publish", "replay", "unreplay", "ack", "options", "cannot")
    assert [name for name in alike if getattr(ours, name) != getattr(pure, name)] == []


def read(folder: Path, text: str) -> None:
    (folder / "made_up.toml").write_text(text, "utf-8")
    peers(folder)


def test_a_sound_file_is_taken(tmp_path: Path) -> None:
    read(tmp_path, SOUND)


@pytest.mark.parametrize(
    ("sound", "broken", "reason"),
    [
        ('name = "a peer"\n', "", "name"),
        ('name = "a peer"\n', "name = 3\n", "name is 3"),
        ('start = ["true", "{port}"]', 'start = "true"', "start is no list of texts"),
        ('subscribe = ["s%t"]', "subscribe = [1]", "subscribe is no list of texts"),
        ('path = "/ws"\n', "", "a WebSocket needs a path"),
        ('path = "/ws"\n', 'path = "/ws"\ntcp = "yes"\n', "tcp is 'yes'"),
        ('path = "/ws"\n', 'path = "/ws"\nports = 1\n', "no field is called ['ports']"),
        ('ack = "it is none"\n', "", "how it does ack"),
        ('replay = "it is none"\n', "", "how it does replay"),
        ('replay = "it is none"\n', 'replay = "it is none"\nfly = "no wings"\n', "no capability is called ['fly']"),
        ('publish = "p%t%@%p"\n', 'publish = "p"\n', "publish has no %t"),
    ],
)
def test_an_unsound_file_is_refused_by_name(tmp_path: Path, sound: str, broken: str, reason: str) -> None:
    assert sound in SOUND
    with pytest.raises(PeerError) as refused:
        read(tmp_path, SOUND.replace(sound, broken))
    assert str(refused.value).startswith("made_up.toml: ")
    assert reason in str(refused.value)


def test_what_is_not_installed_is_named_with_how_to_install_it(tmp_path: Path) -> None:
    read(tmp_path, SOUND.replace('path = "/ws"', 'path = "/ws"\nneeds = ["no-such-program", "{root}/no/such.*", "sh"]'))
    assert peers(tmp_path)["made_up"].missing() == "no-such-program, no/such.* is not there (not at all)"


def test_a_scenario_that_a_peer_cannot_do_says_why(tmp_path: Path) -> None:
    read(tmp_path, SOUND)
    peer = peers(tmp_path)["made_up"]
    assert peer.why_not({"replay", "large"}) == "it is none"
    assert peer.why_not({"large"}) == ""


def test_only_known_words_are_filled_in() -> None:
    assert filled('{"a":{port}} {other}', {"port": "80"}) == '{"a":80} {other}'
