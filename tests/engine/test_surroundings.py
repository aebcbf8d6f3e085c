"""What the system says of this computer, and that it says nothing."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import psutil
import pytest

from patcher import config
from patcher.config import Home, Settings
from patcher.engine import surroundings
from patcher.engine.engine import Engine
from patcher.protocol import commands, events
from patcher.protocol.events import Held
from patcher.transfer.swarm.policy import Surroundings
from tests.support.waiting import wait_until

_SHARES = Settings(sharing="everyone")
ROOT = Path(__file__).parent.parent.parent

Manager = Callable[[str], None]


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    made = Engine(Home(home))
    yield made
    made.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manager:
    """Have `busctl` do what a line of shell says."""
    monkeypatch.setattr(surroundings, "_BUS", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def answer(line: str) -> None:
        program = tmp_path / "busctl"
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)

    return answer


def _power(monkeypatch: pytest.MonkeyPatch, plugged: bool | None) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: SimpleNamespace(power_plugged=plugged))


@pytest.mark.parametrize(("plugged", "said"), [(False, True), (True, False), (None, False)])
def test_a_battery_counts_when_it_is_known_to_be_in_use(
    plugged: bool | None, said: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    _power(monkeypatch, plugged)
    assert surroundings.look(_SHARES, is_playing=False).on_battery == said


def test_a_computer_without_a_battery_is_not_on_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None)
    assert not surroundings.look(_SHARES, is_playing=False).on_battery


@pytest.mark.posix("NetworkManager")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("echo u 1", True),
        ("echo u 3", True),
        ("echo u 0", False),
        ("echo u 2", False),
        ("echo u 4", False),
        ("echo u 1; exit 1", False),
        ("sleep 5", False),
    ],
)
def test_networkmanager_says_whether_the_connection_is_metered(line: str, said: bool, manager: Manager) -> None:
    manager(line)
    assert surroundings.look(_SHARES, is_playing=False).is_metered == said


def test_who_shares_nothing_is_asked_for_no_reason(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    manager("echo u 1")
    _power(monkeypatch, plugged=False)
    seen = surroundings.look(Settings(), is_playing=True)
    assert seen == Surroundings(is_playing=True, minute=seen.minute)
    assert 0 <= seen.minute < 24 * 60


@pytest.mark.posix("network namespaces")
@pytest.mark.parametrize(
    ("device", "said"),
    [("link add cable type veth peer name other", "False"), ("tuntap add cable mode tun", "True")],
)
def test_a_way_out_through_a_tunnel_is_a_vpn(device: str, said: str) -> None:
    setup = (
        f"ip {device} && ip address add 10.9.9.2/24 dev cable && ip link set cable up && ip route add default dev cable"
    )
    ask = "from patcher.engine import surroundings; print(surroundings._by_vpn())"
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", "--net", *rootless, "sh", "-c", f'{setup} && exec "$@"', "sh", sys.executable, "-c", ask]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == said


def test_what_holds_sharing_back_is_told_at_once_and_the_cap_begins_with_sharing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.start()
    for key, value in (("listen_host", "127.0.0.1"), ("sharing", "everyone")):
        engine.submit(commands.ChangeSetting(key, value))
    assert engine.snapshot().settings["monthly_upload_cap_bytes"] == config.FIRST_CAP_BYTES
    heard: SimpleQueue[events.Event] = SimpleQueue()
    with engine.listening(heard.put):
        monkeypatch.setattr(surroundings, "look", lambda *_, **__: Surroundings(on_battery=True))
        wait_until(lambda: engine.snapshot().held is Held.BATTERY, "the look around")
        assert engine.snapshot().allowed_sharing == "off"
        wait_until(lambda: not heard.empty() and isinstance(heard.get(), events.Changed), "word of it")
        monkeypatch.setattr(surroundings, "look", lambda *_, **__: Surroundings())
        wait_until(lambda: engine.snapshot().allowed_sharing == "everyone", "the next look")
