#!/bin/sh
# Makes .venv ready to run and test Shoal; quick when it is. Called by `make setup` in the project's folder.
# With the argument `disks`, `prove` or `screen` also what `make disks`, `make prove` or `make prove-package-windows` needs.
# Installs the Debian packages that are missing when run as root, else prints the line that does it. Servers that the
# tests run are only unpacked, into .venv/debian: installed, they would start with the machine.
set -eu

have_library() { # whether the loader knows it
    PATH=$PATH:/usr/sbin:/sbin ldconfig -p | grep -q "[[:space:]]$1 "
}

need_packages() { # the Debian packages this machine lacks, on one line
    command -v ssh >/dev/null 2>&1 || printf ' openssh-client'
    command -v ip >/dev/null 2>&1 || printf ' iproute2'
    command -v rsync >/dev/null 2>&1 || printf ' rsync'
    command -v curl >/dev/null 2>&1 || printf ' curl'
    command -v systemd-analyze >/dev/null 2>&1 || printf ' systemd'
    command -v nft >/dev/null 2>&1 || [ -x /usr/sbin/nft ] || printf ' nftables'
    while read -r library package; do # what Qt draws with: first a screen or none, from libxcb on a real one
        have_library "$library" || printf ' %s' "$package"
    done <<-END
	libGL.so.1 libgl1
	libEGL.so.1 libegl1
	libglib-2.0.so.0 libglib2.0-0
	libdbus-1.so.3 libdbus-1-3
	libfontconfig.so.1 libfontconfig1
	libgssapi_krb5.so.2 libgssapi-krb5-2
	libxkbcommon.so.0 libxkbcommon0
	libxcb-cursor.so.0 libxcb-cursor0
	libxcb-icccm.so.4 libxcb-icccm4
	libxcb-keysyms.so.1 libxcb-keysyms1
	libxcb-shape.so.0 libxcb-shape0
	libxkbcommon-x11.so.0 libxkbcommon-x11-0
	libwayland-cursor.so.0 libwayland-cursor0
	END
    /usr/bin/env "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1 || printf ' python3-venv'
    programs_for_purpose | while read -r program package; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null 2>&1 || printf ' %s' "$package"
    done
}

programs_for_purpose() { # a program and its package on each line
    case $purpose in
        disks) # what makes and mounts disks
            cat <<-END
			mkfs.ext4 e2fsprogs
			mkfs.xfs xfsprogs
			mkfs.btrfs btrfs-progs
			mkfs.vfat dosfstools
			mkfs.exfat exfatprogs
			mount.exfat-fuse exfat-fuse
			lowntfs-3g ntfs-3g
			insmod kmod
		END
            ;;
        screen) printf '%s\n' "Xvfb xvfb" "xdotool xdotool" "tesseract tesseract-ocr" ;; # a screen that is read and clicked
    esac
}

install_packages() {
    packages=$(need_packages)
    [ -n "$packages" ] || return 0
    line="apt-get install -y --no-install-recommends$packages"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing system packages. Run this, then try again:" >&2
        echo "    sudo $line" >&2
        exit 1
    fi
    echo "setup: $line"
    export DEBIAN_FRONTEND=noninteractive
    $line >/dev/null 2>&1 || { said=$(apt-get update 2>&1 && $line 2>&1) || { echo "$said" >&2; exit 1; }; }
}

servers="nginx usr/sbin/nginx nginx
openssh-server usr/sbin/sshd sshd
redis-server,redis-tools usr/bin/redis-server redis-server
miniupnpd-nftables usr/sbin/miniupnpd miniupnpd
softhsm2,libsofthsm2 usr/bin/softhsm2-util softhsm2-util"
kernel="user-mode-linux usr/bin/linux.uml linux.uml"
clients="qbittorrent-nox usr/bin/qbittorrent-nox qbittorrent-nox"

unpack() { # lines of packages, a program in them, its name: into .venv/debian, with the libraries this machine lacks
    root=$PWD/.venv/debian
    wanted=$(echo "$1" | while read -r packages _ name; do [ -x "$root/bin/$name" ] || echo "$packages"; done | tr ',\n' '  ')
    [ -n "$wanted" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "Missing: these programs of Debian, each as .venv/debian/bin/NAME: $wanted" >&2
        exit 1
    fi
    echo "setup: unpack $wanted"
    rm -rf "$root/new" && mkdir -p "$root/new" "$root/bin"
    fetch >/dev/null 2>&1 || { said=$(apt-get update 2>&1 && fetch 2>&1) || { echo "$said" >&2; exit 1; }; }
    for file in "$root"/new/*.deb; do dpkg-deb -x "$file" "$root"; done
    rm -rf "$root/new"
    libraries=$(find "$root/usr/lib" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
    echo "$1" | while read -r _ program name; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH="%s" exec "%s" "$@"\n' "$libraries" "$root/$program" >"$root/bin/$name"
        chmod 755 "$root/bin/$name"
    done
}

fetch() { # what is $wanted, and what of its dependencies is not installed
    lacks=$(apt-get install -s --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\) (.*/\1/p')
    (cd "$root/new" && apt-get download $(printf '%s\n' $wanted $lacks | sort -u))
}

key() { # changes when an install would do something
    { pwd; cat packaging/requirements/runtime.txt packaging/requirements/dev.txt packaging/setup.sh pyproject.toml; } |
        "$PYTHON" -c 'import hashlib, sys; print(sys.version, hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'
}

purpose=${1:-tests}
PYTHON=${PYTHON:-python3}
command -v "$PYTHON" >/dev/null 2>&1 || { echo "python3 (3.11 or newer) is needed" >&2; exit 1; }
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "python 3.11 or newer is needed" >&2; exit 1; }
install_packages
unpack "$servers"
[ "$(id -u)" != 0 ] || getent passwd sshd >/dev/null ||  # sshd drops the rights of root to this account
    useradd --system --no-create-home --home-dir /run/sshd --shell /usr/sbin/nologin sshd
[ "$purpose" != prove ] || unpack "$clients"
[ "$purpose" != disks ] || unpack "$kernel" # knows FAT, if this machine's kernel does not
[ "$(cat .venv/shoal-setup 2>/dev/null)" = "$(key)" ] && exit 0

started=$(date +%s)
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
quiet="--quiet --disable-pip-version-check --no-input"
.venv/bin/python -m pip install $quiet --require-hashes -r packaging/requirements/dev.txt
.venv/bin/python -m pip install $quiet --no-deps --no-index --no-build-isolation --editable .
key >.venv/shoal-setup
echo "setup: $(($(date +%s) - started)) s"
