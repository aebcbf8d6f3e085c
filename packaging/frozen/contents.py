"""What a frozen tree holds: Python, the wheels of the players' lock, and of Qt only what the window uses.

Libraries of the desktop (X11, Wayland, OpenGL, fonts, D-Bus) are those of the system: the packages of
`launcher.screen.PACKAGES`. Older copies of them in the tree would meet drivers of the system that need newer ones.
"""

from pathlib import PurePath

OF_PUBLISHERS = ("dask", "distributed", "obstore", "paramiko", "pkcs11", "pygal", "redis")
"""Extras of publishers and operators. python-pkcs11 alone would cost each start of the engine 40 ms."""

NOT_USED = (
    "patcher.cli.demo", "patcher.cli.playground", "tests",  # of developers
    "pygments",  # of rich, for code in colours
    "cffi", "pycparser", "readline", "tkinter", "unittest", "doctest", "pydoc", "pdb", "lib2to3", "curses",
    "pip", "setuptools", "pkg_resources", "_distutils_hack",
    "numpy.f2py", "numpy.testing", "numpy.distutils", "numpy.ma", "numpy.polynomial", "numpy.random", "numpy.fft",
    "PySide6.QtDBus", "PySide6.QtOpenGL", "PySide6.QtQml", "PySide6.QtQuick", "PySide6.QtTest",
)  # fmt: skip

NOT_OF_THE_STUB = ("_hashlib", "_ssl", "_bz2", "_lzma", "_decimal", "ssl", "xml", "email", "logging", "psutil")
"""What modules of Python would bring along, and do without."""

ASSETS = ("fonts", "i18n", "icons", "theme")
"""Folders of ``assets`` that the window reads; ``demo`` is for developers."""

QT_LIBRARIES = (
    "Core", "DBus", "Gui", "Network", "Svg", "WaylandClient", "Widgets", "WlShellIntegration", "XcbQpa",
)  # fmt: skip
QT_PLUGINS = {
    "iconengines": ("svg",), "imageformats": ("gif", "ico", "jpeg", "svg", "webp"), "platforminputcontexts": (),
    "networkinformation": (), "platforms": ("offscreen", "wayland", "windows", "xcb"), "styles": (),
    "platformthemes": ("xdgdesktopportal",), "wayland-decoration-client": (),
    "wayland-shell-integration": ("xdg-shell",),
}  # fmt: skip
"""Folder of plugins → words of which each kept plugin's name has one; all are kept where there is no word."""

OF_PYTHON = (
    "libpython3.", "libbz2.", "libcrypto.", "libffi.", "liblzma.", "libmpdec.", "libsqlite3.", "libssl.", "libuuid.",
    "libexpat.",
)  # fmt: skip
"""Libraries of the system that Python's own modules load, as the names of their files begin."""

OF_WINDOWS = ("icuuc.dll", "ucrtbase.dll")
"""Libraries of Windows itself."""
_RUNTIME = ("msvcp140.dll", "vcruntime140.dll", "vcruntime140_1.dll")
"""Microsoft's C++ runtime, of which the tree has one copy, for all. libtorrent needs 14.40, and brings none."""

_LANGUAGES = ("qtbase_de.qm", "qtbase_en.qm")
_DATA_NOT_USED = (".pyi", "py.typed", "RECORD", "INSTALLER", "WHEEL", "METADATA", "REQUESTED", "entry_points.txt")


def keeps(name: str, source: str) -> bool:
    """Whether the tree gets the file ``name`` (a path in it) that comes from the path ``source``."""
    path = PurePath(name.replace("\\", "/"))
    if path.name.endswith(_DATA_NOT_USED) or path.parts[0].endswith(".dist-info"):
        return False
    if path.name.lower() in OF_WINDOWS or (len(path.parts) > 1 and path.name.lower() in _RUNTIME):
        return False
    if path.parts[0] == "PySide6":
        return _keeps_of_qt(path)
    if "site-packages" in source or "lib-dynload" in source:
        return True
    return ".so" not in path.name or path.name.startswith(OF_PYTHON)


def _keeps_of_qt(path: PurePath) -> bool:
    if "plugins" in path.parts:
        folder, plugin = path.parts[-2:]
        words = QT_PLUGINS.get(folder)
        return words is not None and (not words or any(word in plugin for word in words))
    if "translations" in path.parts:
        return path.name in _LANGUAGES
    library = path.name.removeprefix("lib").removeprefix("Qt6").partition(".")[0]
    return library in QT_LIBRARIES if "Qt6" in path.name else path.name != "opengl32sw.dll"
