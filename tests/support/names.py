"""A name server that lies: what names lead to is a table, and may be something else at every question."""

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

_ask = socket.getaddrinfo


def lead(monkeypatch: pytest.MonkeyPatch, table: Mapping[str, Sequence[str]]) -> list[str]:
    """Names lead to the next of their addresses at each question, at last always to the last one; returns who asked.

    Several addresses of one answer stand in one text, apart by spaces. What is not in the table is asked as usual.
    """
    left = {name: list(answers) for name, answers in table.items()}
    asked: list[str] = []

    def answer(host: str, port: int, *words: Any, **options: Any) -> list[Any]:
        asked.append(host)
        answers = left.get(host)
        if answers is None:
            return _ask(host, port, *words, **options)
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        return [found for address in now.split() for found in _ask(address, port, *words, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked
