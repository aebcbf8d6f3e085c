"""Which files are native code that we know, by their own headers. Needs nothing but their bytes."""

from patcher.content.native import elf, pe
from patcher.content.native.sections import Image, Read


def parse(read: Read, size_bytes: int) -> Image | None:
    """The image that a file of ``size_bytes`` is; None when it is none, or of another machine. Never raises."""
    return elf.parse(read, size_bytes) or pe.parse(read, size_bytes)
