"""The command line, ``shoal``: the verbs of players, publishers and operators.

Read `__main__` first (the parser and the exit codes), then `player`: a verb is a function of the parsed arguments and
an `output.Output`; it submits a command to the engine with `follow.follow` and prints the outcome. `output` alone
writes to the terminal. `feeds`, `seeding`, `operator`, `publisher` and the modules that begin like it hold the
other verbs; `demo` and `playground` are ``make demo``.

    from patcher.cli.__main__ import main

    main(["--home", "/tmp/home", "--json", "status"])  # prints one JSON object a line; returns the exit code
"""

CANCELLED_EXIT = 130
WORK_LEFT_EXIT = 10
"""There is something to do: an update, a repair, signatures that expire soon."""
WAITING_EXIT = 11
"""A publication waits for the signatures of further holders; players see no change yet."""


def main() -> int:
    """Run ``shoal``. Imports late: each worker process of a publisher imports the script that calls this."""
    try:
        from patcher.cli.__main__ import main as run
    except KeyboardInterrupt:
        return CANCELLED_EXIT
    return run()
