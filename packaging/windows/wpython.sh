#!/bin/bash
# Windows' Python under Wine: wpython ARGS…; any other Windows program: wpython --wine PROGRAM ARGS…; to end all Windows
# programs of a prefix: wpython --kill. WPYTHON_PREFIX: another prefix, which is a disk C: and a registry of its own.
# Linux's paths are at Z:\.
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
export WINEPREFIX=${WPYTHON_PREFIX:-$here/prefix} WINEARCH=win64 WINEDEBUG=${WINEDEBUG:--all}
export WINEDLLOVERRIDES="mscoree,mshtml=;ucrtbase,vcruntime140,vcruntime140_1,msvcp140,msvcp140_1,msvcp140_2,concrt140=n,b"
export WINESERVER=/usr/lib/wine/wineserver64 FONTCONFIG_PATH=$here/debian/etc/fonts
export LC_ALL=C.UTF-8 # else Wine takes no name that is not ASCII
unset XDG_RUNTIME_DIR WAYLAND_DISPLAY TMPDIR # with TMPDIR this Wine ends at once: free(): invalid pointer

in_wine() { # a mount namespace of its own puts the next Debian's /usr over ours
    unshare -m /bin/sh -c 'mount --bind "$0/debian/usr" /usr && exec "$@"' "$here" "$@"
}

prefix() { # a new one
    mkdir -p "$WINEPREFIX"
    for command in "wineboot -i" 'reg add HKCU\Software\Wine\Drivers /v Graphics /d x11 /f' \
        'reg add HKCU\Software\Wine\WineDbg /v ShowCrashDialog /t REG_DWORD /d 0 /f'; do
        in_wine /usr/lib/wine/wine64 $command >/dev/null 2>&1
    done
    in_wine "$WINESERVER" -k # which writes the registry
}

copy() { # of the first one, whose Windows it shares: 0.7 GB, and ten seconds
    rm -rf "$WINEPREFIX"
    mkdir -p "$WINEPREFIX/drive_c"
    tar -C "$here/prefix" --exclude=./drive_c/windows -cf - . | tar -C "$WINEPREFIX" -xf -
    cp -al "$here/prefix/drive_c/windows" "$WINEPREFIX/drive_c"
}

if [ ! -e "$WINEPREFIX/.ready" ]; then
    if [ -e "$here/prefix/.ready" ]; then copy; else prefix; fi
    touch "$WINEPREFIX/.ready"
fi
case ${1:-} in
    --kill) in_wine "$WINESERVER" -k; exit ;;
    --wine) shift ;;
    *) set -- "$here/python/python.exe" "$@" ;;
esac
exec unshare -m /bin/sh -c 'mount --bind "$0/debian/usr" /usr && exec /usr/lib/wine/wine64 "$@"' "$here" "$@"
