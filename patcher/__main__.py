"""``python -m patcher``: the engine process, as clients start it.

A spawned worker imports its parent's main module unless that is called ``__main__``. If `patcher.engine.server` were
the main module, each decoder would import the whole engine.
"""

import sys

from patcher.engine.server import main

if __name__ == "__main__":
    sys.exit(main())
