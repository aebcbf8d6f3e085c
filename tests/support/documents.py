"""Runs every command of docs/publishing.md and docs/operating.md, in their order, on a machine of its own.

The machine is a namespace: its own network, in which the names of the documents lead to one public-looking address, and
its own layer over the folders of `_LAYERS`. nginx, sshd, rsync, curl and Shoal are real. What stands for something else
is in `_STANDINS`: systemd (`services`), packages that are installed already, the authority that signs certificates.
``python -m tests.support.documents FOLDER``; the folder is new and short.
"""

import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import time
import traceback
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support import programs
from tests.support.destinations import sshd

ROOT = Path(__file__).parents[2]
_PYTHON = Path(sys.executable).absolute()
DOCUMENTS = ("docs/publishing.md", "docs/operating.md")
_ADDRESS = "45.0.0.1"
_NAMES = ("updates.example.org", "tracker.example.org")
_LAYERS = ("/etc", "/srv", "/var/lib", "/var/log", "/usr/local", "/run")
_STAYS = ("serve", "tracker", "seed", "share", "engine")
"""Verbs that run until they are ended."""
_READY = ("Tracking at", "Serving", "everything is here", "given", "Counters at")
_START_S, _END_S = 60.0, 40.0
_STANDINS = {
    "systemctl": f'exec {_PYTHON} -m tests.support.services "$@"',
    "systemd-sysusers": "exit 0  # the account of the units is ours here",
    "journalctl": "cat /run/units/*.log",
    "apt-get": "sed -i 's/^user .*/user root;/' /etc/nginx/nginx.conf && nginx  # the package starts it",
    "pip": "exit 0  # it is installed",
    "chown": "exit 0  # all is ours here",
    "python3": "mkdir -p $3/bin && cp /usr/local/bin/pip /usr/local/bin/shoal $3/bin  # -m venv",
    "certbot": "into=/etc/letsencrypt/live/updates.example.org; mkdir -p $into && cp $CERTIFICATE/*.pem $into",
}


class Command(NamedTuple):
    """One command of a document: where it stands, and how it must end."""

    place: str
    text: str
    code: int


def commands(document: Path) -> Iterator[Command]:
    """The commands of a document: the lines of its code blocks that name no language."""
    inside, language, text, first = False, "", "", 0
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if fence := re.fullmatch(r"```(\w*)", line):
            inside, language = not inside, fence[1]
        elif inside and not language and line.strip():
            first = first if text else number
            text += line
            if text.endswith("\\"):
                text = text[:-1]
                continue
            code = re.search(r"# ends with (\d+)$", text)
            yield Command(f"{document.name}:{first}", text, int(code[1]) if code else 0)
            text = ""


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    """All of it, also without being root."""
    rootless = [] if os.geteuid() == 0 else ["--map-root-user"]
    # In a chroot the root is no mount point, and unshare itself would fail on making it private.
    words = ["unshare", "--mount", "--propagation=unchanged", "--net", "--pid", "--fork", "--kill-child", *rootless]
    return subprocess.run(
        [*words, sys.executable, "-m", "tests.support.documents", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
    )  # fmt: skip


# ---------------------------------------------------------------- the machine


def _machine(folder: Path) -> None:
    """Make this namespace a machine of its own."""
    run = _run
    subprocess.run(["mount", "--make-rprivate", "/"], stderr=subprocess.DEVNULL)
    run("mount", "-t", "tmpfs", "tmpfs", str(folder))
    run("mount", "-t", "proc", "proc", "/proc")
    for layer in _LAYERS:
        upper = folder / "layers" / layer[1:]
        (upper / "new").mkdir(parents=True)
        (upper / "work").mkdir()
        run(
            "mount",
            "-t",
            "overlay",
            "overlay",
            "-o",
            f"lowerdir={layer},upperdir={upper}/new,workdir={upper}/work",
            layer,
        )
    run("ip", "link", "set", "lo", "up")
    run("ip", "address", "add", f"{_ADDRESS}/32", "dev", "lo")
    run("ip", "link", "add", "outside", "type", "veth", "peer", "name", "street")
    run("ip", "address", "add", "45.0.0.2/24", "dev", "outside")
    for end in ("outside", "street"):
        run("ip", "link", "set", end, "up")
    run("ip", "route", "add", "default", "dev", "outside")
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"127.0.0.1 localhost\n{_ADDRESS} {' '.join(_NAMES)}\n")
    if not Path("/etc/nginx").exists():  # nginx is unpacked, and not installed
        shutil.copytree(programs.FOLDER.parent / "etc/nginx", "/etc/nginx", symlinks=True)
        for place in ("/var/log/nginx", "/var/lib/nginx"):
            Path(place).mkdir(parents=True, exist_ok=True)
    nginx = f'#!/bin/sh\nexec {programs.program("nginx")} "$@"\n'
    shoal = f'#!/bin/sh\nPYTHONPATH={ROOT} exec {_PYTHON} -m patcher.cli "$@"\n'
    for name, text in {**_STANDINS, "nginx": nginx, "shoal": shoal}.items():
        path = Path("/usr/local/bin") / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)


def _prepared(folder: Path) -> None:
    """What the reader has: certificates, pictures, a passphrase, the source of Shoal."""
    from patcher.serve.certificate import Authority

    authority = Authority(folder / "authority")
    cert, key = authority.issue(*_NAMES)
    (folder / "certificate").mkdir()
    (folder / "certificate/fullchain.pem").write_bytes(cert.read_bytes())
    (folder / "certificate/privkey.pem").write_bytes(key.read_bytes())
    work = folder / "work"
    work.mkdir()
    (work / "packaging").symlink_to(ROOT / "packaging")
    for name in ("meadow.png", "wiese.png"):
        (work / name).write_bytes(_png(name.encode()))
    (work / "meadow-icon.png").write_bytes(_png(b"icon", 256))
    (work / "frozen").mkdir()
    (work / "frozen/shoal-launcher").write_text("#!/bin/sh\n")
    os.environ |= {
        "PATH": f"/usr/local/bin:{folder}/ssh/bin:{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(folder / "home"),
        "SSL_CERT_FILE": str(authority.ca_file), "CERTIFICATE": str(folder / "certificate"), "PYTHONPATH": str(ROOT),
        "SHOAL_PASSPHRASE": "correct horse battery staple",
    }  # fmt: skip
    for name in [name for name in os.environ if name.startswith(("XDG_", "SHOAL_HOME"))]:
        del os.environ[name]
    (folder / "home").mkdir()
    os.chdir(work)


def _png(salt: bytes, side: int = 1) -> bytes:
    """A black picture, of one pixel if nothing else is said."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"tEXt", salt)
        + chunk(b"IDAT", zlib.compress(bytes(side * (side + 1))))
        + chunk(b"IEND", b"")
    )


# ---------------------------------------------------------------- the commands


class _Stays:
    """The programs that run until the documents end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs: list[tuple[Command, subprocess.Popen[bytes], Path]] = []

    def start(self, command: Command) -> None:
        """Start one, and wait until it says that it is ready."""
        log = self._folder / f"stays{len(self._programs)}"
        with log.open("wb") as out:
            program = subprocess.Popen(["sh", "-c", f"exec {command.text}"], stdout=out, stderr=out)
        self._programs.append((command, program, log))
        deadline = time.monotonic() + _START_S
        while not any(word in log.read_text() for word in _READY):
            if program.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command}: {log.read_text()}")
            time.sleep(0.05)

    def end(self) -> None:
        """End all; each must go with 0."""
        for command, program, log in reversed(self._programs):
            program.send_signal(signal.SIGTERM)
            assert program.wait(_END_S) == 0, f"{command}: {log.read_text()}"
        self._programs.clear()


def _run(*words: str) -> None:
    subprocess.run(words, check=True)


def _shoal(words: list[str]) -> int:
    """A verb in a fork of this process, which has everything imported."""
    sys.stdout.flush()
    pid = os.fork()  # noqa: TID251 (no thread runs here, and to start Python takes longer than most verbs)
    if pid == 0:
        code = 70
        try:
            from patcher.cli.__main__ import main

            with Path(".yes").open() as answers:
                os.dup2(answers.fileno(), 0)
            code = main(words)
        except BaseException:  # noqa: BLE001 (this process must not go on as its parent)
            traceback.print_exc(file=sys.stdout)
        sys.stdout.flush()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _carry_out(command: Command, stays: _Stays) -> int:
    words = shlex.split(command.text, comments=True)
    if words[0] == "shoal" and not set("|&;<>$*") & set(command.text.partition("#")[0]):
        verb = next(
            word for word, before in zip(words[1:], words, strict=False) if word[0] != "-" and before not in _VALUED
        )
        if verb in _STAYS:
            stays.start(command)
            return 0
        return _shoal(words[1:])
    return subprocess.run(["sh", "-c", command.text], stdin=subprocess.DEVNULL).returncode


_VALUED = ("--home", "--ca")


def _all(folder: Path) -> int:
    from patcher.publish.keys import wrapping

    wrapping.ROUNDS = 3000
    Path(".yes").write_text("y\n" * 100)
    stays = _Stays(folder)
    with sshd(folder / "ssh") as port:
        with (folder / "ssh/ssh_config").open("a") as config:
            config.write("".join(f"Host {name}\n    HostName 127.0.0.1\n    Port {port}\n" for name in _NAMES))
        for document in DOCUMENTS:
            for command in commands(ROOT / document):
                sys.stdout.write(f"{time.monotonic():.1f} {command.place}: {command.text}\n")
                sys.stdout.flush()
                code = _carry_out(command, stays)
                if code != command.code:
                    sys.stdout.write(f"It ended with {code}, not {command.code}.\n")
                    return 1
            stays.end()
    return 0


def main(words: list[str]) -> int:
    """Inside the namespace."""
    folder = Path(words[0])
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    _machine(folder)
    _prepared(folder)
    return _all(folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
