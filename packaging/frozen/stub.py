"""The programs ``shoal-launcher`` and ``shoal`` that an installer lays beside the versions of the tree: the stub."""

import sys

from patcher.stub import main

sys.exit(main())
