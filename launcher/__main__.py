"""The composition root: the only place where the parts of the launcher are built and connected."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from launcher import screen

with screen.importing():
    from PySide6 import __version_info__ as pyside_version
    from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QTimer, QTranslator, Slot
    from PySide6.QtGui import QIcon
    from PySide6.QtWidgets import QApplication

    from launcher import desktop, instance, state, theme
    from launcher.bridge import Bridge
    from launcher.own import Own
    from launcher.prefs import Prefs
    from launcher.views.window import MainWindow
    from patcher import private, programs, stub
    from patcher.errors import ShoalError
    from patcher.processes import limit_heaps
    from patcher.stub import HANDED_OVER

_SHOAL = Own()
_I18N = theme.ASSETS / "i18n"


class Launcher(QObject):
    """The running launcher of one home: its window, bridge and single-instance socket."""

    def __init__(self, app: QApplication, home: Path, ca: str = "", own: Own = _SHOAL) -> None:
        super().__init__()
        self._app, self._own = app, own
        self.restarts = False
        """The player asked for the launcher's next version."""
        self.prefs = Prefs(home, own)
        theme.set_accent(own.brand.accent)
        theme.apply(app, self.prefs.theme)
        self.window = MainWindow(self.prefs, own)
        self.bridge = Bridge(home, ca)
        self.instance = instance.SingleInstance(home)
        self.bridge.message_received.connect(self.window.handle_message)
        self.window.submitted.connect(self.bridge.submit)
        self.bridge.message_received.connect(self._hear)
        self.window.quit_requested.connect(app.quit)
        self.window.restart_requested.connect(self._restart)
        self.window.advanced.connect(desktop.TaskbarProgress(self.window).show)
        self.instance.words_received.connect(self.window.open_words)

    def start(self, *, hidden: bool = False) -> None:
        """Show the window; start everything else after its first paint."""
        self.instance.listen()
        if not hidden:
            self.window.show()
        QTimer.singleShot(0, self.bridge.start)
        QTimer.singleShot(0, self._add_tray)

    def _add_tray(self) -> None:
        from PySide6.QtWidgets import QSystemTrayIcon

        if not QSystemTrayIcon.isSystemTrayAvailable():
            self.window.show()
            return
        from launcher.views.tray import TrayIcon

        self._tray = TrayIcon(self.window, self._app.windowIcon(), self._own.brand.name)
        self._tray.quit_requested.connect(self._app.quit)
        self._app.setQuitOnLastWindowClosed(False)

    @Slot(object)
    def _hear(self, message: state.Message) -> None:
        """The window is there, and the engine answers or says what is wrong: this version works."""
        if isinstance(message, state.LinkChanged) and self._own.is_healthy_with(message.failure):
            self._own.say_healthy()

    @Slot()
    def _restart(self) -> None:
        self.restarts = True
        self._app.quit()

    def close(self) -> None:
        """Close the window; the engine keeps running."""
        self._own.say_healthy()  # whoever closes it has seen it
        self.instance.close()
        self.bridge.close()
        self.window.deleteLater()


class Renamed(QTranslator):
    """Translations in which a publisher's launcher calls itself by its own name."""

    def __init__(self, parent: QObject, ours: QTranslator, name: str) -> None:
        super().__init__(parent)
        self._ours, self._name = ours, name

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str | None:
        found = self._ours.translate(context, source, disambiguation or "", n)
        if not found and "Shoal" not in source:
            return None  # an empty text would be shown as such
        return (found or source).replace("Shoal", self._name)

    def isEmpty(self) -> bool:
        return False


def translate(app: QApplication, locale: QLocale, name: str = "Shoal") -> None:
    """Install the translations for ``locale``, else the English plurals. The language that is shown sets the direction.

    ``name`` is that of the launcher. `text.numbers` says how numbers are written.
    """
    QLocale.setDefault(locale)
    ours, qts = QTranslator(app), QTranslator(app)
    if not ours.load(locale, "shoal", "_", str(_I18N)):
        ours.load("shoal_en", str(_I18N))
    shown = QLocale(ours.language())
    if qts.load(shown, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(qts)
    app.installTranslator(ours if name == "Shoal" else Renamed(app, ours, name))
    app.setLayoutDirection(shown.textDirection())


def main() -> int:
    """``shoal-launcher``: open the window, or bring the one that is open to the front."""
    args = _parser().parse_args()
    if pyside_version >= (6, 12) and sys.version_info < (3, 12):
        stub.tell("PySide6 6.12 needs Python 3.12 or newer; install PySide6-Essentials below 6.12.")
        return 1
    limit_heaps()
    private.forget_secrets()  # programs that Qt starts, such as a browser, must not inherit them
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    words = [str(Path(word).resolve()) if Path(word).is_file() else word for word in args.words]
    app = screen.open_app(sys.argv[0])
    try:
        own = Own.read()
    except ShoalError as error:
        stub.tell(error.message)
        return 1
    app.setApplicationName(own.brand.name)
    app.setDesktopFileName("org.shoal.Shoal" if own.brand.is_shoal else own.brand.id)
    app.setWindowIcon(QIcon(own.brand.icon or str(theme.ASSETS / "icons" / "shoal.svg")))
    home = args.home
    if not home:
        from patcher.config import default_home

        home = default_home().root
    if instance.hand_over(home, words):
        return HANDED_OVER if own.started_by and own.started_by.word else 0
    translate(app, QLocale(), own.brand.name)
    launcher = Launcher(app, home, str(args.ca.resolve()) if args.ca else "", own)
    launcher.start(hidden=args.hidden)
    if not args.home and own.brand.is_shoal:
        desktop.register(own.start or programs.launcher())
    if words:
        launcher.window.open_words(words)
    code = app.exec()
    launcher.close()
    if launcher.restarts:
        subprocess.Popen([*own.start, *sys.argv[1:]], env=private.environment(), **programs.DETACHED)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="shoal-launcher", description="The window of Shoal.")
    parser.add_argument("words", nargs="*", help="shoal://FEED/TITLE, a .shoalfeed file, or a feed's address")
    parser.add_argument("--home", type=Path, default=os.environ.get("SHOAL_HOME"), help="the player's folder")
    parser.add_argument("--ca", type=Path, help="trust this certificate authority too")
    parser.add_argument("--hidden", action="store_true", help="start in the tray, where there is one")
    return parser


if __name__ == "__main__":
    sys.exit(main())
