"""A server that writes escapes for terminals into its answers: nobody who looks at a feed later meets them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from patcher.cli.__main__ import main
from tests.support import trees
from tests.support.hostile_origin import Answer, HostileOrigin, Request, says
from tests.support.world import Shoal, World

_ESCAPE = "\x1b]0;you are root\x07\x1b[2J\x9b31mshoal: all is well"


def _garbage(request: Request, peer: socket.socket) -> None:
    peer.sendall(f"HTTP/1.1 2x0 {_ESCAPE}\r\n\r\n".encode("latin-1"))
    raise ConnectionAbortedError


ANSWERS: dict[str, Answer] = {
    "status line": _garbage,
    "location": says(302, Location=f"https://evil.example/{_ESCAPE}"),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HostileOrigin]:
    """The feed of a world, at a server that will lie."""
    trees.write(tmp_path / "tree", {"readme.txt": trees.File(b"x")})
    with World(tmp_path / "world") as world, HostileOrigin() as server:
        world.release("1", tmp_path / "tree")
        files = (path for path in world.feed.rglob("*") if path.is_file())
        server.files.update((path.relative_to(world.feed).as_posix(), path.read_bytes()) for path in files)
        yield server


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_server_said_reaches_no_terminal_and_no_log(
    tmp_path: Path, server: HostileOrigin, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    player = Shoal(tmp_path / "bob")
    try:
        player.run("feed", "add", server.url)
        server.answer("metadata/timestamp.json", *[ANSWERS[name]] * 20)
        error = player.error("install", "game", "--to", tmp_path / "game", expect=4)
        assert error["message"].isprintable()
        capsys.readouterr()
        for words in (["install", "game"], ["feed", "list"], ["status"], ["doctor"]):
            main(["--home", str(player.home), *words])
    finally:
        player.stop_engine()
    shown = capsys.readouterr()
    assert "you are root" in shown.out + shown.err, "it is told, as text"
    for text in (shown.out, shown.err, (player.home / "engine.log").read_text("utf-8")):
        assert all(line.isprintable() for line in text.split("\n"))
    for line in (player.home / "engine.log").read_text("utf-8").splitlines():
        assert set(json.loads(line)) >= {"time", "level", "text"}
    for kept in player.home.rglob("*.json"):
        assert "\x1b" not in json.dumps(json.loads(kept.read_bytes()), ensure_ascii=False), kept
