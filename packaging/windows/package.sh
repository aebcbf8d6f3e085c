#!/bin/bash
# package.sh LICENCES OUT: Windows' part of `make package`: the kit build/frozen-windows (docs/packaging.md) and the installer,
# signed, in the folder OUT, and in OUT/winget the manifests for winget. Ends with 75 where Windows cannot be had, and says why.
set -euo pipefail
licences=$(realpath "$1") out=$(realpath "$2")
cd "$(dirname "$0")/../.."
kit=build/frozen-windows

packaging/windows/build.sh .venv/windows
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
for program in makensis:nsis osslsigncode openssl; do
    command -v "${program%:*}" >/dev/null || apt-get install -y -qq --no-install-recommends "${program#*:}" >/dev/null
done
.venv/package/bin/python packaging/icons.py build/package/icons
packaging/windows/frozen.sh .venv/windows
cp packaging/windows/installer.nsi $kit
{ cat "$licences"; cat packaging/windows/licences.txt; } >$kit/shoal/third-party-licences.txt
# A certificate of this build would change the programs each time, so only a real one signs what is inside.
[ -z "${SIGN:-}" ] || packaging/windows/sign.sh $kit/*/*.exe
PYTHONPATH=. .venv/package/bin/python - "$kit" "$out" <<'END'
import sys
from pathlib import Path

import patcher
from patcher.brand import Brand
from patcher.publish.launcher import installer

tree, out = Path(sys.argv[1]) / "shoal", Path(sys.argv[2])
icon = Path("build/package/icons/shoal.ico").read_bytes()
installer.make(installer.Parts.around(tree), tree, Brand(), patcher.__version__, icon, out / installer.name_of(Brand()))
END
packaging/windows/sign.sh "$out"/Shoal-Setup.exe

# The hash is that of this file, signature and all. INSTALLER_URL: where players will get it.
packaging/winget/fill.sh "$out/winget" "$(PYTHONPATH=. .venv/package/bin/python -c 'import patcher; print(patcher.__version__)')" \
    "$(sha256sum "$out/Shoal-Setup.exe" | cut -d' ' -f1)" "${INSTALLER_URL:-https://updates.example.org/Shoal-Setup.exe}"
