"""A Dask cluster on this machine: a scheduler, and workers that are processes of their own.

``python -m tests.support.dask_cluster``: prints the scheduler's port, and ends with its standard input.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WORKERS = 2


@contextmanager
def running(folder: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The cluster's address as `--executor` takes it, and the process of its scheduler. Its files are in ``folder``."""
    folder.mkdir()
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [sys.executable, "-m", "tests.support.dask_cluster", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield f"dask://127.0.0.1:{int(process.stdout.readline())}", process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def main() -> None:
    """Run a cluster until standard input ends."""
    import distributed

    cluster_of: Any = distributed.LocalCluster  # it has no types
    with cluster_of(
        n_workers=_WORKERS, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
        memory_limit="1GiB", local_directory=sys.argv[1],
    ) as cluster:  # fmt: skip
        print(cluster.scheduler_address.rpartition(":")[2], flush=True)  # noqa: T201 (what our caller waits for)
        sys.stdin.read()


if __name__ == "__main__":
    main()
