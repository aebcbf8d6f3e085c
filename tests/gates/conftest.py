import pytest

from tests.gates.test_sizes import LARGE_FILE_LINES, lengths


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the files that grow too large; none of them fails a test yet."""
    large = sorted((lines, str(path)) for path, lines in lengths().items() if lines >= LARGE_FILE_LINES)
    for lines, path in reversed(large):
        terminalreporter.write_line(f"large: {path} has {lines} lines")
