"""``python -m patcher``: the engine's process, as a client starts it.

A worker process imports what its parent's main module is called, unless that is ``__main__``: `patcher.engine.server`
itself would give each decoder all of the engine.
"""

import sys

from patcher.engine.server import main

if __name__ == "__main__":
    sys.exit(main())
