#!/bin/sh
# build.sh TREE OUT: the .deb with the frozen tree TREE, into the folder OUT. The same input makes the same bytes.
set -eu
tree=$(realpath "$1") out=$(realpath "$2")
cd "$(dirname "$0")/../.."

python=.venv/package/bin/python
version=$($python -c 'import patcher; print(patcher.__version__)')
at=$(pwd)/build/package/deb
share=$at/usr/share
doc=$share/doc/shoal
umask 022

put() { # put FILE TARGET: a file that is read
    install -D -m 644 "$1" "$at/$2"
}

packed() { # packed TARGET: the input, packed
    mkdir -p "$(dirname "$at/$1")"
    gzip -9n >"$at/$1"
}

programs() {
    mkdir -p "$at/usr/lib" "$at/usr/bin"
    cp -a "$tree" "$at/usr/lib/shoal"
    find "$at/usr/lib/shoal" -type f -exec chmod 644 {} +
    chmod 755 "$at/usr/lib/shoal/shoal" "$at/usr/lib/shoal/shoal-launcher"
    echo dpkg >"$at/usr/lib/shoal/packaged"  # whoever finds this updates Shoal by dpkg alone
    for name in shoal shoal-launcher; do ln -s "../lib/shoal/$name" "$at/usr/bin/$name"; done
}

manual() { # manual PROGRAM MODULE FUNCTION WHAT
    PYTHONPATH=. .venv/package/bin/argparse-manpage --module "$2" --function "$3" --prog "$1" --project-name shoal \
        --version "$version" --description "$4" --manual-title Shoal --author "the Shoal contributors" \
        --output "build/package/$1.1"
    # A help text may begin a line with a full stop, which is none of troff's requests.
    sed 's/^\.\([a-z]*)\)/\\\&.\1/' "build/package/$1.1" | packed "usr/share/man/man1/$1.1.gz"
}

shell() {
    manual shoal patcher.cli.__main__ parser "install and update games, publish them, serve them"
    manual shoal-launcher launcher.__main__ _parser "the window of Shoal"
    mkdir -p "$share/bash-completion/completions" "$share/zsh/vendor-completions"
    PYTHONPATH=. $python -m shtab --shell=bash patcher.cli.__main__.parser >"$share/bash-completion/completions/shoal"
    PYTHONPATH=. $python -m shtab --shell=zsh patcher.cli.__main__.parser >"$share/zsh/vendor-completions/_shoal"
}

units() { # none of them is turned on
    put packaging/linux/shoal-engine.service usr/lib/systemd/user/shoal-engine.service
    put packaging/systemd/shoal.sysusers.conf usr/lib/sysusers.d/shoal.conf
    for unit in packaging/systemd/shoal-*; do
        name=$(basename "$unit")
        put "$unit" "usr/lib/systemd/system/$name"
        sed -i 's|/usr/local/bin/|/usr/bin/|' "$at/usr/lib/systemd/system/$name"
    done
}

documents() {
    put docs/operating.md usr/share/doc/shoal/operating.md
    sed -e '/^@LICENCE@$/{r LICENSE' -e 'd}' packaging/debian/copyright >"$doc/copyright"
    packed usr/share/doc/shoal/third-party-licences.txt.gz <"$at/usr/lib/shoal/third-party-licences.txt"
    rm "$at/usr/lib/shoal/third-party-licences.txt"
    printf 'shoal (%s) unstable; urgency=medium\n\n  * Version %s.\n\n -- Shoal contributors <shoal@example.org>  %s\n' \
        "$version" "$version" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | packed usr/share/doc/shoal/changelog.gz
    put packaging/debian/lintian-overrides usr/share/lintian/overrides/shoal
}

control() {
    mkdir "$at/DEBIAN"
    needs=$($python -c 'import json, sys; print(*json.load(sys.stdin)["depends"], sep=", ")' <"$tree/tree.json")
    sed -e "s/@VERSION@/$version/" -e "s/@NEEDS@/$needs/" -e "s/@SIZE_KIB@/$(du -sk --apparent-size "$at" | cut -f1)/" \
        packaging/debian/control >"$at/DEBIAN/control"
    (cd "$at" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$at/DEBIAN/md5sums"
}

rm -rf "$at"
mkdir -p "$at" "$doc"
programs
$python packaging/icons.py build/package/icons
packaging/linux/desktop.sh "$share"
shell
units
documents
control
dpkg-deb --root-owner-group -Zxz --threads-max=1 --build "$at" "$out/shoal_${version}_amd64.deb" >/dev/null
