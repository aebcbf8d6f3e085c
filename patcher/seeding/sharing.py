"""The one session of an engine: opened when it is first needed, and always as the settings and the month allow."""

import threading

from patcher.config import Settings
from patcher.errors import DiskError
from patcher.protocol.commands import Network
from patcher.seeding.traffic import Ledger
from patcher.transfer.swarm.policy import Surroundings, allowances
from patcher.transfer.swarm.session import Session


class Sharing:
    """Safe for several threads; `close` ends it."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        self._settings, self._ledger = settings, ledger
        self._lock = threading.Lock()
        self.session: Session | None = None
        """What is open so far."""

    def session_for(self, network: Network) -> Session | None:
        """The session for a job, or None when it must do without peers."""
        with self._lock:
            if network.server_only or self._settings.peers == "none":
                return None
            if self.session is None:
                self.session = Session(self._settings, self._surroundings())
            return self.session

    def to_offer(self) -> Session | None:
        """The session to offer in: opened for that where sharing is on, else the one that a job needed."""
        return self.session or (None if self._settings.sharing == "off" else self.session_for(Network()))

    def apply(self, settings: Settings) -> None:
        """Obey other settings from now on. When this returns, nothing leaves that they forbid."""
        with self._lock:
            self._settings = settings
            if self.session:
                self.session.apply(settings, self._surroundings())

    def look(self) -> None:
        """The month's cap may be used up, or a new month begun."""
        with self._lock:
            now = self._surroundings()
            if self.session and allowances(self._settings, now) != self.session.allowances:
                self.session.apply(self._settings, now)

    def close(self) -> None:
        """Let go of everything."""
        if self.session:
            self.session.close()

    def _surroundings(self) -> Surroundings:
        """What counts under a cap. A month that cannot be read is used up; nobody waits for it who set no cap."""
        cap = self._settings.monthly_upload_cap_bytes
        try:
            return Surroundings(self._ledger.uploaded_this_month_bytes() if cap else 0)
        except DiskError:
            return Surroundings(cap)
