"""Worker processes are bounded, and quick because they keep what they have."""

import resource

from patcher import processes

_MIB = 1 << 20


def _fresh_pages(size_bytes: int) -> int:
    """How many pages the system had to find for one allocation."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    assert len(b"x" * size_bytes) == size_bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_bounded_worker_keeps_its_memory_for_the_next_task() -> None:
    with processes.pool(1, 256 * _MIB) as pool:
        first, *later = [pool.submit(_fresh_pages, 64 * _MIB).result() for _ in range(3)]
    assert first > 64 * _MIB // resource.getpagesize() // 2
    assert max(later) < first // 10


def test_a_bounded_worker_gets_no_more_than_it_may() -> None:
    with processes.pool(1, 256 * _MIB) as pool:
        error = pool.submit(_fresh_pages, 512 * _MIB).exception()
    assert isinstance(error, MemoryError)
