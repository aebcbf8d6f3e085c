"""A static server that remembers its requests."""

from pathlib import Path

from patcher.serve.http import Answer, HttpRequest
from patcher.serve.static import StaticServer


class WatchedServer(StaticServer):
    """``log`` holds (path, status, bytes of the body that were sent) of each request."""

    def __init__(self, folder: Path, cert: Path | None = None, key: Path | None = None) -> None:
        self.log: list[tuple[str, int, int]] = []
        super().__init__(folder, cert=cert, key=key)

    def _answered(self, request: HttpRequest, answer: Answer, sent_bytes: int) -> None:
        super()._answered(request, answer, sent_bytes)
        self.log.append((request.path, answer.status.value, sent_bytes))
