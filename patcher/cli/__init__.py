"""The command line: the verbs of players, publishers and operators."""


def main() -> int:
    """``shoal``. Imports late, since each worker process of a publisher imports the script that calls this."""
    from patcher.cli.__main__ import main as run

    return run()
