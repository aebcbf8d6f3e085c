"""``python -m patcher``: the engine process, as clients start it.

A spawned worker imports its parent's main module unless that is called ``__main__``. If `patcher.engine.server` were
the main module, each decoder would import the whole engine.
"""

import subprocess
import sys

from patcher import private, programs


def main() -> int:
    """Run the engine. With ``--start`` as the first word start it and end; with ``--end`` have the player's engine end.

    The client starts the engine in two steps, so that the engine is not its child, for whose end it would wait. The
    engine inherits the output, a pipe, and leaves it once it has begun.
    """
    words = sys.argv[1:]
    if words[:1] == [programs.STARTER]:
        command = [*programs.engine(), *words[1:]]
        subprocess.Popen(command, env=private.environment(), stdin=subprocess.DEVNULL, **programs.DETACHED)
        return 0
    if words == [programs.ENDER]:
        return _end()
    from patcher.engine.server import main as run

    return run()


def _end() -> int:
    from patcher.config import default_home
    from patcher.engine.client import end_engine
    from patcher.errors import ShoalError

    try:
        end_engine(default_home())
    except ShoalError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
