"""A publisher's own launcher, from a frozen tree that is a few files."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from patcher import brand
from patcher.errors import UsageError
from patcher.publish.launcher import branded
from patcher.publish.launcher.branded import LauncherOrder
from tests.publish.launcher.conftest import NOW, png
from tests.support import trees
from tests.support.publisher import ORIGIN, Publisher, files_below
from tests.support.trees import File

pytestmark = pytest.mark.usefixtures("few_rounds")


def test_the_feed_its_root_and_what_the_publisher_says_lie_beside_the_program(
    publisher: Publisher, order: LauncherOrder
) -> None:
    made = branded.make(publisher.folder, order, NOW).brand
    assert brand.read(order.out / "brand.json").fingerprint == publisher.made.fingerprint == made.fingerprint
    assert (made.url, made.title, made.launcher, made.accent) == (ORIGIN, "game", "meadow-launcher", "#2fc796")
    assert (made.id, made.home, made.other_feeds) == ("org.example.updates.meadow", made.id, False)
    laid = trees.read(order.out)
    assert laid.pop("brand-icon.png") == File(png())
    assert laid.pop("brand-art.jpg") == File(b"\xff\xd8\xff and a picture")
    laid.pop("brand.json")
    assert order.tree
    assert laid == trees.read(order.tree)


def test_the_same_order_makes_the_same_bytes(publisher: Publisher, order: LauncherOrder, tmp_path: Path) -> None:
    again = replace(order, out=tmp_path / "again")
    for each in (order, again):
        branded.make(publisher.folder, each, NOW)
    assert files_below(order.out) == files_below(again.out)


def test_without_a_tree_the_brand_alone_is_written(publisher: Publisher, order: LauncherOrder) -> None:
    other = replace(order, tree=None, art=None, shares_home=True, other_feeds=True)
    made = branded.make(publisher.folder, other, NOW).brand
    assert sorted(files_below(order.out)) == ["brand-icon.png", "brand.json"]
    assert (made.home, made.other_feeds) == ("shoal", True)
    assert brand.read(order.out / "brand.json").art == ""


NO_ICONS = {
    "no file": (None, "cannot be read"),
    "empty": (b"", "does not begin like one"),
    "a text": (b"<svg/>", "does not begin like one"),
    "cut off": (png()[:200], "is not a PNG image"),
    "half of its pixels": (png(rows=100), "pixels are missing"),
    "damaged": (png()[:60] + b"?" + png()[61:], "it is damaged"),
    "of an unknown kind": (png(colour=5), "type 5"),
    "small": (png(64, 64), "must be a square of 256 to 1024"),
    "not square": (png(300, 256), "must be a square"),
    "as large as a wall": (png(100_000, 100_000, rows=1), "it says that it has 100000"),
}


@pytest.mark.parametrize(("data", "text"), NO_ICONS.values(), ids=NO_ICONS)
def test_an_icon_that_is_not_an_image_is_refused(
    publisher: Publisher, order: LauncherOrder, data: bytes | None, text: str
) -> None:
    order.icon.unlink() if data is None else order.icon.write_bytes(data)
    with pytest.raises(UsageError, match=text):
        branded.make(publisher.folder, order, NOW)
    assert not order.out.exists()


def test_an_expired_feed_is_refused(publisher: Publisher, order: LauncherOrder) -> None:
    with pytest.raises(UsageError, match="The feed is expired: the signature of") as caught:
        branded.make(publisher.folder, order, NOW + timedelta(days=4000))
    assert caught.value.code == "usage.expired"
    assert not order.out.exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"title": "other"}, "has no title 'other'"),
        ({"name": ""}, "1 to 40 letters"),
        ({"name": "x" * 41}, "1 to 40 letters"),
        ({"name": " Meadow"}, "1 to 40 letters"),
        ({"name": "a\tb"}, "1 to 40 letters"),
        ({"accent": "green"}, "is written #rrggbb"),
        ({"id": "meadow"}, "is no id"),
        ({"id": "Org.Example.Meadow"}, "is no id"),
        ({"name": "草原"}, "is no id"),
    ],
)
def test_what_cannot_be_is_refused(
    publisher: Publisher, order: LauncherOrder, change: dict[str, str], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        branded.make(publisher.folder, replace(order, **change), NOW)  # type: ignore[arg-type]  # the cases name its fields
    assert not order.out.exists()


def test_a_tree_that_is_none_of_shoals_or_somebodys_already_is_refused(
    publisher: Publisher, order: LauncherOrder, tmp_path: Path
) -> None:
    branded.make(publisher.folder, order, NOW)
    with pytest.raises(UsageError, match="is not an empty folder"):
        branded.make(publisher.folder, order, NOW)
    with pytest.raises(UsageError, match="is somebody's launcher already"):
        branded.make(publisher.folder, replace(order, tree=order.out, out=tmp_path / "twice"), NOW)
    with pytest.raises(UsageError, match="is no frozen tree of Shoal"):
        branded.make(publisher.folder, replace(order, tree=tmp_path / "game", out=tmp_path / "twice"), NOW)
    assert not (tmp_path / "twice").exists()
    assert json.loads((order.out / "brand.json").read_text())["format"] == 1
