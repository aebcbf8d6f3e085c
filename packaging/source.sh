#!/bin/sh
# source.sh OUT: the project as wheel and sdist are made of it, into the new folder OUT: what git knows, and what the
# window shows beside the modules that read it.
set -eu
out=$(realpath -m "$1")
cd "$(dirname "$0")/.."
umask 022
mkdir "$out"
git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$out"
mkdir "$out/launcher/assets"
for name in fonts i18n icons theme; do cp -r "$out/assets/$name" "$out/launcher/assets"; done
chmod -R u=rwX,go=rX "$out"
