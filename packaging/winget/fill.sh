#!/bin/sh
# fill.sh OUT VERSION SHA256 URL: the manifests of winget for the installer at URL, which has this hash, into the folder OUT.
set -eu
mkdir -p "$1"
for file in "$(dirname "$0")"/*.yaml; do
    sed -e "s/@VERSION@/$2/" -e "s/@SHA256@/$(echo "$3" | tr a-f A-F)/" -e "s|@URL@|$4|" "$file" >"$1/$(basename "$file")"
done
