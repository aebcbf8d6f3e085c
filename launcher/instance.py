"""One running launcher a home: a second start hands its arguments to the first and ends.

A local socket in a folder that only this user can enter: the user's runtime folder where the system made a private one,
else the home. Where neither is to be had, or its path is too long for a socket, each start opens a window of its own.
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from patcher.errors import ShoalError
from patcher.private import is_private, is_served_by_user

_MAX_BYTES = 64 * 1024
_MAX_WORDS = 64
_WAIT_MS = 1500


def address(home: Path) -> Path:
    """The socket of the launcher that shows ``home``. On Windows its name is what counts: that of a pipe."""
    name = f"shoal-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]}"
    if sys.platform == "win32":
        return Path(name)
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    return (runtime if runtime.is_absolute() and is_private(runtime) else home.resolve()) / name


def hand_over(home: Path, words: Sequence[str]) -> bool:
    """Give ``words`` to the launcher that runs already; False when none does."""
    if not is_private(address(home).parent):
        return False
    socket = QLocalSocket()
    socket.connectToServer(str(address(home)))
    if not socket.waitForConnected(_WAIT_MS) or not is_served_by_user(int(socket.socketDescriptor())):
        return False
    socket.write(json.dumps(list(words)).encode() + b"\n")
    socket.waitForBytesWritten(_WAIT_MS)
    answered = socket.waitForReadyRead(_WAIT_MS)
    socket.disconnectFromServer()
    return answered


class Instance(QObject):
    """The first launcher: `asked` carries the words of each later start."""

    asked = Signal(list)

    def __init__(self, home: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        self._home, self._place = home, address(home)
        self._address = str(self._place)

    def listen(self) -> bool:
        """Take the address, also from a launcher that died. False when it cannot be had."""
        if not is_private(self._place.parent) and not self._is_home_made():
            return False
        if self._server.listen(self._address):
            return True
        QLocalServer.removeServer(self._address)
        return self._server.listen(self._address)

    def _is_home_made(self) -> bool:
        """Whether the home is there now, and private; the bridge says what is wrong with one that is not."""
        from patcher.config import Home  # takes longer than all that a second start needs

        try:
            Home(self._home).make()
        except ShoalError:
            return False
        return is_private(self._place.parent)

    def close(self) -> None:
        """Let go of the address."""
        self._server.close()

    @Slot()
    def _accept(self) -> None:
        while self._server.hasPendingConnections():
            socket = self._server.nextPendingConnection()
            socket.setReadBufferSize(_MAX_BYTES)
            socket.readyRead.connect(self._read)
            socket.disconnected.connect(socket.deleteLater)
            if socket.bytesAvailable():
                self._take(socket)

    @Slot()
    def _read(self) -> None:
        socket = self.sender()
        if isinstance(socket, QLocalSocket):
            self._take(socket)

    def _take(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() >= _MAX_BYTES:
                socket.abort()
            return
        words = _words(bytes(socket.readLine(_MAX_BYTES).data()))
        socket.write(b"ok\n")
        socket.flush()
        if words is not None:
            self.asked.emit(words)


def _words(line: bytes) -> list[str] | None:
    """The words of one line; None when it holds anything else."""
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, list) or len(words) > _MAX_WORDS or not all(isinstance(word, str) for word in words):
        return None
    return words
