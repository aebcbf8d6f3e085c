"""How things are on this computer: power, who pays for the connection, tunnels, games, the time of the day.

Each answer comes from the system and may be wrong, so clients show what follows from it. What a system does not say
does not hold.
"""

import contextlib
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import psutil

from patcher import private, windows
from patcher.config import Settings
from patcher.transfer.swarm.policy import Surroundings

_METERED = {"u 1", "u 3"}
"""NetworkManager's NMMetered: yes, and guessed so."""
_MANAGER = ("org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager")
_BUS = Path("/run/dbus/system_bus_socket")
_ANSWER_S = 1.0
_FAR = ("192.0.2.1", 9)
"""An address of nobody (RFC 5737). A UDP socket that is connected to it sends nothing and shows the way out."""
_DIALLED = ("ppp", "wwan", "rmnet")
"""Point-to-point interfaces that are the line itself, and no tunnel."""
_TUNNELS = ("vpn", "wireguard", "wintun", "tap-", "tailscale", "tunnel")
"""Windows has only the names of its adapters."""


def look(settings: Settings, *, is_playing: bool) -> Surroundings:
    """Asks the system only for what matters: who shares nothing needs no reasons."""
    now = datetime.now().astimezone()
    minute = 60 * now.hour + now.minute
    if settings.sharing == "off":
        return Surroundings(is_playing, minute=minute)
    return Surroundings(is_playing, _on_battery(), _is_metered(), _by_vpn(), minute)


def _on_battery() -> bool:
    battery = psutil.sensors_battery()
    return battery is not None and battery.power_plugged is False


def _is_metered() -> bool:
    if sys.platform == "win32":
        return windows.is_metered()
    if not _BUS.exists():
        return False
    command = ["busctl", "--system", "--auto-start=no", "get-property", *_MANAGER, "Metered"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_S, check=True, env=private.environment()
        ).stdout
        return answer.strip() in _METERED
    return False


def _by_vpn() -> bool:
    """Whether the way to the Internet begins in a tunnel."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_FAR)
        address = probe.getsockname()[0]
        named = psutil.net_if_addrs().items()
        name = next((name for name, addresses in named if any(each.address == address for each in addresses)), "")
        if sys.platform == "win32":
            return any(word in name.lower() for word in _TUNNELS)
        flags = psutil.net_if_stats()[name].flags.split(",") if name else []
        return "pointopoint" in flags and not name.startswith(_DIALLED)
    return False
