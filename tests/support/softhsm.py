"""A PKCS#11 token in software: SoftHSM2, as Debian has it. `packaging/setup.sh` unpacks it below .venv."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

from patcher.publish.keys.tokens import TokenKey

TOKEN, PIN = "studio", "135724"
_DEBIAN = Path(sys.prefix) / "debian"
_numbers = count(2)


@cache
def _library() -> str:
    """The library, with one token that is made once: a process may load the library only once."""
    folder = Path(tempfile.mkdtemp(prefix="softhsm-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    library = _DEBIAN / "usr/lib/softhsm/libsofthsm2.so"
    words = ("--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "24681357")
    subprocess.run([_DEBIAN / "usr/bin/softhsm2-util", "--module", library, *words], check=True, capture_output=True)
    return str(library)


def place() -> TokenKey:
    """Room for one more key on the token."""
    return TokenKey(_library(), TOKEN, next(_numbers))
