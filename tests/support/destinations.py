"""Destinations of uploads: one that is cut at a chosen step, a real SeaweedFS, a real sshd, and a wire that breaks."""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Self

from patcher.publish.store import PhaseMeter
from patcher.publish.upload.destination import SmallFile
from patcher.publish.upload.folder import FolderDestination
from tests.support.programs import program

ACCESS_KEY, SECRET_KEY = "publisher", "the-secret-of-the-publisher"
_IDENTITIES = """{"identities": [
    {"name": "publisher", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["Admin"]},
    {"name": "anonymous", "actions": ["Read:public"]}
]}"""
_SEAWEED_PORTS = (
    "s3.port", "s3.port.grpc", "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
    "filer.port.grpc",
)  # fmt: skip
_START_S = 60.0


class Cut(Exception):
    """The upload ends here, as if its process were killed."""


class CutFolder:
    """A folder whose ``step``-th change does not come about; ``changed`` has the paths of those before."""

    transfers = 1

    def __init__(self, folder: Path, step: int = sys.maxsize) -> None:
        self._real, self._step = FolderDestination(folder), step
        self.changed: list[str] = []

    def sizes(self, folders: Collection[str]) -> dict[str, int]:
        return self._real.sizes(folders)

    def read(self, path: str) -> SmallFile | None:
        return self._real.read(path)

    def put(self, path: str, source: Path, meter: PhaseMeter) -> None:
        self._count(path)
        self._real.put(path, source, meter)

    def replace(self, path: str, data: bytes, known: SmallFile | None) -> None:
        self._count(path)
        self._real.replace(path, data, known)

    def close(self) -> None:
        pass

    def _count(self, path: str) -> None:
        if len(self.changed) == self._step:
            raise Cut(path)
        self.changed.append(path)


class Wire:
    """Passes connections on to a port of 127.0.0.1, until ``limit`` bytes went there; then all are cut."""

    def __init__(self, port: int, limit: int = sys.maxsize) -> None:
        self._to, self.limit, self.sent = port, limit, 0
        self.cut = threading.Event()
        self.puts = 0
        """Requests that send something, as far as they are plain HTTP."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end(self._listener)
        for each in list(self._sockets):
            self._end(each)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._sockets += [near, far]
                for one, other, counts in ((near, far, True), (far, near, False)):
                    thread = threading.Thread(target=self._pass_on, args=(one, other, counts))
                    self._threads.append(thread)
                    thread.start()

    def _pass_on(self, one: socket.socket, other: socket.socket, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 14):
                if counts:
                    self.sent += len(data)
                    self.puts += data.startswith((b"PUT ", b"POST "))
                if self.sent > self.limit:
                    self.cut.set()
                    break
                other.sendall(data)
        for each in (one, other):
            self._end(each)

    @staticmethod
    def _end(each: socket.socket) -> None:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextlib.contextmanager
def seaweed(work: Path) -> Iterator[str]:
    """A SeaweedFS with S3 on 127.0.0.1, whose bucket `public` everyone may read; yields its address."""
    program = Path(sys.executable).with_name("weed")
    work.mkdir(parents=True, exist_ok=True)
    (work / "s3.json").write_text(_IDENTITIES % (ACCESS_KEY, SECRET_KEY))
    ports = dict(zip(_SEAWEED_PORTS, random.sample(range(15_000, 32_000), len(_SEAWEED_PORTS)), strict=True))
    command = [
        str(program), "server", f"-dir={work}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
        f"-s3.config={work}/s3.json",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.max=20",
        "-master.volumeSizeLimitMB=64", *(f"-{name}={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with (work / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_for(ports["s3.port"], process, work / "log")
            address = f"http://127.0.0.1:{ports['s3.port']}"
            for bucket in ("public", "private"):
                _make_bucket(address, bucket)
            yield address
        finally:
            process.kill()  # an orderly end takes it half a minute


def store_of(address: str, bucket: str) -> Any:
    """A client of a bucket, beside the one that is tested."""
    from obstore.store import from_url

    config: Any = {"endpoint": address, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY}
    return from_url(f"s3://{bucket}", config=config, client_options={"allow_http": True})


def _make_bucket(address: str, bucket: str) -> None:
    """SeaweedFS makes a bucket for an administrator who writes into it."""
    deadline = time.monotonic() + _START_S
    while True:
        try:
            store_of(address, bucket).put("begin", b"x")
            return
        except Exception:  # noqa: BLE001 (its parts start one after the other)
            assert time.monotonic() < deadline
            time.sleep(0.2)


@contextlib.contextmanager
def sshd(work: Path) -> Iterator[int]:
    """An sshd for this user with keys of its own, on 127.0.0.1; ``work/bin/ssh`` knows it. Yields the port."""
    (work / "bin").mkdir(parents=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", work / name], check=True)
    (work / "authorized").write_bytes((work / "user.pub").read_bytes())
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    (work / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {work}/host\nAuthorizedKeysFile {work}/authorized\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    (work / "known").write_text(f"* {(work / 'host.pub').read_text()}")
    (work / "ssh_config").write_text(
        f"IdentityFile {work}/user\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {work}/known\n"
        "GlobalKnownHostsFile none\nStrictHostKeyChecking yes\n"
    )
    (work / "bin/ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {work}/ssh_config "$@"\n')
    (work / "bin/ssh").chmod(0o755)
    command = [program("sshd"), "-D", "-e", "-f", str(work / "sshd_config")]
    with (work / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait_for(port, process, work / "log")
            yield port
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
