"""Bytes received from the servers of one feed, those that prove wrong or useless included."""

import threading


class Received:
    """Counts metadata and content apart. Safe for several threads."""

    def __init__(self) -> None:
        self.metadata_bytes = 0
        self.content_bytes = 0
        self._lock = threading.Lock()

    def add_metadata(self, size_bytes: int) -> None:
        """Count bytes of a document or of hashes."""
        with self._lock:
            self.metadata_bytes += size_bytes

    def add_content(self, size_bytes: int) -> None:
        """Count bytes of packs and of loose files."""
        with self._lock:
            self.content_bytes += size_bytes
