"""A screen that nobody sits at: programs draw on it, and what it says is read and clicked as a person does it.

Needs Debian's xvfb, xdotool and tesseract-ocr.
"""

import os
import subprocess
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from tests.support.waiting import wait_until

_SIZE = "1280x840x24"
"""Room for the window, and for what frames it."""
_TIMES = 2
"""As large as the reader of texts likes letters."""
_DARKEST, _BRIGHTEST = 100, 160
"""Greys between which the contrast is stretched: a letter differs from what it stands on, also on a coloured button."""
_RULE_PX = 36
"""A stroke of this length is no letter's, but in headings. A text in a frame would be taken for a picture."""
_INK = 200
"""From this grey on it is no ink, but the paper."""
_XWD_WORDS = 25
"""The length of the head of an XWD file, which is what Xvfb keeps of its screen. Its fields are big-endian."""


class Screen:
    """What stands in ``folder`` is this screen's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        self._folder.mkdir()
        reads, writes = os.pipe()
        command: list[str | Path] = [
            "Xvfb",
            "-displayfd",
            str(writes),
            "-screen",
            "0",
            _SIZE,
            "-ac",
            "-nolisten",
            "tcp",
        ]
        self._server = subprocess.Popen(
            [*command, "-fbdir", self._folder], pass_fds=(writes,), stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        os.close(writes)
        with os.fdopen(reads) as said:
            self.display = f":{said.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait()

    def click(self, x: int, y: int) -> None:
        """Click there."""
        command = ("xdotool", "mousemove", str(x), str(y), "click", "1")
        subprocess.run(command, env={**os.environ, "DISPLAY": self.display}, check=True)

    def wait_for(self, text: str, patience_s: float) -> tuple[int, int]:
        """Where the lowest place is that says so, once the screen shows it and stands still."""
        before = read = QImage()
        found: list[tuple[int, int]] = []

        def is_there() -> bool:
            nonlocal before, read
            picture = self.picture()
            if picture == before and picture != read:  # it stands still, and is not read yet
                found[:] = _places(picture, text)
                read = picture
            before = picture
            return bool(found)

        try:
            wait_until(is_there, f"{text!r} on the screen", patience_s)
        except AssertionError as error:
            error.add_note(" | ".join(text for text, _ in _lines(before)))
            raise
        return max(found, key=lambda place: place[1])

    def picture(self) -> QImage:
        """What is shown now."""
        data = (self._folder / "Xvfb_screen0").read_bytes()
        head = [int(word) for word in np.frombuffer(data, ">u4", _XWD_WORDS)]
        width, height, row_bytes, colours = head[4], head[5], head[12], head[19]
        pixels = data[head[0] + 12 * colours :]
        return QImage(pixels, width, height, row_bytes, QImage.Format.Format_RGB32).copy()


def _places(picture: QImage, text: str) -> list[tuple[int, int]]:
    """The middle of each place where these words stand in one line."""
    wanted = text.split()
    places = []
    for _, words in _lines(picture):
        texts = [word for word, _, _ in words]
        for at in range(len(texts) - len(wanted) + 1):
            if texts[at : at + len(wanted)] == wanted:
                (_, left, y), (_, right, _) = words[at], words[at + len(wanted) - 1]
                places.append(((left + right) // 2, y))
    return places


def _ruled(ink: npt.NDArray[np.bool_], length: int) -> npt.NDArray[np.bool_]:
    """What belongs to strokes of this length along the rows."""
    begins = _count(ink, length) == length
    return _count(begins[:, ::-1], length)[:, ::-1] > 0


def _count(flags: npt.NDArray[np.bool_], length: int) -> npt.NDArray[np.int64]:
    """How many are set among so many places in the row from each one on."""
    sums: npt.NDArray[np.int64] = np.cumsum(np.pad(flags, ((0, 0), (1, length))), axis=1, dtype=np.int64)
    return sums[:, length:-1] - sums[:, : -length - 1]


def _lines(picture: QImage) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """What a picture says, line by line: texts, and words with their middles. It is read with and without frames."""
    large = picture.scaled(picture.size() * _TIMES, mode=Qt.TransformationMode.SmoothTransformation)
    grey = large.convertToFormat(QImage.Format.Format_Grayscale8)
    rows: npt.NDArray[np.uint8] = np.frombuffer(grey.constBits(), np.uint8).reshape(grey.height(), -1)
    bright = np.clip(rows[:, : grey.width()].astype(int), _DARKEST, _BRIGHTEST) - _DARKEST
    paper = (255 - bright * 255 // (_BRIGHTEST - _DARKEST)).astype(np.uint8)
    ink = paper < _INK
    unframed = np.where(_ruled(ink, _RULE_PX) | _ruled(ink.T, _RULE_PX).T, 255, paper).astype(np.uint8)
    return [*_read(paper), *_read(unframed)]


def _read(paper: npt.NDArray[np.uint8]) -> list[tuple[str, list[tuple[str, int, int]]]]:
    height, width = paper.shape
    done = subprocess.run(
        ["tesseract", "-", "-", "--psm", "11", "tsv"], input=b"P5 %d %d 255\n" % (width, height) + paper.tobytes(),
        env={**os.environ, "OMP_THREAD_LIMIT": "1"}, capture_output=True, check=True,
    )  # fmt: skip
    lines: dict[tuple[str, ...], list[tuple[str, int, int]]] = {}
    for row in done.stdout.decode().splitlines()[1:]:
        *number, _, left, top, wide, high, _, text = row.split("\t")
        if text.strip():
            middle = (int(left) + int(wide) // 2) // _TIMES, (int(top) + int(high) // 2) // _TIMES
            lines.setdefault(tuple(number), []).append((text, *middle))
    return [(" ".join(text for text, _, _ in words), words) for words in lines.values()]
