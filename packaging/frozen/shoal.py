"""The program ``shoal`` of a frozen tree: the command line, the engine process, or a worker of either."""

import multiprocessing
import sys

multiprocessing.freeze_support()  # a worker goes no further

from patcher import programs  # noqa: E402 (a worker needs nothing of it)

if sys.argv[1:2] == [programs.ENGINE]:
    del sys.argv[1]
    from patcher.__main__ import main
else:
    from patcher.cli import main

sys.exit(main())
