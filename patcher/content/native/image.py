"""Recognises native files of a known kind by their headers."""

from patcher.content.native import elf, pe
from patcher.content.native.sections import Image, Read


def parse(read: Read, size_bytes: int) -> Image | None:
    """The image of a file of ``size_bytes``; None for other files and machines. Never raises."""
    return elf.parse(read, size_bytes) or pe.parse(read, size_bytes)
