"""``packaging/licences.py TREE``: the licences of all that a frozen tree holds, as one text on the standard output.

Run by the Python whose modules are frozen, on the Debian whose libraries are. Ends with an error when a file of the
tree belongs to nothing whose licence is known.
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

_COMMON = Path("/usr/share/common-licenses")
_TEXTS = {"LGPL-3.0-only": "LGPL-3", "GPL-2.0-only": "GPL-2", "BSD": "BSD"}
"""Licence → file of `_COMMON`, for distributions that bring no text."""
_LICENCE_FILE = re.compile("LICEN[CS]E|COPYING|NOTICE", re.IGNORECASE)
_LINE = "=" * 120


def main() -> None:
    """Print the licences of Python's distributions, then those of Debian's packages."""
    inner = Path(sys.argv[1]) / "_internal"
    names = {path.name for path in inner.rglob("*") if path.is_file()}
    print("Shoal contains the following works of others. Each is under its own licence.\n")
    for distribution in sorted(_frozen(inner), key=lambda one: one.name.lower()):
        _print(f"{distribution.name} {distribution.version}", _licence(distribution), _texts(distribution))
    for package in sorted(_packages(names)):
        text = Path(f"/usr/share/doc/{package}/copyright").read_text("utf-8")
        _print(f"{package}, of Debian", "", [text])


def _frozen(inner: Path) -> Iterator[metadata.Distribution]:
    """The installed distributions of which the tree holds a module."""
    for distribution in metadata.distributions():
        paths = (Path(str(path)) for path in distribution.files or ())
        modules = {path.with_suffix("") for path in paths if path.suffix in {".py", ".so", ".pyd"}}
        tops = {module.parts[0] for module in modules} - {"..", "_distutils_hack"}
        if any((inner / top).is_dir() or list(inner.glob(f"{top}.*")) for top in tops):
            yield distribution


def _licence(distribution: metadata.Distribution) -> str:
    stated = distribution.metadata["License-Expression"] or distribution.metadata["License"] or ""
    classifiers = [line for line in distribution.metadata.get_all("Classifier", []) if "License ::" in line]
    return stated.partition("\n")[0] or ", ".join(line.rpartition(" :: ")[2] for line in classifiers)


def _texts(distribution: metadata.Distribution) -> list[str]:
    files = [path for path in distribution.files or () if _LICENCE_FILE.search(path.name) and path.suffix != ".py"]
    texts = [Path(str(path.locate())).read_text("utf-8") for path in sorted(files)]
    licence = _licence(distribution)
    texts = texts or [(_COMMON / file).read_text("utf-8") for word, file in _TEXTS.items() if word in licence]
    if not texts:
        sys.exit(f"{distribution.name} brings no licence, and {licence!r} is none of {', '.join(_TEXTS)}.")
    return texts


def _packages(names: set[str]) -> set[str]:
    """The Debian packages of the libraries in the tree, and Python itself."""
    folder = Path("/usr/lib/x86_64-linux-gnu")
    patterns = sorted(f"*/{path.resolve().name}" for path in folder.glob("lib*.so.*") if path.name in names)
    owners = subprocess.run(["dpkg-query", "--search", *patterns], check=True, capture_output=True, text=True).stdout
    return {line.partition(":")[0] for line in owners.splitlines()}


def _print(name: str, licence: str, texts: Iterable[str]) -> None:
    head = (_LINE, f"{name}: {licence}" if licence else name, _LINE, "")
    print("\n".join((*head, *(text.strip() + "\n" for text in texts))))


if __name__ == "__main__":
    main()
