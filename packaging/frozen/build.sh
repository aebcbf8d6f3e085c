#!/bin/sh
# Makes the frozen tree build/frozen/shoal (docs/packaging.md) with the Python of this Debian, whose C library is old
# enough for the systems that players have. Two calls of one commit make the same bytes.
set -eu
cd "$(dirname "$0")/../.."

PYTHON=${PACKAGE_PYTHON:-/usr/bin/python3}
locks=packaging/requirements
at=.venv/package

tools() { # a venv of its own: what is not in the players' lock must not be found
    key=$(cat $locks/runtime.txt $locks/package.txt | sha256sum)
    [ "$(cat $at/done 2>/dev/null)" != "$key" ] || return 0
    rm -rf $at
    "$PYTHON" -m venv $at
    $at/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r $locks/runtime.txt -r $locks/package.txt
    echo "$key" >$at/done
}

less_icu() { # of ICU's data, 32 MB, Qt uses how texts are sorted, cases and time zones; names in all languages it has itself
    library=$(echo build/frozen/shoal/_internal/PySide6/Qt/lib/libicudata.so.*)
    number=${library##*.so.}
    work=build/pyinstaller/icu
    mkdir -p "$work/less"
    objcopy -O binary -j .rodata "$library" "$work/icudt${number}l.dat"
    icupkg -l "$work/icudt${number}l.dat" | grep -E '^(brkitr|curr|lang|rbnf|region|translit|unit)/|\.cnv$|^(cnvalias|unames)\.icu$' >"$work/unused.txt"
    icupkg -r "$work/unused.txt" "$work/icudt${number}l.dat" "$work/less/icudt${number}l.dat"
    (cd "$work/less" && mv "icudt${number}l.dat" data && objcopy -I binary -O elf64-x86-64 -B i386:x86-64 \
        --rename-section .data=.rodata,alloc,load,readonly,data,contents --set-section-alignment .data=16 \
        --redefine-sym "_binary_data_start=icudt${number}_dat" --strip-symbol _binary_data_end --strip-symbol _binary_data_size \
        data data.o)
    ld -shared --strip-all -z noexecstack --hash-style=gnu -soname "libicudata.so.$number" -o "$library" "$work/less/data.o"
}

tools
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" PYTHONHASHSEED=0 LC_ALL=C.UTF-8
umask 022
rm -rf build/frozen
mkdir -p build/package
$at/bin/python -m PyInstaller --noconfirm --clean --log-level ERROR --distpath build/frozen --workpath build/pyinstaller \
    packaging/frozen/shoal.spec
less_icu

# For whoever packs the tree: what it needs of a Debian, and the licences of others.
$at/bin/python -c '
import json
from launcher.screen import PACKAGES
needs = ["libc6 (>= 2.36)", "libgcc-s1", "libstdc++6", "zlib1g", *PACKAGES]
print(json.dumps({"depends": needs}))' >build/frozen/shoal/tree.json
$at/bin/python packaging/licences.py build/frozen/shoal >build/package/third-party-licences.txt
cp build/package/third-party-licences.txt build/frozen/shoal
