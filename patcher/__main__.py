"""``python -m patcher``: the engine's process, as a client starts it.

A worker process imports what its parent's main module is called, unless that is ``__main__``: `patcher.agent` itself
would give each decoder all of the engine.
"""

import sys

from patcher.agent import main

if __name__ == "__main__":
    sys.exit(main())
