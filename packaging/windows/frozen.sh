#!/bin/bash
# frozen.sh FOLDER: the frozen tree of Windows and its stub, build/frozen-windows/shoal and …/stub (docs/packaging.md), made
# in the Windows that build.sh put into FOLDER. Two calls of one commit make the same bytes.
set -euo pipefail
windows=$(realpath "$1")
cd "$(dirname "$0")/../.."

locks=packaging/requirements
python=$windows/package # Windows' Python again, with no wheel but those of players and PyInstaller
out=build/frozen-windows

tools() {
    local key lock wheel
    key=$(cat "$windows/.cpython" $locks/runtime.txt $locks/package.txt packaging/windows/package.txt | sha256sum)
    [ "$(cat "$windows/.package" 2>/dev/null)" != "$key" ] || return 0
    rm -rf "$python" "$windows/wheels"
    cp -al "$windows/python" "$python"
    rm -r "$python/Lib/site-packages" "$python/Lib/sitecustomize.py"
    mkdir "$python/Lib/site-packages" "$windows/wheels"
    awk '/^[a-z]/ {on = /^(altgraph|packaging|pyinstaller|pyinstaller-hooks-contrib|setuptools)==/} on' $locks/package.txt \
        >"$windows/freezer.txt"
    for lock in $locks/runtime.txt "$windows/freezer.txt" packaging/windows/package.txt; do
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
            --platform win_amd64 --python-version 3.11 --implementation cp --dest "$windows/wheels" -r "$lock"
    done
    for wheel in "$windows"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$python/Lib/site-packages"; done
    rm -rf "$windows/wheels" "$windows/freezer.txt"
    echo "$key" >"$windows/.package"
}

there() { echo "Z:$(realpath -m "$1" | tr / '\\')"; } # the path as Windows has it

freeze() {
    # Python's own programs are not here, nor is anything that Windows itself has.
    PYTHONPATH= PYTHONDONTWRITEBYTECODE=1 "$windows/wpython" --wine "$python/python.exe" -m PyInstaller --noconfirm --clean \
        --log-level "${PACKAGE_LOG:-ERROR}" --distpath "$(there $out)" --workpath "$(there build/pyinstaller-windows)" \
        "$(there packaging/frozen/shoal.spec)"
}

tools
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" PYTHONHASHSEED=0
umask 022
rm -rf $out
freeze
