"""A title's art, read safely, and a generated pattern for titles without art.

The art comes from a publisher and may be any file. So only three formats are read, recognised by their content, and
the sizes of the file and of the image are limited before anything is decoded.
"""

import functools
import hashlib
import math
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QLoggingCategory, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QImageReader, QLinearGradient, QPainter, QPainterPath

from launcher.views.widgets import paint

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", b"png"), (b"\xff\xd8\xff", b"jpeg"), (b"RIFF", b"webp"))
_MAX_FILE_BYTES = 16 << 20
_MAX_PIXELS = 32_000_000


def load(path: Path | None, longest: int) -> QImage:
    """The picture at ``path``, scaled down to ``longest`` pixels a side; a null image if it is not usable."""
    content = _content(path)
    kind = next((kind for signature, kind in _SIGNATURES if content.startswith(signature)), None)
    if kind is None:
        return QImage()
    _silence_decoders()
    buffer = QBuffer()
    buffer.setData(content)
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer, QByteArray(kind))
    reader.setAutoDetectImageFormat(False)  # no other decoder may see these bytes
    size = reader.size()
    if not 0 < size.width() * size.height() <= _MAX_PIXELS:
        return QImage()
    if max(size.width(), size.height()) > longest:
        reader.setScaledSize(size.scaled(longest, longest, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(1, 1)))
    return reader.read().convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)


def _content(path: Path | None) -> bytes:
    try:
        if path is None or not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
            return b""
        return path.read_bytes()
    except (OSError, ValueError):
        return b""


@functools.cache
def _silence_decoders() -> None:
    """Keep broken pictures from filling the log."""
    QLoggingCategory.setFilterRules("qt.gui.imageio*=false")


def cover(image: QImage, size: QSize, scale: float) -> QImage:
    """``image`` scaled to fill ``size`` and cropped; vertically, more is cropped below than above."""
    wanted = QSize(math.ceil(size.width() * scale), math.ceil(size.height() * scale))
    grown = image.scaled(
        wanted, Qt.AspectRatioMode.KeepAspectRatioByExpanding, Qt.TransformationMode.SmoothTransformation
    )
    left, top = (grown.width() - wanted.width()) // 2, (grown.height() - wanted.height()) * 2 // 5
    made = grown.copy(left, top, wanted.width(), wanted.height())
    made.setDevicePixelRatio(scale)
    return made


def pattern(name: str, size: QSize, scale: float = 1.0) -> QImage:
    """Waves in hues that depend only on ``name``."""
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    pixels = QSize(math.ceil(size.width() * scale), math.ceil(size.height() * scale))
    made = QImage(pixels, QImage.Format.Format_ARGB32_Premultiplied)
    made.setDevicePixelRatio(scale)
    hue = digest[0] * 360 // 256
    box = QRectF(0, 0, size.width(), size.height())
    with QPainter(made) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        sky = QLinearGradient(box.topLeft(), box.bottomRight())
        sky.setColorAt(0, QColor.fromHsl(hue, 110, 70))
        sky.setColorAt(1, QColor.fromHsl((hue + 40) % 360, 120, 120))
        painter.fillRect(box, sky)
        painter.setPen(Qt.PenStyle.NoPen)
        for layer in range(4):
            painter.setBrush(QColor.fromHsl((hue + 12 * layer) % 360, 100, 92 - 18 * layer, 190))
            painter.drawPath(_wave(box, 0.42 + 0.15 * layer, digest[1 + layer], 1.2 + digest[6 + layer] / 200))
    return made


def _wave(box: QRectF, height: float, phase: int, waves: float) -> QPainterPath:
    path = QPainterPath(QPointF(box.left(), box.bottom()))
    for step in range(49):
        across = step / 48
        lift = math.sin(across * waves * math.tau + phase) + 0.4 * math.sin(across * waves * 2.7 * math.tau + phase * 2)
        path.lineTo(box.left() + across * box.width(), box.top() + box.height() * (height + 0.06 * lift))
    path.lineTo(box.bottomRight())
    path.closeSubpath()
    return path


@functools.lru_cache(maxsize=256)
def thumbnail(file: str, name: str, side: int, scale: float) -> QImage:
    """A rounded square with the art in ``file``, or with the pattern of ``name``."""
    size = QSize(side, side)
    image = load(Path(file) if file else None, round(side * scale * 3))
    square = pattern(name, size, scale) if image.isNull() else cover(image, size, scale)
    made = QImage(square.size(), QImage.Format.Format_ARGB32_Premultiplied)
    made.setDevicePixelRatio(scale)
    made.fill(Qt.GlobalColor.transparent)
    with QPainter(made) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(0, 0, side, side)
        painter.setClipPath(paint.rounded(box, 8))
        painter.drawImage(0, 0, square)
        painter.setClipping(False)
        paint.outline(painter, box, 8, QColor(255, 255, 255, 28))
    return made
