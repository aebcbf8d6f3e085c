#!/bin/sh
# desktop.sh SHARE: what a Linux desktop is told of Shoal, into the folder SHARE, which is a package's usr/share. The
# pictures of the icon are those of packaging/icons.py in build/package/icons, where there are any.
set -eu
share=$(realpath -m "$1")
cd "$(dirname "$0")"
id=org.shoal.Shoal

put() { # put FILE TARGET: a file that is read
    install -D -m 644 "$1" "$share/$2"
}

put $id.desktop applications/$id.desktop
put $id.metainfo.xml metainfo/$id.metainfo.xml
put $id.mime.xml mime/packages/$id.xml
put ../../assets/icons/shoal.svg icons/hicolor/scalable/apps/$id.svg
for size in 48 128 256; do
    picture=../../build/package/icons/$size.png
    [ ! -e $picture ] || put $picture icons/hicolor/${size}x$size/apps/$id.png
done
