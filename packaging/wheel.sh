#!/bin/sh
# wheel.sh PYTHON OUT: wheel and sdist of the project into the folder OUT, by the setuptools and build of PYTHON. What is
# not known to git is left out, and the same files make the same bytes.
set -eu
python=$(realpath -s "$1") out=$(realpath "$2")
cd "$(dirname "$0")/.."
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"

at=$(mktemp -d)
trap 'rm -rf "$at"' EXIT
packaging/source.sh "$at/source"
(cd "$at/source" && "$python" -m build --no-isolation --outdir "$at/made" . >"$at/log" 2>&1) || { cat "$at/log" >&2; exit 1; }
cp "$at"/made/*.whl "$out"

name=$(basename "$at"/made/*.tar.gz .tar.gz)
tar -C "$at" -xf "$at/made/$name.tar.gz"
tar -C "$at" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" |
    gzip -9n >"$out/$name.tar.gz"
