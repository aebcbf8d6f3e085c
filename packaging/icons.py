"""``packaging/icons.py FOLDER``: Shoal's icon as a picture of each size that desktops ask for, and as an ``.ico``."""

import struct
import sys
from pathlib import Path

from PySide6.QtCore import QBuffer, QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 24, 32, 48, 128, 256)
_SOURCE = Path(__file__).parents[1] / "assets" / "icons" / "shoal.svg"


def main() -> None:
    """Write ``SIZE.png`` for each size, and ``shoal.ico``."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        picture = drawn(size)
        if not picture.save(str(folder / f"{size}.png")):
            sys.exit(f"{folder} cannot be written.")
    (folder / "shoal.ico").write_bytes(ico([drawn(size) for size in SIZES]))


def drawn(size: int) -> QImage:
    """The icon, ``size`` pixels wide and high."""
    picture = QImage(size, size, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(str(_SOURCE)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


def ico(pictures: list[QImage]) -> bytes:
    """An icon file of Windows, which holds PNG images."""
    head, images = struct.pack("<HHH", 0, 1, len(pictures)), b""
    for picture in pictures:
        buffer = QBuffer()
        picture.save(buffer, "PNG")  # type: ignore[call-overload]  # PySide6's stub knows bytes for the format
        image, side = bytes(buffer.data().data()), picture.width() % 256  # 0 is 256
        head += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(image), 6 + 16 * len(pictures) + len(images))
        images += image
    return head + images


if __name__ == "__main__":
    main()
