"""Opens Qt's application. Where the system lacks what a window needs, a sentence says so; Qt would abort."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patcher import stub

if TYPE_CHECKING:
    from PySide6.QtCore import QMessageLogContext, QtMsgType
    from PySide6.QtWidgets import QApplication

PACKAGES = (
    "libgl1", "libegl1", "libglib2.0-0", "libdbus-1-3", "libfontconfig1", "libgssapi-krb5-2", "libxkbcommon0",
    "libxcb-cursor0", "libxcb-icccm4", "libxcb-keysyms1", "libxcb-shape0", "libxkbcommon-x11-0", "libwayland-cursor0",
)  # fmt: skip
"""The Debian packages that a window needs, as ``packaging/setup.sh`` installs them."""
_INSTALL = f"    sudo apt-get install {' '.join(PACKAGES)}"


@contextmanager
def importing() -> Iterator[None]:
    """Import Qt within this. Ends this process with a sentence when Qt lacks a library of the system."""
    try:
        yield
    except ImportError as error:
        if ".so" not in str(error):
            raise
        sys.exit(_no_window([str(error)]))


def open_app(name: str) -> "QApplication":
    """Qt's application. Ends this process with a sentence when there is no screen, or no library to draw on it."""
    from PySide6.QtCore import QtMsgType, qInstallMessageHandler
    from PySide6.QtWidgets import QApplication

    said: list[str] = []

    def hear(kind: "QtMsgType", _: "QMessageLogContext", text: str) -> None:
        if kind is not QtMsgType.QtFatalMsg:
            said.append(text)
            return
        stub.tell(_no_window(said))
        os._exit(1)  # Qt aborts when this returns

    qInstallMessageHandler(hear)
    app = QApplication([name])
    qInstallMessageHandler(None)
    if sys.stderr is not None:  # a program of Windows without a console has none
        sys.stderr.writelines(f"{text}\n" for text in said)
    return app


def _no_window(said: list[str]) -> str:
    has_screen = sys.platform != "linux" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if has_screen:
        lines = ["Shoal cannot open a window here.", *(f"  {text}" for text in said)]
        if sys.platform == "linux":
            lines += ["On Debian or Ubuntu, this line brings what a window needs:", _INSTALL]
    else:
        lines = ["Shoal cannot open a window: there is no screen. Neither DISPLAY nor WAYLAND_DISPLAY is set."]
    return "\n".join((*lines, "The command line needs no window: `shoal -h`.", ""))
