"""The slow proof that code is read as a disassembler reads it: all references of whole libraries.

    python -m tests.support.disassembler [FILE ...]

Without files, three libraries of the environment. Fails when fewer than 99.9 % of the references are the same.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import capstone  # type: ignore[import-untyped]  # it brings no types
import PySide6
from capstone import x86_const as x86

from patcher.content.native.binary import Binary
from patcher.content.native.fields import CODE, DATA
from patcher.content.native.references import find
from patcher.content.native.sections import Section

SITE = Path(PySide6.__file__).parent.parent
LEAST = 0.999
_ENDINGS = (".so", ".pyd")

References = dict[int, tuple[int, int]]
"""Address of a field → kind and target."""


def libraries() -> list[Path]:
    """Of C++ by GCC (on Windows by MSVC), of C++ with much else in it, and of C with all kinds of vectors."""
    others = ("libtorrent/__init__", "numpy/_core/_multiarray_umath")
    return [qt("Core"), *(next(each for each in SITE.glob(f"{name}*") if each.suffix in _ENDINGS) for name in others)]


def qt(name: str) -> Path:
    """A library of Qt."""
    windows = SITE / f"PySide6/Qt6{name}.dll"
    return windows if windows.exists() else SITE / f"PySide6/Qt/lib/libQt6{name}.so.6"


def opened(path: Path) -> Binary:
    data = path.read_bytes()
    binary = Binary.open(lambda offset, length: data[offset : offset + length], len(data))
    assert binary is not None, path
    return binary


def disassembled(binary: Binary, section: Section, size_bytes: int) -> References:
    """What capstone finds in the first bytes of a section, of what points into the image."""
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    engine.skipdata = engine.detail = True
    sections = [s for s in binary.image.sections if s.loaded]
    code, loaded = (
        [range(s.address, s.address + s.memory_bytes + 1) for s in sections if s.executable or not only_code]
        for only_code in (True, False)
    )
    found: References = {}
    data = binary.read(section.offset, min(size_bytes, section.size_bytes))
    for instruction in engine.disasm(data, section.address):
        for place, kind, target in _references(instruction) if instruction.id else ():
            if any(target in span for span in (code if kind == CODE else loaded)):
                found[place] = kind, target
    return found


def _references(instruction: capstone.CsInsn) -> Iterator[tuple[int, int, int]]:
    end = instruction.address + instruction.size
    opcode = instruction.opcode
    for operand in instruction.operands:
        far = opcode[0] in {0xE8, 0xE9} or (opcode[0] == 0x0F and opcode[1] & 0xF0 == 0x80)
        if operand.type == x86.X86_OP_IMM and far and instruction.size >= 5:
            yield end - 4, CODE, operand.imm
        if operand.type == x86.X86_OP_MEM and operand.mem.base == x86.X86_REG_RIP:
            stored = (operand.mem.disp & 0xFFFFFFFF).to_bytes(4, "little")
            yield instruction.address + bytes(instruction.bytes).rindex(stored), DATA, end + operand.mem.disp
            return


def found(binary: Binary, section: Section, size_bytes: int) -> References:
    """What we find there."""
    fields = find(binary, section.offset, section.offset + min(size_bytes, section.size_bytes))
    fields = fields.at(fields.kind <= DATA)
    places = (fields.position - section.offset + section.address).tolist()
    return dict(zip(places, zip(fields.kind.tolist(), fields.target.tolist(), strict=True), strict=True))


def agreement(binary: Binary, size_bytes: int = 1 << 40) -> tuple[int, int]:
    """References that both find in the first bytes of each section of code, and those of either."""
    same = either = 0
    for section in binary.image.of_role("code"):
        theirs, ours = disassembled(binary, section, size_bytes), found(binary, section, size_bytes)
        same += len(theirs.items() & ours.items())
        either += len(theirs.items() | ours.items())
    return same, either


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    worst = 1.0
    for path in parser.parse_args().files or libraries():
        same, either = agreement(opened(path))
        worst = min(worst, same / either)
        sys.stdout.write(f"{path.name}: {same} of {either} references are the same, {same / either:.4%}\n")
    return 0 if worst >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
