"""On Windows, before anything else of a frozen program: its folder of libraries is its own.

PyInstaller names it by SetDllDirectory, which programs that are started inherit: a title would load our libraries
before those of the system.
"""

import ctypes
import os
import sys

os.add_dll_directory(sys._MEIPASS)  # noqa: SLF001 (PyInstaller documents it)
ctypes.windll.kernel32.SetDllDirectoryW(None)
