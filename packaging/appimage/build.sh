#!/bin/sh
# build.sh TREE OUT: the frozen tree TREE as an AppImage, into the folder OUT. What it is made of is build/package/Shoal.AppDir,
# from which appimagetool makes the one file, with the program RUNTIME at its front, or the one that it downloads. Debian
# has no appimagetool: without one, the folder is left.
set -eu
tree=$(realpath "$1") out=$(realpath "$2")
cd "$(dirname "$0")/../.."
at=$(pwd)/build/package/Shoal.AppDir
id=org.shoal.Shoal
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}"
umask 022

rm -rf "$at"
mkdir -p "$at/usr/lib" "$at/usr/bin"
cp -a "$tree" "$at/usr/lib/shoal"
echo AppImage >"$at/usr/lib/shoal/packaged"
for name in shoal shoal-launcher; do ln -s "../lib/shoal/$name" "$at/usr/bin/$name"; done
packaging/linux/desktop.sh "$at/usr/share"
# What stands beside AppRun is what appimagetool, file managers and software centres look for.
install -m 755 packaging/appimage/AppRun "$at/AppRun"
ln -s usr/share/applications/$id.desktop usr/share/icons/hicolor/scalable/apps/$id.svg "$at"
ln -s $id.svg "$at/.DirIcon"
ln -s $id.metainfo.xml "$at/usr/share/metainfo/$id.appdata.xml" # the name that appimagetool knows

find "$at" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
if command -v appimagetool >/dev/null; then
    ARCH=x86_64 appimagetool ${RUNTIME:+--runtime-file "$RUNTIME"} "$at" "$out/Shoal-x86_64.AppImage"
else
    echo "appimage: appimagetool is not here; it makes the file of build/package/Shoal.AppDir"
fi
