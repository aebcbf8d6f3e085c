#!/bin/bash
# `make prove-package`: what `make package` made, as its users have it. As root, on Debian 12.
#
# On a bare Debian 12: apt installs the .deb, the menu's command opens the window, a title is installed, updated and
# played, and apt removes the package and nothing else. A publisher's own launcher goes from its .deb to Play, beside
# Shoal, and refuses another feed at its address. Pictures of the window go to build/package/*.png. Then pip installs
# the wheel without a network.
set -euo pipefail
cd "$(dirname "$0")/.."
repo=$PWD
work=$(mktemp -d)
bare=$work/bare
home=/home/player
python=$repo/.venv/package/bin/python

say() { printf 'prove-package: %s\n' "$*"; }
fail() { say "FAILED: $*" >&2; exit 1; }

finish() { # end what was started here, and what lives in the bare Debian
    [ -z "${screen:-}" ] || kill "$screen" 2>/dev/null || true
    [ -z "${world:-}" ] || kill -KILL "$world" 2>/dev/null || true  # the first process of a namespace ignores others
    rm -rf --one-file-system "$work"
}

bare_debian() { # packed once into .venv, as it takes a minute
    local mirror pack=.venv/bare-debian.tar
    command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
    if [ ! -s $pack ]; then
        say "bare Debian"
        mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" {print $1; exit}')
        debootstrap --variant=minbase --include=ca-certificates bookworm "$bare" "$mirror" >"$work/log" 2>&1 || { tail "$work/log"; exit 1; }
        tar -C "$bare" -cf $pack .
    else
        mkdir "$bare" && tar -C "$bare" -xf $pack
    fi
    cp /etc/resolv.conf "$bare/etc/resolv.conf"
    grep -v '^#' /etc/hosts >>"$bare/etc/hosts" || true
    rm -rf "$bare/etc/apt/sources.list" "$bare/etc/apt/sources.list.d"
    cp -r /etc/apt/sources.list.d "$bare/etc/apt/"
    cp /etc/ssl/certs/ca-certificates.crt "$bare/etc/ssl/certs/"
    cp /etc/apt/apt.conf.d/99* "$bare/etc/apt/apt.conf.d/" 2>/dev/null || true
}

inside() { # inside COMMAND…: as root in the bare Debian; nothing of it is left when this script ends
    nsenter --target "$world" --mount --pid chroot "$bare" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive ${DISPLAY:+"DISPLAY=$DISPLAY"} HOME=/root "$@"
}

player() { inside setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=$home "$@"; }

start_world() { # a process that holds the namespaces in which all of the bare Debian's run
    unshare --mount --pid --fork --kill-child --propagation private sh -c \
        "mount -t proc proc '$bare/proc' && mount -t sysfs sys '$bare/sys' && mount --rbind /dev '$bare/dev' &&
        mkdir '$bare/tmp/.X11-unix' && mount --bind /tmp/.X11-unix '$bare/tmp/.X11-unix' && exec sleep infinity" &
    local starter=$!
    until world=$(pgrep -P $starter) && inside test -e /proc/self/ns 2>/dev/null; do kill -0 $starter || fail "no namespaces"; sleep 0.1; done
}

start_screen() {
    exec 3< <(exec Xvfb -displayfd 1 -screen 0 1240x780x24 -nolisten tcp -ac 2>/dev/null)
    screen=$!
    read -r DISPLAY <&3
    DISPLAY=:$DISPLAY
}

picture() { # picture NAME: the screen as a PNG
    DISPLAY=$DISPLAY QT_QPA_PLATFORM=xcb $python -c "
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
app.primaryScreen().grabWindow(0).save(sys.argv[1])" "build/package/$1.png"
}

wait_for_window() { # wait_for_window NAME: until a window of this name is shown
    for _ in $(seq 300); do
        kill -0 "$window" 2>/dev/null || { cat "$work/window"; fail "the window ended"; }
        DISPLAY=$DISPLAY xdotool search --onlyvisible --name "$1" >/dev/null 2>&1 && return
        sleep 0.2
    done
    fail "no window $1"
}

publish() { # publish VERSION: a release of the title, which says its version when it is played
    mkdir -p "$bare/srv/tree"
    printf '#!/bin/sh\necho %s >>"$HOME/played"\nexec sleep 1\n' "$1" >"$bare/srv/tree/pond"
    head -c 3000000 /dev/urandom >"$bare/srv/tree/data-$1"
    chmod -R a+rX "$bare/srv/tree" && chmod 755 "$bare/srv/tree/pond"
    inside shoal --home /srv/publisher --yes publish release /srv/feed pond /srv/tree --version "$1" --launch linux=pond
}

feed() {
    inside shoal --home /srv/publisher --yes publish init /srv/feed --origin "https://127.0.0.1:8643" --name demo --demo-keys
    publish 1.0
    serve /srv/feed
    ca=$(inside find /srv -name ca.pem | head -1)
    inside cp "$ca" $home/ca.pem && inside chmod 644 $home/ca.pem
}

serve() { # serve FEED: in place of the one before
    [ -z "${server:-}" ] || finish_up "$server" "$bare/srv/pid"
    # shellcheck disable=SC2016 # words for the shell inside
    inside sh -c 'echo $$ >/srv/pid && exec "$@"' sh shoal --home /srv/publisher serve "$1" --port 8643 --demo-cert >"$work/serve" 2>&1 &
    server=$!
    until grep -q https "$work/serve"; do kill -0 $server || fail "no server: $(cat "$work/serve")"; sleep 0.2; done
}

shoal() { player shoal --ca $home/ca.pem --yes "$@"; }

journey() {
    local deb menu
    deb=$(basename dist/shoal_*.deb)
    cp "dist/$deb" "$bare/tmp/" && chmod 644 "$bare/tmp/$deb"
    inside apt-get update -qq
    inside apt-get install -y -qq --no-install-recommends "/tmp/$deb" >"$work/log" 2>&1 || { tail "$work/log"; fail "apt install"; }
    inside useradd --create-home --uid 1000 player
    libraries_are_there
    say "installed: $(inside shoal --version)"
    feed
    shoal feed add https://127.0.0.1:8643
    menu=$(sed -n 's/^Exec=\(.*\) -- %u$/\1/p' "$bare/usr/share/applications/org.shoal.Shoal.desktop")
    say "the menu's command: $menu"
    # shellcheck disable=SC2086 # words of a command
    open_window $menu --ca $home/ca.pem shoal://demo/pond
    wait_for_window Shoal
    shoal install pond --to $home/games/pond
    publish 1.1
    shoal update pond
    wait_for_window Shoal && picture window
    shoal play pond
    for _ in $(seq 100); do [ -e "$bare$home/played" ] && break; sleep 0.1; done
    grep -qx 1.1 "$bare$home/played" || fail "the title was not played"
    [ ! -s "$work/window" ] || say "the window said: $(head -c 500 "$work/window")"
    finish_up $window "$bare$home/pid"
    own_launcher
    inside apt-get remove -y -qq shoal >/dev/null 2>&1
    [ ! -e "$bare/usr/lib/shoal" ] && [ ! -e "$bare/usr/bin/shoal" ] || fail "apt left programs: $(find "$bare/usr/lib/shoal" | head)"
    [ -s "$bare$home/games/pond/data-1.1" ] && [ -d "$bare$home/.local/share/shoal" ] || fail "apt removed a game or the home"
    say "removed: games and home are there"
}

open_window() { # open_window COMMAND…: as the player
    # shellcheck disable=SC2016
    player sh -c 'echo $$ >~/pid && exec "$@"' sh "$@" >"$work/window" 2>&1 &
    window=$!
}

finish_up() { # finish_up JOB FILE: end what runs inside, by its number there
    inside sh -c "kill $(cat "$2")"
    wait "$1" || true
}

own_launcher() { # a publisher's, from its file to Play: the question, and two clicks
    local id=org.example.pond
    cp -a build/frozen/shoal "$bare/srv/frozen"
    cp build/package/icons/256.png "$bare/srv/icon.png"
    inside shoal --home /srv/publisher publish launcher /srv/feed --title pond --name Pond --icon /srv/icon.png \
        --accent "#2fc796" --id $id --tree /srv/frozen --out /srv/pond
    chmod 644 "$bare/srv/$id.deb"
    inside apt-get install -y -qq --no-install-recommends /srv/$id.deb >"$work/log" 2>&1 || { tail "$work/log"; fail "apt install"; }
    rm "$bare$home/played"
    open_window $id --ca $home/ca.pem
    wait_for_window Pond
    press 330 692 first-start # Not now
    press 388 349 pond        # Install
    press 868 486 install     # Install, in the dialog
    until [ -e "$bare$home/.local/share/$id/titles/pond/.shoal/installed" ]; do kill -0 $window || fail "the window ended"; sleep 0.2; done
    press 388 349 play        # Play
    for _ in $(seq 100); do [ -e "$bare$home/played" ] && break; sleep 0.1; done
    [ -e "$bare$home/played" ] || fail "the publisher's launcher did not play"
    finish_up $window "$bare$home/pid"
    inside shoal --home /srv/other --yes publish init /srv/foreign --origin "https://127.0.0.1:8643" --name demo --demo-keys
    serve /srv/foreign
    open_window $id --ca $home/ca.pem --home $home/fresh
    wait_for_window Pond
    press 330 692 other-feed
    sleep 5 && picture refused
    [ -z "$(ls "$bare$home/fresh/feeds")" ] || fail "another feed at the address was not refused"
    inside apt-get remove -y -qq $id >/dev/null 2>&1
    [ ! -e "$bare/usr/lib/$id" ] || fail "apt left the publisher's launcher"
    [ -s "$bare$home/.local/share/$id/titles/pond/data-1.1" ] || fail "apt removed a title"
    say "a publisher's launcher: installed, played, another feed refused, removed"
}

press() { # press X Y PICTURE: a click, once the window has been still for a while and its picture was taken
    sleep 5 && picture "$3"
    DISPLAY=$DISPLAY xdotool mousemove "$1" "$2" click 1
}

libraries_are_there() { # each library of the tree finds what it needs
    inside env LD_LIBRARY_PATH=/usr/lib/shoal/_internal find /usr/lib/shoal -name '*.so*' -exec ldd {} + >"$work/ldd" 2>&1 || true
    ! grep 'not found' "$work/ldd" | sort -u || fail "libraries are missing"
}

pip_offline() { # pip_offline FILE: into a new venv, from the wheels of the lock alone
    rm -rf "$work/venv"
    /usr/bin/python3 -m venv "$work/venv"
    unshare --net "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index \
        --find-links "$work/wheels" "$1"
    (cd / && "$work/venv/bin/shoal" --home "$work/home" --version >/dev/null && "$work/venv/bin/python" -c '
from launcher import theme
assert (theme.ASSETS / "icons" / "shoal.svg").is_file() and "site-packages" in str(theme.ASSETS)')
    say "pip installs $(basename "$1") without a network"
}

[ "$(id -u)" = 0 ] || fail "only root can make a bare Debian"
ls dist/shoal_*.deb >/dev/null || fail "\`make package\` comes first"
for program in Xvfb:xvfb xdotool:xdotool; do
    command -v "${program%:*}" >/dev/null || apt-get install -y -qq --no-install-recommends "${program#*:}" >/dev/null
done
trap finish EXIT
bare_debian
start_screen
start_world
journey
mkdir "$work/wheels"
/usr/bin/python3 -m venv "$work/fetch"
"$work/fetch/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --dest "$work/wheels" \
    -r packaging/requirements/runtime.txt
pip_offline dist/shoal-*.whl
(cd dist && sha256sum --quiet --check SHA256SUMS)
say "done"
