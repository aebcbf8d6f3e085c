"""What stands for systemd where documents are tested: starts and ends units as they are written, in folders of a test.

``python -m tests.support.services systemctl …``. It knows what the units of packaging/systemd/ use: several commands of
a oneshot, credentials, state folders, environments, timers, and memory that is never writable and executable.
"""

import ctypes
import os
import shlex
import signal
import string
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

_UNITS, _STATE, _RUN = Path("/etc/systemd/system"), Path("/var/lib"), Path("/run/units")
_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN = 65, 1
_END_S = 40.0

Unit = dict[str, list[str]]
"""Every key of all sections, with its values."""


def read(name: str) -> Unit:
    """A unit's file."""
    unit = defaultdict[str, list[str]](list)
    for line in (_UNITS / name).read_text().splitlines():
        if line and line[0] not in "#;[":
            key, _, value = line.partition("=")
            unit[key].append(value)
    return unit


def start(name: str) -> int:
    """Start a unit; a timer starts its service at once, as one whose time passed while the machine was off."""
    if name.endswith(".timer"):
        return start(name.replace(".timer", ".service"))
    unit = read(name)
    good = {0, *(int(code) for value in unit["SuccessExitStatus"] for code in value.split())}
    for command in unit["ExecStart"]:
        process = _started(name, unit, command)
        if unit["Type"] != ["oneshot"]:
            (_RUN / f"{name}.pid").write_text(str(process.pid))
            return 0
        if (code := process.wait()) not in good:
            return code
    return 0


def _started(name: str, unit: Unit, command: str) -> "subprocess.Popen[bytes]":
    credentials = _RUN / f"{name}.credentials"
    credentials.mkdir(parents=True, exist_ok=True)
    for each in unit["LoadCredential"]:
        credential, _, source = each.partition(":")
        (credentials / credential).write_bytes(Path(source).read_bytes())
    for folder in unit["StateDirectory"]:
        (_STATE / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    named = dict(each.split("=", 1) for each in unit["Environment"])
    words = [_expanded(word, str(credentials), named) for word in shlex.split(command)]
    with (_RUN / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": os.environ["SSL_CERT_FILE"], **named},
            start_new_session=True,
            preexec_fn=_no_new_code if unit["MemoryDenyWriteExecute"] == ["yes"] else None,  # noqa: PLW1509 (no threads)
        )


def _expanded(word: str, credentials: str, named: dict[str, str]) -> str:
    return string.Template(word.replace("%S", str(_STATE)).replace("%d", credentials)).substitute(named)


def _no_new_code() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_MDWE, _MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)  # older kernels know it not, and go on


def stop(name: str) -> int:
    """End a unit as systemd does, and say how it ended: 0 when it went at SIGTERM."""
    pid = int((_RUN / f"{name}.pid").read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _END_S
    while is_active(name) == 0:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            return 1
        time.sleep(0.05)
    return 0


def is_active(name: str) -> int:
    """0 while its process runs."""
    try:
        state = Path(f"/proc/{int((_RUN / f'{name}.pid').read_text())}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, ValueError):
        return 3
    return 3 if state == "Z" else 0


def systemctl(words: list[str]) -> int:
    """As the program of that name; returns its exit code."""
    _RUN.mkdir(parents=True, exist_ok=True)
    match [word for word in words if not word.startswith("-")]:
        case ["daemon-reload"]:
            return 0
        case ["reload", "nginx"]:
            return subprocess.run(["nginx", "-s", "reload"]).returncode
        case ["enable" | "start", *names]:
            return max(start(_full(name)) for name in names)
        case ["stop", *names]:
            return max(stop(_full(name)) for name in names)
        case ["is-active", *names]:
            return max(is_active(_full(name)) for name in names)
    raise AssertionError(f"systemctl {words} is not known here")


def _full(name: str) -> str:
    return name if "." in name else f"{name}.service"


if __name__ == "__main__":
    sys.exit(systemctl(sys.argv[1:]))
