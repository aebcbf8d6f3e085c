"""A disk that loses power: what was not synced may be missing, torn or reordered.

A `Recording` watches the steps of `patcher.disk` and keeps, beside each, what it does to bytes and names. A power cut
after any step leaves everything that was synced, and any subset of the rest (after ALICE, OSDI 2014). Strict where real
file systems are kinder: a file's fsync does not keep its name, a folder's not its own, and a file moved to another
folder may keep its old name until both are synced.
"""

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from patcher import disk

_ROOT = 0
_ELSEWHERE = -1
_VOLUME = -2
"""Stands for all nodes, in the sync of a volume."""


@dataclass
class Node:
    """A file, folder or link on the disk."""

    kind: str
    mode: int = 0o644
    data: bytes = b""
    names: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Node":
        """An own one."""
        return replace(self, names=dict(self.names))


@dataclass(frozen=True)
class Effect:
    """What one step does. Of ``names`` (folder, name, node or none) either all happen or, torn, not the last."""

    node: int = _ELSEWHERE
    data: bytes | None = None
    offset: int = 0
    size: int | None = None
    mode: int | None = None
    names: tuple[tuple[int, str, int | None], ...] = ()
    sync: bool = False

    @property
    def needs(self) -> set[int]:
        """The nodes whose sync makes it durable."""
        return {folder for folder, _, _ in self.names} or {self.node}


Disk = dict[int, Node]


def apply(nodes: Disk, effect: Effect) -> None:
    """Do to ``nodes`` what ``effect`` says."""
    node = nodes.get(effect.node)
    if node and effect.data is not None:
        end = effect.offset + len(effect.data)
        node.data = node.data[: effect.offset].ljust(effect.offset, b"\0") + effect.data + node.data[end:]
    if node and effect.size is not None:
        node.data = node.data[: effect.size].ljust(effect.size, b"\0")
    if node and effect.mode is not None:
        node.mode = effect.mode
    for folder, name, target in effect.names:
        if target is None:
            nodes[folder].names.pop(name, None)
        else:
            nodes[folder].names[name] = target


class Recording:
    """The steps below ``root``, on top of what is durable there at the start."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.start: Disk = {}
        self.effects: list[Effect] = []
        self.steps: list[str] = []
        """What each effect comes from: the step's name and path."""
        self._scan(root, {})
        self.live = {number: node.copy() for number, node in self.start.items()}

    def moved(self, root: Path, steps: int) -> Self:
        """The same story up to a step, to be continued at another place that looks like it (see `after_kill`)."""
        other = object.__new__(type(self))
        other._root, other.start, other.effects, other.steps = root, self.start, [], self.steps[:steps]
        other.live = {number: node.copy() for number, node in self.start.items()}
        for effect in self.effects[:steps]:
            other._do(effect)
        return other

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what is done inside."""
        before, disk.hook = disk.hook, self._on_step
        try:
            yield
        finally:
            disk.hook = before

    def _scan(self, path: Path, known: dict[int, int]) -> int:
        status = path.lstat()
        if (number := known.get(status.st_ino)) is not None:
            return number
        number = known[status.st_ino] = len(self.start)
        node = self.start[number] = Node(_kind(status.st_mode), stat.S_IMODE(status.st_mode))
        if node.kind == "folder":
            node.names = {inner.name: self._scan(inner, known) for inner in sorted(path.iterdir())}
        else:
            node.data = os.readlink(path).encode() if node.kind == "link" else path.read_bytes()
        return number

    def _on_step(self, name: str, arguments: tuple[object, ...]) -> None:
        step: Callable[..., Effect] = getattr(self, f"_{name}")
        self._do(step(*arguments))
        path = next(argument for argument in reversed(arguments) if isinstance(argument, Path))
        self.steps.append(f"{name} {path.relative_to(self._root.parent)}")

    def _do(self, effect: Effect) -> None:
        for _, _, target in effect.names:
            if target is not None and target not in self.live:
                self.live[target] = self.start[target].copy()
        self.effects.append(effect)
        apply(self.live, effect)

    def _at(self, path: Path) -> int:
        if not path.is_relative_to(self._root):
            return _ELSEWHERE
        number = _ROOT
        for name in path.relative_to(self._root).parts:
            number = self.live[number].names[name]
        return number

    def _new(self, path: Path, node: Node) -> Effect:
        number = len(self.start)
        self.start[number] = node
        return Effect(names=((self._at(path.parent), path.name, number),))

    def _make_folder(self, path: Path) -> Effect:
        return self._new(path, Node("folder", 0o755))

    def _create(self, path: Path) -> Effect:
        return self._new(path, Node("file"))

    def _symlink(self, target: str, path: Path) -> Effect:
        return self._new(path, Node("link", data=target.encode()))

    def _resize(self, path: Path, size_bytes: int) -> Effect:
        return Effect(self._at(path), size=size_bytes)

    def _write(self, path: Path, offset: int, data: bytes) -> Effect:
        return Effect(self._at(path), bytes(data), offset)

    def _copy(self, source: Path, source_offset: int, path: Path, offset: int, length: int) -> Effect:
        return Effect(self._at(path), source.read_bytes()[source_offset : source_offset + length], offset)

    def _mode(self, path: Path, mode: int) -> Effect:
        return Effect(self._at(path), mode=mode)

    def _link(self, source: Path, path: Path) -> Effect:
        return Effect(names=((self._at(path.parent), path.name, self._at(source)),))

    def _rename(self, source: Path, path: Path) -> Effect:
        there = (self._at(path.parent), path.name, self._at(source))
        return Effect(names=(there, (self._at(source.parent), source.name, None)))

    def _remove(self, path: Path) -> Effect:
        return Effect(names=((self._at(path.parent), path.name, None),))

    _remove_folder = _remove

    def _sync_file(self, path: Path) -> Effect:
        return Effect(self._at(path), sync=True)

    _sync_folder = _sync_file

    def _sync_volume(self, path: Path) -> Effect:
        return Effect(_VOLUME, sync=True)


def _kind(mode: int) -> str:
    return "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "file"


# ---------------------------------------------------------------- power cuts


def after_kill(recording: Recording, steps: int) -> Disk:
    """What is there when only the process dies after ``steps`` steps: all of it."""
    return _built(recording, recording.effects[:steps])


def after_power_cut(recording: Recording, steps: int, dice: random.Random) -> Disk:
    """What may be there when the power fails after ``steps`` steps: what is durable, and any of the rest."""
    effects = recording.effects[:steps]
    unsure = _not_durable(effects)
    survives = _fate(effects, sorted(unsure), dice)
    left: list[Effect] = []
    for number, effect in enumerate(effects):
        if number not in unsure:
            left.append(effect)
        elif survives(number):
            left.append(_torn(effect, dice))
        else:
            left += unsure[number]
    return _built(recording, left)


def after_ordered_cut(recording: Recording, steps: int, dice: random.Random) -> Disk:
    """What a disk of Windows may have left: its journal keeps names in their order, and all before a file's last flush.

    Of bytes only those are sure that were flushed.
    """
    effects = recording.effects[:steps]
    flushed = max((number for number, effect in enumerate(effects) if effect.sync), default=0)
    end, unsure = dice.randint(flushed, steps), _not_durable(effects)
    left: list[Effect] = []
    for number, effect in enumerate(effects):
        if effect.names or number not in unsure:
            left += [effect] if number < end or not effect.names else []
        elif dice.random() < 0.5:
            left.append(_torn(effect, dice))
    return _built(recording, left)


def names_without_bytes(recording: Recording, steps: int) -> Disk:
    """What many disks leave when the power fails after ``steps`` steps: every name, and of files only synced bytes."""
    effects = recording.effects[:steps]
    synced: set[int] = set()
    left: list[Effect] = []
    for effect in reversed(effects):
        synced |= {effect.node} if effect.sync else set()
        if effect.names or not synced.isdisjoint((effect.node, _VOLUME)):
            left.append(effect)
    return _built(recording, left[::-1])


def _not_durable(effects: list[Effect]) -> dict[int, list[Effect]]:
    """The effects that may be lost, each with what is sure of it: the new name of a move whose new folder is synced."""
    unsure: dict[int, list[Effect]] = {}
    synced: set[int] = {_ELSEWHERE}
    for number in range(len(effects) - 1, -1, -1):
        effect = effects[number]
        if effect.sync and effect.node == _VOLUME:
            break
        if effect.sync:
            synced.add(effect.node)
        elif not effect.needs <= synced:
            has_new_name = bool(effect.names) and effect.names[0][0] in synced
            unsure[number] = [replace(effect, names=effect.names[:1])] if has_new_name else []
    return unsure


def _fate(effects: list[Effect], unsure: list[int], dice: random.Random) -> Callable[[int], bool]:
    """Which of the unsure effects survive. Extremes find most bugs: all but one, one alone, all before a moment."""
    one = dice.choice(unsure) if unsure else 0
    share = dice.random()
    cuts: dict[int, int] = {}

    def before_the_cut(number: int) -> bool:
        return number < cuts.setdefault(min(effects[number].needs), dice.randint(0, len(effects)))

    return dice.choice(
        [
            lambda _: False,
            lambda number: number != one,
            lambda number: number == one,
            lambda number: effects[number].needs != effects[one].needs,
            lambda _: dice.random() < share,
            before_the_cut,
        ]
    )


def _torn(effect: Effect, dice: random.Random) -> Effect:
    """The effect as a power cut may leave it: a write in part or as zeros, a move of a file with its old name left."""
    if dice.random() < 0.75:
        return effect
    if effect.data:
        cut = dice.randrange(len(effect.data))
        zeros = bytes(len(effect.data) - cut) if dice.random() < 0.5 else b""
        return replace(effect, data=effect.data[:cut] + zeros)
    is_move = len({folder for folder, _, _ in effect.names}) == 2
    return replace(effect, names=effect.names[:1]) if is_move else effect


def _built(recording: Recording, effects: list[Effect]) -> Disk:
    nodes = {number: node.copy() for number, node in recording.start.items()}
    for effect in effects:
        if not effect.sync:
            apply(nodes, effect)
    return nodes


def materialise(nodes: Disk, folder: Path) -> None:
    """Write what is left to ``folder``; a node with several names becomes hard links."""
    _write_node(nodes, _ROOT, folder, {})


def _write_node(nodes: Disk, number: int, path: Path, made: dict[int, Path]) -> None:
    node = nodes[number]
    if node.kind == "folder":
        path.mkdir()
        for name, inner in node.names.items():
            _write_node(nodes, inner, path / name, made)
    elif number in made:
        os.link(made[number], path, follow_symlinks=False)
    elif node.kind == "link":
        path.symlink_to(node.data.decode())
    else:
        path.write_bytes(node.data)
        path.chmod(node.mode)
    made.setdefault(number, path)
