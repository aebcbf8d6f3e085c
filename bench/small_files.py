"""50,000 files of 1 KiB from the origin alone, over a line of 100 Mbit/s with 50 ms a round trip, beside one file.

    python -m bench.small_files [--files N]     as root

Files of random bytes and of text, and one file of as many random bytes; the time from the command to the result, commit
included. "Quiet" is the longest time in which progress did not move. The origin is nginx over HTTPS.
"""

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from bench.support.network import Star
from bench.support.players import Took
from bench.swarm import Street, answer, ask

_LINE_BPS = 12_500_000
_ROUND_TRIP_MS = 50.0
_FILE_BYTES = 1024
_IN_FOLDER = 500
_LIMIT = 1.3
_WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "it", "rains", "in", "spain"]


def _file(kind: str, dice: random.Random) -> bytes:
    return (
        dice.randbytes(_FILE_BYTES)
        if kind == "random"
        else " ".join(dice.choices(_WORDS, k=400)).encode()[:_FILE_BYTES]
    )


def _plant(folder: Path, kind: str, count: int) -> Path:
    dice = random.Random(kind)
    folder.mkdir()
    if kind == "one":
        (folder / "pak").write_bytes(dice.randbytes(count * _FILE_BYTES))
        return folder
    for number in range(count):
        below = folder / f"{number // _IN_FOLDER:03}"
        below.mkdir(exist_ok=True)
        (below / f"{number:05}").write_bytes(_file(kind, dice))
    return folder


def main() -> None:
    """Print a row for each tree, with players who may use peers and with one who may not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("kinds", nargs="*", default=["one", "random", "text"])
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        root, star = Path(name), Star(stack, _ROUND_TRIP_MS)
        street = Street(root, star, stack, _LINE_BPS)
        for kind in args.kinds:
            street.release(_plant(root / kind, kind, args.files), "1", kind)
        places = [star.place(f"10.77.1.{number + 1}", down_bps=_LINE_BPS) for number in range(2)]
        star.join()
        street.open()
        for number, peers in enumerate(("none", "all")):
            player, one_s = street.player(number, places[number], peers=peers), 0.0
            for kind in args.kinds:
                ask(player, "install", kind)
                took = Took(**json.loads(answer(player)))
                one_s = one_s or took.seconds
                sys.stdout.write(
                    f"peers {peers:4}  {kind:6} {took.seconds:6.1f} s ({took.seconds / one_s:.2f} of one file, "
                    f"≤ {_LIMIT})  fetch {took.fetch_s:6.1f} s  {took.cpu_s:5.1f} CPU s, waited {took.queued_s:.1f} s  "
                    f"{took.origin_bytes / 1e6:.1f} MB  quiet {took.longest_silence_s:.1f} s\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
