from dataclasses import replace

from patcher.content.records import Channel, Rollout
from patcher.feed.rollout import in_rollout

CHANNEL = Channel(7, Rollout(25, "salt"))


def test_a_rollout_grows_and_never_shrinks() -> None:
    players = [n.to_bytes(16, "big") for n in range(2000)]
    before: set[bytes] = set()
    for percent in (0, 1, 10, 50, 100):
        now = {player for player in players if in_rollout(replace(CHANNEL, rollout=Rollout(percent, "salt")), player)}
        assert before <= now and abs(len(now) - 20 * percent) < 100
        before = now
    assert len(before) == 2000


def test_another_salt_draws_other_players() -> None:
    half = Channel(1, Rollout(50, "one"))
    players = [n.to_bytes(16, "big") for n in range(200)]
    draws = [[in_rollout(replace(half, rollout=Rollout(50, salt)), p) for p in players] for salt in ("one", "two")]
    assert draws[0] != draws[1]
