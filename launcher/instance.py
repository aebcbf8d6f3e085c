"""One running launcher for each home: a second start hands its arguments to the first one and ends.

They meet at a local socket in a folder that only this user can enter: the user's runtime folder if it is private, else
the home. If neither will do, or the path is too long for a socket, each start opens a window of its own.
"""

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from patcher import windows
from patcher.errors import ShoalError
from patcher.private import is_private, is_served_by_user

_MAX_BYTES = 64 * 1024
_MAX_WORDS = 64
_WAIT_MS = 1500


def address(home: Path) -> Path:
    """The path of the socket of the launcher for ``home``; on Windows, the name of a pipe."""
    name = f"shoal-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]}"
    if sys.platform == "win32":
        return Path(name)
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    return (runtime if runtime.is_absolute() and is_private(runtime) else home.resolve()) / name


def hand_over(home: Path, words: Sequence[str]) -> bool:
    """Send ``words`` to the running launcher. Returns False if there is none."""
    if not is_private(address(home).parent):
        return False
    socket = QLocalSocket()
    socket.connectToServer(str(address(home)))
    if not socket.waitForConnected(_WAIT_MS) or not is_served_by_user(int(socket.socketDescriptor())):
        return False
    if sys.platform == "win32":  # the window comes to the front, as this process might; others only blink
        windows.allow_front(windows.pipe_server(int(socket.socketDescriptor())))
    socket.write(json.dumps(list(words)).encode() + b"\n")
    socket.waitForBytesWritten(_WAIT_MS)
    answered = socket.waitForReadyRead(_WAIT_MS)
    socket.disconnectFromServer()
    return answered


class SingleInstance(QObject):
    """The first launcher of a home. `words_received` carries the words of each later start."""

    words_received = Signal(list)

    def __init__(self, home: Path) -> None:
        super().__init__()
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._accept)
        self._home, self._address = home, address(home)

    def listen(self) -> bool:
        """Listen at the address, and take it over from a launcher that crashed. Returns False if that fails."""
        if not is_private(self._address.parent) and not self._make_private_home():
            return False
        if self._server.listen(str(self._address)):
            return True
        QLocalServer.removeServer(str(self._address))
        return self._server.listen(str(self._address))

    def _make_private_home(self) -> bool:
        """Create the home if needed. Returns whether it is private; if not, the bridge reports what is wrong."""
        from patcher.config import Home  # this import takes longer than everything that a second start needs

        try:
            Home(self._home).make()
        except ShoalError:
            return False
        return is_private(self._address.parent)

    def close(self) -> None:
        """Stop listening."""
        self._server.close()

    @Slot()
    def _accept(self) -> None:
        while self._server.hasPendingConnections():
            socket = self._server.nextPendingConnection()
            socket.setReadBufferSize(_MAX_BYTES)
            socket.readyRead.connect(self._read)
            socket.disconnected.connect(socket.deleteLater)
            if socket.bytesAvailable():
                self._receive(socket)

    @Slot()
    def _read(self) -> None:
        socket = self.sender()
        if isinstance(socket, QLocalSocket):
            self._receive(socket)

    def _receive(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() >= _MAX_BYTES:
                socket.abort()
            return
        words = _words(bytes(socket.readLine(_MAX_BYTES).data()))
        socket.write(b"ok\n")
        socket.flush()
        if words is not None:
            self.words_received.emit(words)


def _words(line: bytes) -> list[str] | None:
    """The words in a line of JSON; None if it is not a list of at most 64 strings."""
    try:
        words = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(words, list) or len(words) > _MAX_WORDS or not all(isinstance(word, str) for word in words):
        return None
    return words
