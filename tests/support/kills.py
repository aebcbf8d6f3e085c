"""A process that ends itself as a power cut would end it, on every system."""

import os

KILL = "os.kill(os.getpid(), 9)"
"""In its program; Windows has no SIGKILL, but ends a process of this number just so."""
KILLED = 9 if os.name == "nt" else -9
"""The exit code."""
