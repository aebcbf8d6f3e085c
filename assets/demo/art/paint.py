"""Paints the demo's pictures anew: ``python -m assets.demo.art.paint [FOLDER]``. The pictures are committed."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QGuiApplication, QImage, QPainter

from assets.demo.art import land, water
from assets.demo.art.brush import HEIGHT, WIDTH, finish

SCENES: dict[str, Callable[[QPainter, random.Random], None]] = {
    "tidepool": water.tidepool,
    "low-water": water.low_water,
    "lantern-pass": land.lantern_pass,
    "meridian": land.meridian,
    "moss-garden": land.moss_garden,
}


def paint(scene: Callable[[QPainter, random.Random], None], seed: int) -> QImage:
    """One picture."""
    image = QImage(WIDTH, HEIGHT, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scene(painter, random.Random(seed))
    painter.end()
    return finish(image, seed)


def main(folder: Path, names: list[str]) -> None:
    """Write the named pictures, all when none is named."""
    QGuiApplication(["paint", "-platform", "offscreen"])
    for seed, (name, scene) in enumerate(SCENES.items(), 11):
        if not names or name in names:
            paint(scene, seed).save(str(folder / f"{name}.jpg"), quality=87)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent, sys.argv[2:])
