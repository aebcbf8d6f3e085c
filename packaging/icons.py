"""``packaging/icons.py FOLDER``: Shoal's icon as a picture of each size that desktops ask for, and as an ``.ico``."""

import sys
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SIZES = (48, 128, 256)
_SOURCE = Path(__file__).parents[1] / "assets" / "icons" / "shoal.svg"


def main() -> None:
    """Write ``SIZE.png`` for each size, and ``shoal.ico``."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        picture = drawn(size)
        if not picture.save(str(folder / f"{size}.png")):
            sys.exit(f"{folder} cannot be written.")
    drawn(SIZES[-1]).save(str(folder / "shoal.ico"))


def drawn(size: int) -> QImage:
    """The icon, ``size`` pixels wide and high."""
    picture = QImage(size, size, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    QSvgRenderer(str(_SOURCE)).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return picture


if __name__ == "__main__":
    main()
