"""A title's whole life on real disks: `python -m tests.support.disks [NAME…]`, as root.

Each disk is an image, mounted by the kernel where it can, else by FUSE, else in a kernel that is a program (Debian's
user-mode-linux). On each a title is installed, updated, renamed in case, repaired, rolled back, moved and uninstalled
by the command line and a real engine; then once more in the disk's own top folder. Prints a line a disk, and in the end
which disks were not tried; ends with 1 when one is not as it should be or cannot be mounted. `--without NAME` leaves
out a disk that this machine cannot mount.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from patcher.content import paths
from tests.support import trees
from tests.support.trees import File, Folder, Layout, Link, edited, noise, prose
from tests.support.world import Shoal, World

_IMAGE_BYTES = 400 << 20
_SAID = 3000
_WELL, _FAULT, _NOT_TRIED = "as it should", "FAULT", "NOT TRIED"


@dataclass(frozen=True)
class Disk:
    """How to make and mount one, as lines of shell, and what it can hold besides bytes."""

    name: str
    make: str
    mounts: tuple[str, ...]
    """The first that works is used."""
    modes: bool = True
    links: bool = True
    spelling: bool = True
    """Names are shown as they were given."""
    modules: tuple[str, ...] = ()
    """What the user-mode kernel must load to mount it. Empty: it cannot."""
    like: str = ""
    """A disk that behaves the same: where only this one can be mounted, nothing is missed."""


class NotMountedError(Exception):
    """This machine cannot mount a disk. The message says what was tried."""


_DEVICE = """device=$(losetup --find --show "$image")
{0} "$device" "$folder"
went=$?
losetup --detach "$device"  # when it is no longer mounted
[ $went = 0 ]"""
DISKS = (
    Disk("ext4", "mkfs.ext4 -q", (_DEVICE.format("mount -t ext4"),)),
    Disk(
        "ext4-casefold",
        "mkfs.ext4 -q -O casefold",
        (_DEVICE.format("mount -t ext4") + ' && chattr +F "$folder"',),
        like="ntfs-ignore-case",
    ),
    Disk("xfs", "mkfs.xfs -q", (_DEVICE.format("mount -t xfs"),)),
    Disk("btrfs", "mkfs.btrfs -q", (_DEVICE.format("mount -t btrfs"),)),
    Disk(
        "fat",
        "mkfs.vfat -F 32",
        (_DEVICE.format("mount -t vfat -o utf8"),),
        False,
        False,
        modules=("drivers/block/loop", "fs/fat/fat", "fs/fat/vfat", "fs/nls/nls_cp437", "fs/nls/nls_iso8859-1"),
    ),
    Disk("exfat", "mkfs.exfat", (_DEVICE.format("mount -t exfat"), _DEVICE.format("mount.exfat-fuse")), False, False),
    Disk("ntfs", "mkntfs -qFf", (_DEVICE.format("mount -t ntfs3"), 'ntfs-3g -o umask=022 "$image" "$folder"'), False),
    Disk("ntfs-permissions", "mkntfs -qFf", ('ntfs-3g -o permissions "$image" "$folder"',)),
    Disk("ntfs-ignore-case", "mkntfs -qFf", ('lowntfs-3g -o ignore_case "$image" "$folder"',), False, spelling=False),
)

_A, _B, _C = noise(1, 300_000), prose(2, 120_000), noise(3, 20_000)
ONE: Layout = {
    "bin/game": File(b"#!/bin/sh\nexit 0\n", executable=True),
    "bin/tool": File(b"its bytes do not say what it is\n"),
    "game_Data/a.bin": File(_A),
    "game_Data/Levels/b.bin": File(_B),
    "game_Data/gone.bin": File(_C),
    "Readme.txt": File(b"read me\n"),
    "Current": Link("Readme.txt"),
    "Logs": Folder(),
    "münchen/日本語.txt": File(b"1"),
}
TWO: Layout = {
    **{path: item for path, item in ONE.items() if path not in ("game_Data/gone.bin", "Logs")},
    "bin/tool": File(b"its bytes do not say what it is\n", executable=True),
    "game_Data/a.bin": File(edited(_A, 4)),
    "game_Data/Moved/gone.bin": File(_C),
    "Logs/first": File(b""),
    "münchen/日本語.txt": File(b"2"),
}
THREE: Layout = {
    "bin/game": File(b"#!/bin/sh\nexit 0\n", executable=True),
    "bin/Tool": File(b"its bytes do not say what it is\n", executable=True),
    "Game_Data/A.bin": File(edited(_A, 4)),
    "Game_Data/levels/b.bin": File(edited(_B, 5)),
    "Game_Data/Moved/gone.bin": File(_C),
    "README.txt": File(b"read me again\n"),
    "current": Link("README.txt"),
    "logs/first": File(b""),
    "MÜNCHEN/日本語.txt": File(b"2"),
}
"""Folders, files and links whose names change in case only, with the same and with other content."""


class Journey:
    """One title on one disk, which is mounted at ``top``."""

    def __init__(self, world: World, disk: Disk, top: Path) -> None:
        self._world, self._disk, self._top = world, disk, top
        self._release("1", ONE)
        self._player: Shoal = world.player(f"player-{disk.name}", peers="none")

    def go(self) -> None:
        """From the install to the end. Fails where something is not as it should be."""
        game, other = self._top / "game", self._top / "other place"
        self._run("install", "--to", game)
        self._is(game, ONE)
        self._release("2", TWO)
        self._is_told_of_a_mount(game)
        self._run("update")
        self._is(game, TWO)
        self._release("3", THREE)
        self._run("update")
        self._is(game, THREE)
        self._repair(game)
        self._run("update", "--version", "2")
        self._is(game, TWO)
        self._run("rollback")
        self._is(game, THREE)
        self._run("move", other)
        self._is(other, THREE)
        self._run("uninstall")
        self._is_left_as_it_was()
        self._at_the_top()

    def _repair(self, game: Path) -> None:
        (game / "README.txt").write_bytes(b"scribble")
        (game / "Game_Data" / "A.bin").unlink()
        damaged = self._player.run("verify", self._disk.name, expect=10)["damaged"]
        assert damaged == ["Game_Data/A.bin", "README.txt"], damaged
        self._run("repair")
        self._is(game, THREE)

    def _is_told_of_a_mount(self, game: Path) -> None:
        """A volume that is mounted inside is told before anything changes, and the update goes on without it."""
        with tempfile.TemporaryDirectory() as elsewhere:
            trees.write(Path(elsewhere), {p[10:]: item for p, item in ONE.items() if p.startswith("game_Data/")})
            with mounted(game / "game_Data", f'mount --bind "{elsewhere}" "$folder"'):
                self._is_refused(game)
        if self._disk.name == "btrfs":  # it has volumes that are mounted nowhere
            data, kept = str(game / "game_Data"), str(self._top / "kept")
            make = 'mv "$data" "$kept" && btrfs -q subvolume create "$data" && cp -a "$kept/." "$data"'
            _shell(make, data=data, kept=kept)
            self._is_refused(game)
            _shell('btrfs -q subvolume delete "$data" && mv "$kept" "$data"', data=data, kept=kept)

    def _is_refused(self, game: Path) -> None:
        error = self._player.error("update", self._disk.name, expect=6)
        assert error["code"] == "disk.volume", error
        self._is(game, ONE)

    def _at_the_top(self) -> None:
        """In the folder that nobody can remove, among what the disk itself put there; and from there and back."""
        away = self._world.root / f"away-{self._disk.name}"
        self._run("install", "--to", self._top)
        self._is(self._top, THREE)
        self._run("move", away)
        assert trees.read(away) == THREE
        self._is_left_as_it_was()
        self._run("move", self._top)
        assert not away.exists()
        self._run("uninstall")
        self._is_left_as_it_was()

    def _release(self, version: str, layout: Layout) -> None:
        tree = self._world.root / "trees" / self._disk.name / version
        trees.write(tree, layout)
        self._world.release(version, tree, title=self._disk.name)

    def _run(self, verb: str, *words: object) -> None:
        self._player.run(verb, self._disk.name, *words)

    def _is(self, folder: Path, layout: Layout) -> None:
        """The folder holds what the disk can hold of the release, and a verify says the same."""
        found = {path: item for path, item in trees.read(folder).items() if path.partition("/")[0] != "lost+found"}
        assert self._held(found) == self._held(layout), self._delta(self._held(found), self._held(layout))
        damaged = self._player.run("verify", self._disk.name)["damaged"]
        assert not damaged, f"verify calls {damaged} damaged"

    def _held(self, layout: Layout) -> Layout:
        held = {path: item for path, item in layout.items() if self._disk.links or not isinstance(item, Link)}
        if not self._disk.modes:
            held = {p: replace(item, executable=False) if isinstance(item, File) else item for p, item in held.items()}
        return held if self._disk.spelling else {paths.fold(path): item for path, item in held.items()}

    @staticmethod
    def _delta(found: Layout, expected: Layout) -> str:
        return f"not as released: {sorted(p for p in {*found, *expected} if found.get(p) != expected.get(p))}"

    def _is_left_as_it_was(self) -> None:
        left = set(os.listdir(self._top)) - {"lost+found"}
        assert not left, f"{left} is left"

    def end(self) -> None:
        """Nothing of it keeps the disk busy afterwards."""
        self._player.stop_engine()


@contextmanager
def mounted(folder: Path, line: str, image: Path | None = None) -> Iterator[None]:
    """Something mounted at a folder by a line of shell. Raises CalledProcessError with what the system said."""
    _shell(line, folder=str(folder), image=str(image or ""))
    try:
        yield
    finally:
        _shell('sync; umount "$folder" || { sleep 2; umount "$folder"; }', folder=str(folder))


def _shell(line: str, **variables: str) -> None:
    subprocess.run(
        ["sh", "-c", line], check=True, env={**os.environ, **variables}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def on_disk(world: World, disk: Disk, in_kernel: bool) -> str:
    """How the journey went: ``as it should``, or what was wrong. Raises NotMountedError."""
    image, folder = world.root / f"{disk.name}.img", world.root / disk.name
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(_IMAGE_BYTES)
    _shell(f'{disk.make} "$image"', image=str(image))
    said = ""
    for line in disk.mounts:
        try:
            with mounted(folder, line, image):
                return said + _went(Journey(world, disk, folder))
        except subprocess.CalledProcessError as error:
            said += f"{' '.join(error.stdout.split())}; "
    if disk.modules and _KERNEL.exists() and not in_kernel:
        return said + "in a user-mode kernel " + _in_user_mode(disk, world.root / "user-mode")
    raise NotMountedError(said)


def _went(journey: Journey) -> str:
    try:
        journey.go()
    except Exception:  # noqa: BLE001 - whatever it is, it is the finding
        return f"{_FAULT}\n{traceback.format_exc()[:_SAID]}"
    finally:
        journey.end()
    return _WELL


_DEBIAN = Path(sys.prefix) / "debian"
_KERNEL = _DEBIAN / "bin" / "linux.uml"
_INIT = """
exec >"$said" 2>&1 </dev/null
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/run LANG=C.UTF-8
mkdir /dev/shm
for each in proc:/proc tmpfs:/run tmpfs:/dev/shm; do mount -t "${each%:*}" none "${each#*:}"; done
ip link set lo up
for each in $modules; do insmod "$debian"/usr/lib/uml/modules/*/kernel/"$each".ko; done
cd "$project" && "$python" -m tests.support.disks --inside kernel "$disk"
echo o >/proc/sysrq-trigger  # ends the kernel, a moment later
sleep 60
"""


def _in_user_mode(disk: Disk, room: Path) -> str:
    """The same journey in a kernel that is a program, whose root is this machine's and whose first program is ours."""
    room.mkdir()
    init, said = room / "init", room / "said"
    variables = {"said": said, "debian": _DEBIAN, "project": Path.cwd(), "python": sys.executable, "disk": disk.name,
                 "modules": " ".join(disk.modules)}  # fmt: skip
    given = "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in variables.items())
    init.write_text(f"#!/bin/sh\n{given}\n{_INIT}", "utf-8")
    init.chmod(0o755)
    root = ("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw")
    command = [str(_KERNEL), "mem=2G", *root, "con=null", f"uml_dir={room}", f"init={init}"]
    kernel = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    told = said.read_text("utf-8").strip() if said.exists() else kernel.stdout
    if _NOT_TRIED in told:
        raise NotMountedError(told)
    return _WELL if told == f"{disk.name}: {_WELL}" else f"{_FAULT}\n{told}"


def main() -> int:
    """The program. Its mounts are seen by nobody else and go with it."""
    names = [disk.name for disk in DISKS]
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*names, []])
    parser.add_argument("--without", action="append", default=[], choices=names, metavar="NAME")
    parser.add_argument("--inside", choices=["namespace", "kernel"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("Only root may mount disks: sudo make disks")
    if not arguments.inside:
        again = [sys.executable, "-m", "tests.support.disks", "--inside", "namespace", *sys.argv[1:]]
        return subprocess.run(["unshare", "--mount", *again], check=False).returncode
    chosen = [disk for disk in DISKS if disk.name in (arguments.names or names) and disk.name not in arguments.without]
    faults = 0
    with tempfile.TemporaryDirectory(prefix="shoal-disks-") as room, World(Path(room), processes=True) as world:
        for disk in chosen:
            try:
                how = on_disk(world, disk, arguments.inside == "kernel")
                faults += _FAULT in how
            except NotMountedError as error:
                way = f"{disk.like} behaves the same" if disk.like else f"--without {disk.name} leaves it out"
                how = f"{_NOT_TRIED}, {way}: {error}"
                faults += not disk.like
            sys.stdout.write(f"{disk.name}: {how}\n")
            sys.stdout.flush()
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
