"""nginx with the configuration that our documents tell operators to use, until its input ends.

python -m bench.support.nginx FEED CERTIFICATE KEY HOST PORT
"""

import sys
import tempfile
from pathlib import Path

from tests.support.nginx import nginx


def main(feed: str, cert: str, key: str, host: str, port: str) -> None:
    """Serve, and say "ready"."""
    with tempfile.TemporaryDirectory() as work:
        with nginx(Path(feed), Path(cert), Path(key), Path(work), host, int(port)):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
