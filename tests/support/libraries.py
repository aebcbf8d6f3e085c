"""Shared libraries as data: ELF for x86-64 that no loader needs to like, but whose references are real ones.

`library` builds one from a seed. With more ``added`` functions everything behind them moves, and with it every call,
every operand and every pointer that leads there, as in a new version of a program.
"""

import random
import struct
from functools import cache

_FUNCTIONS = 1500
_TEXT, _RELA, _RODATA, _DATA = 0x10_0000, 0x30_0000, 0x40_0000, 0x80_0000
_RELATIVE = 8
"""R_X86_64_RELATIVE."""
_FILLERS = tuple(
    bytes.fromhex(code)
    for code in ("4889e5", "90", "31c0", "4883ec18", "488b4508", "85c0", "4801d8", "0fb6c0", "c3", "b82a000000")
)  # fmt: skip


@cache
def library(seed: int, added: int = 0, data_bytes: int = 4096) -> bytes:
    """130 KB of code and tables, and some data; of one seed they differ by ``added`` functions and what these move."""
    dice = random.Random(seed)
    names = [f"f{number}" for number in range(_FUNCTIONS)]
    bodies = {name: _body(dice, names) for name in names}
    for number in range(added):
        bodies[f"g{number}"] = _body(random.Random(f"{seed} {number}"), names)
    order = [*names[: _FUNCTIONS // 2], *(name for name in bodies if name[0] == "g"), *names[_FUNCTIONS // 2 :]]
    places, at = {}, _TEXT
    for name in order:
        places[name] = at
        at += -(-sum(len(code) + 4 * bool(target) for code, target in bodies[name]) // 16) * 16
    text = b"".join(_code(bodies[name], places[name], places) for name in order)
    pointers = dice.choices(names, k=800)
    rela = b"".join(struct.pack("<QQq", _DATA + 8 * n, _RELATIVE, places[name]) for n, name in enumerate(pointers))
    return _elf([
        (".text", 1, 6, _TEXT, text), (".rela.dyn", 4, 2, _RELA, rela),
        (".rodata", 1, 2, _RODATA, dice.randbytes(data_bytes)),
        (".data", 1, 3, _DATA, b"".join(struct.pack("<Q", places[name]) for name in pointers)),
    ])  # fmt: skip


def _body(dice: random.Random, names: list[str]) -> list[tuple[bytes, str]]:
    """Instructions, each with the function it calls or the data (a number) it loads, or with neither."""
    body = []
    for _ in range(dice.randrange(4, 16)):
        body.append((dice.choice(_FILLERS), ""))
        if dice.random() < 0.4:
            body.append((b"\xe8", dice.choice(names)))  # call rel32
        if dice.random() < 0.2:
            body.append((b"\x48\x8d\x05", str(_RODATA + dice.randrange(4096))))  # lea rax, [rip + disp32]
    return body


def _code(body: list[tuple[bytes, str]], at: int, places: dict[str, int]) -> bytes:
    made = bytearray()
    for code, target in body:
        made += code
        if target:
            end = at + len(made) + 4
            made += struct.pack("<i", places.get(target, 0) - end if target in places else int(target) - end)
    return bytes(made) + bytes([0xCC]) * (-len(made) % 16)


def _elf(sections: list[tuple[str, int, int, int, bytes]]) -> bytes:
    """Name, type, flags, address and bytes of each section."""
    named = b"\0" + b"\0".join(name.encode() for name, *_ in sections) + b"\0.shstrtab\0"
    body, headers = bytearray(64), [bytes(64)]
    for name, kind, flags, address, data in [*sections, (".shstrtab", 3, 0, 0, named)]:
        body += bytes(-len(body) % 16)
        fields = (named.index(name.encode()), kind, flags, address, len(body), len(data), 0, 0, 16, 24 * (kind == 4))
        headers.append(struct.pack("<IIQQQQIIQQ", *fields))
        body += data
    body += bytes(-len(body) % 16)
    head = (b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 0, len(body), 0, 64, 0, 0, 64, len(headers), len(headers) - 1)
    body[:64] = struct.pack("<16sHHIQQQIHHHHHH", *head)
    return bytes(body + b"".join(headers))
