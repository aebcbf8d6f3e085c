"""A program that this system runs, and that waits until it is ended."""

import os
from pathlib import Path

_WINDOWS = os.name == "nt"
WAITS = Path(os.environ["SYSTEMROOT"], "system32/cmd.exe") if _WINDOWS else Path("/bin/sleep")
NAME = "game.exe" if _WINDOWS else "game"
"""What it is called in a game: Windows goes by the name."""
ARGUMENTS = ("/c", "pause") if _WINDOWS else ("60",)
"""On Windows it waits for a line of its input."""
