"""Which players a channel's rollout has reached: each computes it from signed metadata, on any static host."""

import hashlib
import hmac

from patcher.content.records import Channel


def in_rollout(channel: Channel, install_id: bytes) -> bool:
    """Whether the channel's rollout has reached this install. The id never leaves the machine."""
    digest = hmac.new(install_id, channel.rollout.salt.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest, "big") % 10_000 < channel.rollout.percent * 100
