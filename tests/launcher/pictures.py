"""Widgets as pictures, and what can be measured on them."""

from collections import Counter
from pathlib import Path

from PySide6.QtCore import QPoint, QRect, QThreadPool
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication, QWidget

from launcher import theme


def render(widget: QWidget, scale: float = 1.0) -> QImage:
    """``widget`` on the window's ground, ``scale`` device pixels a pixel."""
    widget.show()
    QApplication.processEvents()
    QThreadPool.globalInstance().waitForDone()  # art is read there
    QApplication.processEvents()
    image = QImage(widget.size() * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    image.fill(QColor(theme.tokens().window))
    widget.render(image, QPoint(), renderFlags=QWidget.RenderFlag.DrawChildren)
    image.setDevicePixelRatio(1)
    return image


def differs(actual: QImage, file: Path, folder: Path) -> str:
    """What is wrong with ``actual``, empty when it is the picture in ``file``; else ``folder`` shows it."""
    expected = QImage(str(file)).convertToFormat(QImage.Format.Format_RGB32)
    if actual == expected:
        return ""
    folder.mkdir(parents=True, exist_ok=True)
    seen, marked = folder / f"{file.stem}.actual.png", folder / f"{file.stem}.diff.png"
    actual.save(str(seen))
    if expected.isNull() or actual.size() != expected.size():
        return f"{seen} is {actual.size().toTuple()}, {file.name} is {expected.size().toTuple()}"
    spots = [
        (x, y)
        for y in range(actual.height())
        for x in range(actual.width())
        if actual.pixel(x, y) != expected.pixel(x, y)
    ]
    diff = expected.convertToFormat(QImage.Format.Format_Grayscale8).convertToFormat(QImage.Format.Format_RGB32)
    for x, y in spots:
        diff.setPixelColor(x, y, QColor("#ff00aa"))
    diff.save(str(marked))
    return f"{len(spots)} pixels of {file.name} differ: see {seen} and {marked}"


def contrast(one: QColor | str, other: QColor | str) -> float:
    """WCAG 2.2 contrast ratio of two opaque colours."""
    high, low = sorted((_luminance(QColor(one)), _luminance(QColor(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: QColor) -> float:
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def measured_contrast(image: QImage, area: QRect) -> float:
    """Of the text in ``area``: its commonest colour against the one that stands out most."""
    area = area.intersected(image.rect())
    pixels = Counter(
        image.pixel(x, y)
        for y in range(area.top(), area.bottom() + 1)
        for x in range(area.left(), area.right() + 1)
    )  # fmt: skip
    ground = QColor(pixels.most_common(1)[0][0])
    return max(contrast(ground, QColor(pixel)) for pixel in pixels)


def worst_ground(image: QImage, area: QRect, ink: str) -> float:
    """The least contrast of ``ink`` against any pixel in ``area``: for text on a picture, drawn without the text."""
    area = area.intersected(image.rect())
    pixels = {
        image.pixel(x, y)
        for y in range(area.top(), area.bottom() + 1)
        for x in range(area.left(), area.right() + 1)
    }  # fmt: skip
    return min(contrast(ink, QColor(pixel)) for pixel in pixels)
