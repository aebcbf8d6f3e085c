"""The command line: the verbs of players, publishers and operators."""

CANCELLED_EXIT = 130


def main() -> int:
    """``shoal``. Imports late, since each worker process of a publisher imports the script that calls this."""
    try:
        from patcher.cli.__main__ import main as run
    except KeyboardInterrupt:
        return CANCELLED_EXIT
    return run()
