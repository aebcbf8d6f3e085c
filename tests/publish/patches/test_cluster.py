"""Packs by a Dask cluster: the bytes of a pack that is made here, whoever is lost meanwhile, or a clear error.

Real schedulers and workers, in processes of their own.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from patcher.errors import OriginError, UsageError
from patcher.publish.patches import cluster, encode, pool
from patcher.publish.patches.pool import WindowTask
from tests.support import dask_cluster
from tests.support.libraries import library
from tests.support.publisher import Publisher, lay

_CLUSTER = pytest.mark.posix("a Dask cluster on this machine, whose workers do not start under Wine")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dask_cluster.running(tmp_path_factory.mktemp("cluster") / "files") as (found, _):
        yield found


def tasks(folder: Path, count: int) -> list[WindowTask]:
    """Windows of half a megabyte, from old bytes that are much like the new ones."""
    data = random.Random(7).randbytes(600_000)
    lay(folder, {"old": data, "new": data[300_000:] + data[:300_000]})
    old, new = (str(folder / name) for name in ("old", "new"))
    return [
        WindowTask(((new, number, 500_000),), ((old, 0, 600_000),), folder / "made" / f"{number}")
        for number in range(count)
    ]


def made(found: list[WindowTask]) -> list[bytes]:
    return [task.result.read_bytes() for task in found]


@_CLUSTER
def test_a_cluster_makes_the_same_bytes(tmp_path: Path, address: str) -> None:
    before, after = library(70), library(70, 3)  # old code is rebased here, and travels both ways
    text = b"".join(b"%d bottles\n" % number for number in range(20_000))
    old = lay(tmp_path / "old", {"bin/game": before, "text": text, "gone": b"gone" * 999})
    new = lay(tmp_path / "new", {"bin/game": after, "text": text + text[::2], "small": b"some"})
    found = []
    with cluster.connected(address) as workers:
        for name, by in (("here", None), ("there", workers)):
            publisher = Publisher(tmp_path / name)
            for version, tree in (("1", old), ("2", new)):
                publisher.release(tree, version, cluster=by)
            assert publisher.problems() == ()
            found.append(publisher.content())
    assert found[0] == found[1]


@_CLUSTER
def test_the_windows_of_a_worker_that_is_killed_are_made_by_another(tmp_path: Path, address: str) -> None:
    here, there = (tasks(tmp_path / name, 8) for name in ("here", "there"))
    pool.run(here, 1, lambda _: None)
    with cluster.connected(address) as workers:
        pids = [*workers._client.run(os.getpid).values()]

        def kill_one(_: int) -> None:
            if pids:
                psutil.Process(pids.pop()).kill()
                pids.clear()

        pool.run_remote(workers, there, kill_one)
    assert made(there) == made(here)


@_CLUSTER
def test_a_cluster_that_is_lost_is_an_error_and_what_it_made_is_kept(tmp_path: Path) -> None:
    found = tasks(tmp_path / "here", 8)
    with dask_cluster.running(tmp_path / "cluster") as (address, process), cluster.connected(address) as workers:
        with pytest.raises(OriginError) as lost:
            pool.run_remote(workers, found, lambda _: process.kill())
    assert lost.value.code == "origin.cluster"
    kept = [task for task in found if task.result.exists()]
    assert kept
    counted: list[int] = []
    pool.run(found, 1, counted.append)
    assert len(counted) == len(found)


@_CLUSTER
def test_what_is_on_the_way_is_bounded(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_AHEAD_BYTES", 1)  # then it is one window
    found, read = tasks(tmp_path / "here", 3), list[int]()
    sources = WindowTask.sources

    def counted(task: WindowTask) -> pool.WindowSources:
        read.append(sum(each.result.exists() for each in found))
        return sources(task)

    monkeypatch.setattr(WindowTask, "sources", counted)
    with cluster.connected(address) as workers:
        pool.run_remote(workers, found, lambda _: None)
    assert read == [0, 1, 2]


@_CLUSTER
def test_other_versions_are_refused_before_anything_is_made(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "versions", lambda: {"hdiffpatch": "0.1"})  # this machine's, not that of the workers
    with pytest.raises(UsageError, match=r"The worker tcp://127\.0\.0\.1:\d+ has hdiffpatch .*, and this machine 0\.1"):
        with cluster.connected(address):
            pass


@_CLUSTER
def test_a_worker_of_other_versions_that_joins_late_makes_nothing(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster.connected(address) as workers:
        monkeypatch.setattr(encode, "versions", lambda: {"hdiffpatch": "0.1"})
        with pytest.raises(UsageError, match="has hdiffpatch"):
            pool.run_remote(workers, tasks(tmp_path / "here", 1), lambda _: None)


@pytest.mark.parametrize(
    "url", ["dask://", "dask://host", "dask://host:x", "http://host:80", "host:8786", "dask://h:1/a"]
)
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(UsageError, match="no address of a Dask scheduler") as refused:
        with cluster.connected(url):
            pass
    assert refused.value.code == "usage.executor"


def test_an_address_where_nobody_answers_is_an_error() -> None:
    with pytest.raises(OriginError, match="There is no Dask scheduler") as refused:
        with cluster.connected("dask://127.0.0.1:1"):
            pass
    assert refused.value.code == "origin.cluster"
