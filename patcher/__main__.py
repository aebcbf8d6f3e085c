"""``python -m patcher``: the engine process, as clients start it.

A spawned worker imports its parent's main module unless that is called ``__main__``. If `patcher.engine.server` were
the main module, each decoder would import the whole engine.
"""

import subprocess
import sys

from patcher import private, programs


def main() -> int:
    """Run the engine. With ``--start`` as the first word start it and end.

    The client starts the engine in two steps, so that the engine is not its child, for whose end it would wait. The
    engine inherits the output, a pipe, and leaves it once it has begun.
    """
    words = sys.argv[1:]
    if words[:1] == [programs.STARTER]:
        command = [*programs.engine(), *words[1:]]
        subprocess.Popen(command, env=private.environment(), stdin=subprocess.DEVNULL, **programs.DETACHED)
        return 0
    from patcher.engine.server import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
