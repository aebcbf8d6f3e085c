"""The program ``shoal-launcher`` of a frozen tree: the window."""

import sys

from launcher.__main__ import main

sys.exit(main())
