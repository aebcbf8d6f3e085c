"""A Redis of its own, on a socket in a folder, as Debian has it."""

import subprocess
from pathlib import Path

from tests.support.programs import program
from tests.support.waiting import wait_until


class RedisServer:
    """Runs from `start` to `stop`, and forgets everything in between."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / "redis.sock"
        self.url = f"unix://{self._path}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        facts = {"port": "0", "unixsocket": str(self._path), "save": "", "appendonly": "no", "dir": str(self._folder)}
        words = [word for name, value in facts.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([program("redis-server"), *words], stdout=subprocess.DEVNULL)
        wait_until(self._path.exists, "Redis")

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            self._path.unlink(missing_ok=True)
