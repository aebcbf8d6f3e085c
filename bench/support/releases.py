"""Real pairs of releases, fetched by their packages' names with the ordinary clients, and unpacked once.

Everything is kept below ``$SHOAL_BENCH_CACHE`` (default: ``bench-cache`` in the folder for temporary files).
"""

import math
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("SHOAL_BENCH_CACHE", Path(tempfile.gettempdir()) / "bench-cache"))
_ENGINE = ("PySide6/Qt/lib/libQt6WebEngineCore.so.6",)
_CORE = tuple(f"PySide6/Qt/lib/libQt6{name}.so.6" for name in ("Core", "Gui", "Widgets"))
_QML = tuple(f"PySide6/Qt/lib/libQt6{name}.so.6" for name in ("Qml", "Quick"))
_DLLS = tuple(f"PySide6/Qt6{name}.dll" for name in ("Core", "Gui", "Widgets"))
_TAGS = {
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_28_x86_64", "manylinux_2_34_x86_64"),
    "aarch64": ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_39_aarch64"),
    "win_amd64": ("win_amd64",),
    "win_arm64": ("win_arm64",),
}
"""By machine, which is how the names of its wheels end: what these may ask for."""


@dataclass(frozen=True)
class Pair:
    """Two releases as folders. ``solid_of``: the tree that a pak was made of, if this is one."""

    name: str
    label: str
    old: Path
    new: Path
    limit: float
    """Our pack may be this many times the best of other tools'."""
    limit_mb: float = math.inf
    solid_of: str = ""


def pip(package: str, version: str, machine: str = "x86_64") -> None:
    wheels = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        str(CACHE / "dl"),
    ]
    target = ["--python-version", "3.11", *(word for tag in _TAGS[machine] for word in ("--platform", tag))]
    subprocess.run([*wheels, *target, f"{package}=={version}"], check=True)


def npm(package: str, version: str) -> None:
    subprocess.run(
        ["npm", "pack", "-s", f"{package}@{version}"], check=True, cwd=CACHE / "dl", stdout=subprocess.DEVNULL
    )


def tree(name: str, version: str, get: Callable[[str, str], None], packages: tuple[str, ...], pattern: str) -> Path:
    """The unpacked release, fetched when it is not there."""
    folder = CACHE / "trees" / name / version
    if folder.is_dir():
        return folder
    (CACHE / "dl").mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{version}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for package in packages:
        get(package, version)
        (archive,) = (CACHE / "dl").glob(pattern.format(package=package.lower().replace("-", "_"), version=version))
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(partial)
        else:
            with tarfile.open(archive) as ball:
                ball.extractall(partial, filter="data")
    return partial.rename(folder)


def wheel(package: str, version: str, machine: str) -> Path:
    """The unpacked wheel of one package."""
    pattern = f"{{package}}-{{version}}-*{machine}.whl"
    return tree(f"{package}-{machine}", version, lambda name, number: pip(name, number, machine), (package,), pattern)


def some(name: str, version: str, source: Path, paths: tuple[str, ...]) -> Path:
    """A release of a few files of another one."""
    folder = CACHE / "trees" / name / version
    if not folder.is_dir():
        partial = folder.with_name(f"{version}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for path in paths:
            os.link(source / path, partial / Path(path).name)
        partial.rename(folder)
    return folder


def pak(version: str) -> Path:
    """The PySide6 tree as one big pak: a tar in path order, without times."""
    folder = CACHE / "trees" / "pak" / version
    if not folder.is_dir():
        partial = folder.with_name(f"{version}.partial")
        partial.mkdir(parents=True, exist_ok=True)
        source = CACHE / "trees" / "pyside6" / version
        with tarfile.open(partial / "everything.pak", "w") as ball:
            for path in sorted(p for p in source.rglob("*") if p.is_file()):
                info = tarfile.TarInfo(path.relative_to(source).as_posix())
                info.size = path.stat().st_size
                with path.open("rb") as file:
                    ball.addfile(info, file)
        partial.rename(folder)
    return folder


def babylon(version: str) -> Path:
    return tree("babylonjs-core", version, npm, ("@babylonjs/core",), "babylonjs-core-{version}.tgz")


def pairs() -> list[Pair]:
    """All pairs, fetched."""
    essentials = "PySide6-Essentials"
    panda = [wheel("panda3d", v, "x86_64") for v in ("1.10.15", "1.10.16")]
    both, wheels = ("PySide6-Addons", essentials), "{package}-{version}-*x86_64.whl"
    sides = [tree("pyside6", v, pip, both, wheels) for v in ("6.11.2", "6.11.3")]
    core = [babylon(v) for v in ("9.33.3", "9.34.0")]
    cesium = [tree("cesium", v, npm, ("cesium",), "{package}-{version}.tgz") for v in ("1.144.0", "1.145.0")]
    later = wheel(essentials, "6.12.0", "x86_64")
    windows = [wheel(essentials, v, "win_amd64") for v in ("6.11.2", "6.11.3")]
    versions = ("6.11.2", "6.11.3")
    engine = [some("webengine", v, side, _ENGINE) for v, side in zip(versions, sides, strict=True)]
    qt = [some("qt", v, side, _CORE + _QML) for v, side in zip(versions, sides, strict=True)]
    qt_dlls = [some("qt-windows", v, side, _DLLS) for v, side in zip(versions, windows, strict=True)]
    minor = [some("qt-minor", v, side, _CORE) for v, side in (("6.11.3", sides[1]), ("6.12.0", later))]
    big = [pak(v) for v in versions]
    return [
        Pair("babylonjs-core", "@babylonjs/core 9.33.3 → 9.34.0", core[0], core[1], 1.05),
        Pair("cesium", "cesium 1.144.0 → 1.145.0", cesium[0], cesium[1], 1.05),
        Pair("panda3d", "panda3d 1.10.15 → 1.10.16", panda[0], panda[1], 1.05, 2.1),
        Pair("webengine", "libQt6WebEngineCore 6.11.2 → 6.11.3", engine[0], engine[1], 1.15, 2.1),
        Pair("qt", "libQt6{Core,Gui,Widgets,Qml,Quick} 6.11.2 → 6.11.3", qt[0], qt[1], 1.05, 0.52),
        Pair("qt-windows", "Qt6{Core,Gui,Widgets}.dll 6.11.2 → 6.11.3", qt_dlls[0], qt_dlls[1], 1.05, 0.50),
        Pair("qt-minor", "libQt6{Core,Gui,Widgets} 6.11.3 → 6.12.0", minor[0], minor[1], 1.05, 0.95),
        Pair("pyside6", "PySide6 6.11.2 → 6.11.3", sides[0], sides[1], 1.05),
        Pair("pak", "PySide6 as one big pak", big[0], big[1], 1.15, solid_of="pyside6"),
    ]


def pair(name: str) -> Pair:
    return next(pair for pair in pairs() if pair.name == name)


# ---------------------------------------------------------------- tools

DEBIAN = ("xdelta3", "bsdiff", "casync", "zsync", "rdiff", "libfuse2", "librsync2", "libpopt0", "libb2-1", "libgomp1")


def tools() -> dict[str, str]:
    """The environment in which Debian's tools run: unpacked beside the releases, nothing is installed."""
    place = CACHE / "tools"
    if not place.is_dir():
        partial = CACHE / "tools.partial"
        partial.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", *DEBIAN], check=True, cwd=partial, stdout=subprocess.DEVNULL)
        for package in partial.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(partial)], check=True)
        partial.rename(place)
    libraries = f"{place}/usr/lib/x86_64-linux-gnu:{place}/lib/x86_64-linux-gnu"
    path = f"{place}/usr/bin:{os.environ['PATH']}:/usr/sbin"
    kept = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    return {**kept, "PATH": path, "LD_LIBRARY_PATH": libraries}
