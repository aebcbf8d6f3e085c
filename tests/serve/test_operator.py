"""`shoal serve` and `shoal tracker` as an operator runs them: real processes, ended by a signal."""

import argparse
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from patcher.cli import operator
from patcher.cli.output import Output
from patcher.config import Home
from patcher.errors import ShoalError
from patcher.serve.tracker import Tracker

_PROGRAM = """
import sys
from tests.serve.test_operator import run
sys.exit(run(sys.argv[1:]))
"""


def run(words: list[str]) -> int:
    """The operator's verbs alone, with the global options that they read."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=lambda text: Home(Path(text)))
    parser.add_argument("--json", action="store_true")
    operator.add_verbs(parser.add_subparsers(required=True))
    args = parser.parse_args(words)
    with Output(json_lines=args.json) as out:
        return int(args.run(args, out) or 0)


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    (tmp_path / "feed/metadata").mkdir(parents=True)
    (tmp_path / "feed/metadata/timestamp.json").write_text("{}")
    return tmp_path / "feed"


class Running:
    """A verb in a process of its own."""

    def __init__(self, home: Path, *words: str) -> None:
        command = [sys.executable, "-c", _PROGRAM, "--home", str(home), *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """The next line it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self, number: signal.Signals) -> tuple[int, list[str]]:
        """Send a signal: exit code and the lines printed since."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode, rest.splitlines()


Start = Callable[..., Running]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[Running] = []

    def begin(*words: str) -> Running:
        started.append(Running(home, *words))
        return started[-1]

    yield begin
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.mark.posix("SIGTERM")
def test_a_feed_is_served_until_the_operator_ends_it(start: Start, feed: Path) -> None:
    running = start("serve", str(feed), "--demo-cert")
    ca = running.line().removeprefix("Players need --ca ")
    url = running.line().removeprefix(f"Serving {feed} at ")
    with requests.get(f"{url}/metadata/timestamp.json", verify=ca, timeout=10) as answer:
        assert answer.content == b"{}"
    assert running.end(signal.SIGTERM) == (0, ["1 requests were answered."])


@pytest.mark.posix("Ctrl-C of one process")
def test_a_script_learns_the_addresses_of_a_tracker(start: Start) -> None:
    running = start("--json", "tracker", "--udp", "127.0.0.1:0", "--http", "127.0.0.1:0")
    urls = [json.loads(running.line())["text"] for _ in range(2)]
    with requests.get(urls[0], timeout=10) as answer:
        assert b"failure reason" in answer.content
    assert urls[1].startswith("udp://127.0.0.1:")
    code, lines = running.end(signal.SIGINT)
    assert (code, [json.loads(line) for line in lines]) == (0, [{"event": "result", "ok": True, "urls": urls}])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("serve", "nowhere"), "usage.feed_folder"),
        (("serve", "{home}"), "usage.feed_folder"),
        (("serve", "{feed}", "--host", "0.0.0.0"), "usage.argument"),
        (("serve", "{feed}", "--cert", "a.pem"), "usage.argument"),
        (("serve", "{feed}", "--cert", "a.pem", "--key", "a.key"), "usage.argument"),
        (("serve", "{feed}", "--demo-cert", "--key", "a.key"), "usage.argument"),
        (("serve", "{feed}", "--host", "host.invalid", "--demo-cert"), "usage.port"),
        (("tracker", "--udp", "127.0.0.1:{udp}"), "usage.port"),
        (("tracker", "--http", "127.0.0.1:{http}"), "usage.port"),
    ],
)
def test_a_wrong_argument_is_said(home: Path, feed: Path, words: tuple[str, ...], code: str) -> None:
    with Tracker() as tracker:
        ports = [url.rpartition(":")[2].removesuffix("/announce") for url in (tracker.udp_url, tracker.http_url)]
        filled = [word.format(home=home, feed=feed, udp=ports[0], http=ports[1]) for word in words]
        with pytest.raises(ShoalError) as caught:
            run(["--home", str(home), *filled])
    assert caught.value.code == code


@pytest.mark.parametrize(
    "words", ["serve f --port 70000", "serve f --port x", "tracker --udp 6969", "tracker --udp :1"]
)
def test_a_port_is_a_port(home: Path, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["--home", str(home), *words.split()])
    assert "is not" in capsys.readouterr().err
