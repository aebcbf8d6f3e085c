"""The icon in the system tray. It shows notifications while the window is not active."""

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from launcher.views.window import MainWindow


class TrayIcon(QObject):
    """The tray icon of one window, with a menu to open it and to quit."""

    quit_requested = Signal()

    def __init__(self, window: MainWindow, icon: QIcon, name: str) -> None:
        super().__init__(window)
        self._window = window
        self._menu = QMenu()
        self._menu.addAction(self.tr("Open Shoal"), self._open)
        self._menu.addAction(self.tr("Quit"), self.quit_requested.emit)
        self._icon = QSystemTrayIcon(icon, self)
        self._icon.setToolTip(name)
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(self._activated)
        self._icon.show()
        window.notified.connect(self._notice)
        window.stays_in_tray = True

    @Slot()
    def _open(self) -> None:
        self._window.open_words([])

    @Slot(QSystemTrayIcon.ActivationReason)
    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason is not QSystemTrayIcon.ActivationReason.Context:
            self._open()

    @Slot(str, str)
    def _notice(self, title: str, words: str) -> None:
        if not self._window.isActiveWindow():
            self._icon.showMessage(title, words, QSystemTrayIcon.MessageIcon.NoIcon)
