"""Uploads over SSH. The system's ``ssh`` connects, so that its keys, agent, known hosts and settings count; paramiko
speaks SFTP through it, so that an account may be limited to that.
"""

import posixpath
import queue
import shutil
import subprocess
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, cast
from urllib.parse import unquote, urlsplit

from paramiko import Channel, SFTPClient, SSHException

from patcher import private
from patcher.beneath import translated
from patcher.errors import UsageError
from patcher.publish.store import PhaseMeter
from patcher.publish.upload.destination import PART, SmallFile, failed, overtaken

_MODE = 0o644
"""A web server of another user has to read the files, whatever the account's umask says."""
_ALIVE = ("-oBatchMode=yes", "-oConnectTimeout=20", "-oServerAliveInterval=15", "-oServerAliveCountMax=4")
"""No prompt, from which a CI job would hang; and a connection that is dead for a minute ends."""
_FINAL = ("permission denied", "host key verification failed", "could not resolve", "bad configuration")


class SftpDestination:
    """A folder on a server: ``ssh://user@host:port/folder``, or ``/~/folder`` below the account's home."""

    transfers = 4

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if not parts.hostname or parts.hostname.startswith("-") or not parts.path.strip("/"):
            raise UsageError("usage.argument", f"{url!r} is not written ssh://user@host/folder.", destination=url)
        if not shutil.which("ssh"):
            raise UsageError("usage.argument", "An upload over SSH needs the program ssh of OpenSSH.")
        self._server = f"ssh://{parts.netloc}"
        self._folder = unquote(parts.path).removeprefix("/~/").rstrip("/")
        self._idle: queue.SimpleQueue[_Session] = queue.SimpleQueue()

    def sizes(self, folders: Collection[str]) -> dict[str, int]:
        """See `Destination.sizes`."""
        with ThreadPoolExecutor(self.transfers) as pool:
            return {path: size for found in pool.map(self._listed, folders) for path, size in found}

    def _listed(self, folder: str) -> list[tuple[str, int]]:
        with self._session() as client, suppress(FileNotFoundError):
            return [(f"{folder}/{e.filename}", e.st_size or 0) for e in client.listdir_attr(self._path(folder))]
        return []

    def read(self, path: str) -> SmallFile | None:
        """See `Destination.read`."""
        with self._session() as client, suppress(FileNotFoundError), client.open(self._path(path), "rb") as file:
            return SmallFile(file.read())
        return None

    def put(self, path: str, source: Path, meter: PhaseMeter) -> None:
        """See `Destination.put`."""
        with translated(source):
            file = source.open("rb")
        with file, self._session() as client:
            self._put(client, path, file, meter)

    def replace(self, path: str, data: bytes, known: SmallFile | None) -> None:
        """See `Destination.replace`."""
        if self.read(path) != known:
            raise overtaken(self._server)
        with self._session() as client:
            part = self._path(path) + PART
            with client.open(part, "wb") as file:
                file.write(data)
            client.chmod(part, _MODE)
            client.posix_rename(part, self._path(path))

    def close(self) -> None:
        """See `Destination.close`."""
        while not self._idle.empty():
            self._idle.get().close()

    def _put(self, client: SFTPClient, path: str, file: IO[bytes], meter: PhaseMeter) -> None:
        place, counted = self._path(path), 0

        def count(sent: int, _: int) -> None:
            nonlocal counted
            meter.add(sent - counted)
            counted = sent

        try:
            client.putfo(file, place + PART, callback=count)
        except FileNotFoundError:
            for folder in reversed(_parents(place)):
                with suppress(OSError):  # it is there; or the next line says what is wrong
                    client.mkdir(folder, 0o755)
            client.putfo(file, place + PART, callback=count)
        client.chmod(place + PART, _MODE)
        client.posix_rename(place + PART, place)

    def _path(self, path: str) -> str:
        return posixpath.join(self._folder, path)

    @contextmanager
    def _session(self) -> Iterator[SFTPClient]:
        """A connection for this thread alone, since a client of paramiko has one reader."""
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = _Session(self._server)
        try:
            yield session.client()
        except (EOFError, SSHException, BrokenPipeError) as error:
            said = session.close()
            is_final = any(text in said.lower() for text in _FINAL)
            raise failed(self._server, said or "the connection was cut", refused=is_final) from error
        except OSError as error:
            session.close()
            refused = isinstance(error, PermissionError | FileNotFoundError)
            raise failed(f"{self._server}{self._folder}", str(error.strerror or error), refused=refused) from error
        except BaseException:
            session.close()
            raise
        self._idle.put(session)


def _parents(path: str) -> list[str]:
    parents = []
    while (path := posixpath.dirname(path)) not in {"", "/"}:
        parents.append(path)
    return parents


class _Session:
    """One ``ssh`` process; for paramiko it is a channel."""

    def __init__(self, server: str) -> None:
        pipe = subprocess.PIPE
        command = ["ssh", *_ALIVE, "-s", server, "sftp"]
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, env=private.environment()
        )
        self._client: SFTPClient | None = None

    def client(self) -> SFTPClient:
        """The SFTP client. Raises SSHException when no connection comes about."""
        if self._client is None:
            self._client = SFTPClient(cast(Channel, self))
        return self._client

    def send(self, data: bytes) -> int:
        """Send some of the bytes; returns how many."""
        assert self._process.stdin is not None
        return self._process.stdin.write(data) or 0

    def recv(self, count: int) -> bytes:
        """Receive up to ``count`` bytes; none at the end."""
        assert self._process.stdout is not None
        return self._process.stdout.read(count)

    def get_name(self) -> str:
        """The name of the connection in paramiko's log."""
        return "ssh"

    def recv_ready(self) -> bool:
        """Whether answers are to be read before more is sent: paramiko asks once a hundred of them are due."""
        return True

    def close(self) -> str:
        """End the connection; returns the last thing that ``ssh`` said."""
        assert self._process.stdin and self._process.stdout and self._process.stderr
        with suppress(OSError):
            self._process.stdin.close()
        self._process.stdout.close()
        with self._process.stderr as stderr:
            lines = stderr.read().decode(errors="replace").strip().splitlines()
        self._process.wait()
        return lines[-1] if lines else ""
