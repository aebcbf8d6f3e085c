"""With whom is shared and who is reached, as the command line says it."""

from typing import get_args, get_type_hints

import pytest

from patcher.cli.sharing import held_line, reach_line, sharing_lines
from patcher.protocol.events import Held, Reachability, Snapshot

_NO_REACH = Reachability()


def _now(held: Held, sharing: str = "off", reach: Reachability = _NO_REACH) -> Snapshot:
    return Snapshot("1", 1, "", 0, reach=reach, held=held, allowed_sharing=sharing)  # type: ignore[arg-type]  # a word of the Literal


@pytest.mark.parametrize("held", [each for each in Held if each])
def test_each_reason_has_its_words(held: Held) -> None:
    assert held_line(_now(held)).startswith("not sharing: ")
    assert held_line(_now(held, "lan")).startswith("sharing in the local network only: ")


@pytest.mark.parametrize("why", [each for each in get_args(get_type_hints(Reachability)["why"]) if each])
def test_each_judgement_has_its_words(why: str) -> None:
    reach = Reachability(why, 7000, "10.0.0.2", "not authorised")  # type: ignore[arg-type]  # a word of the Literal
    assert reach_line(reach).startswith(("reachable", "not reachable", "not known yet"))
    assert reach_line(reach).startswith("reachable") == reach.is_reachable


def test_who_shares_as_set_and_need_not_be_reached_is_told_nothing() -> None:
    assert sharing_lines(_now(Held.NONE, "everyone")) == []


def test_both_are_told_as_sentences() -> None:
    lines = sharing_lines(_now(Held.BATTERY, reach=Reachability("mapped", 7000)))
    assert lines == ["Not sharing: on battery.", "Reachable: the router forwards port 7000."]
