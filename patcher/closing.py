"""Resources that a ``with`` block closes."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """Gives itself to a ``with`` block, and calls `close` at its end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; may be called twice."""
