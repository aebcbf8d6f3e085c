#!/bin/sh
# `make package`: build/frozen/shoal (the frozen tree) and in dist/ the .deb, wheel and sdist, the licences of what is in
# them that is not ours, and checksums; as root, where Wine can be had, also the installer for Windows. Two runs of one
# commit make the same bytes, but for that installer's signature. Needs Debian 12.
set -eu
cd "$(dirname "$0")/.."
python=.venv/package/bin/python
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" PYTHONHASHSEED=0 LC_ALL=C.UTF-8 TZ=UTC

say() { printf 'package: %s\n' "$*"; }

missing=
[ -e /usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0 ] || missing="$missing libpython3.11"
command -v strip >/dev/null 2>&1 || missing="$missing binutils"
command -v icupkg >/dev/null 2>&1 || missing="$missing icu-devtools"
if [ -n "$missing" ]; then
    line="apt-get install -y --no-install-recommends$missing"
    [ "$(id -u)" = 0 ] || { echo "Missing system packages. Run this, then try again: sudo $line" >&2; exit 1; }
    say "$line"
    $line >/dev/null
fi

rm -rf dist build/package
mkdir -p dist build/package
say "frozen tree" && packaging/frozen/build.sh
cp build/frozen/shoal/third-party-licences.txt dist
say ".deb" && packaging/debian/build.sh build/frozen/shoal dist
say "wheel and sdist" && packaging/wheel.sh $python dist
say "installer for Windows" && { packaging/windows/package.sh dist/third-party-licences.txt dist || [ $? = 75 ]; }
(cd dist && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs -d '\n' sha256sum -- >SHA256SUMS)
du -sm build/frozen/shoal | awk '{print "package: the frozen tree has " $1 " MiB"}'
(cd dist && du -b -- * | awk '{printf "package: %.1f MB dist/%s\n", $1 / 1e6, $2}')
