"""The pages as pictures, in other languages and the other way round."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from PySide6.QtCore import QLocale, Qt, QTranslator
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from launcher import text, theme
from launcher.views.window import MainWindow
from patcher.protocol.events import Held, Reachability
from tests.gates.sources import ROOT, python_files, text_of
from tests.launcher.conftest import Golden
from tests.launcher.scenes import show, snapshot, window

_I18N = theme.ASSETS / "i18n"
_SCENES = ("empty", "ready", "updating", "playable", "preload", "failed", "lost")


@pytest.mark.parametrize("scene", _SCENES)
def test_the_window_looks_as_it_did(tmp_path: Path, golden: Golden, scene: str) -> None:
    shown = window(tmp_path)
    show(shown, scene)
    shown.toast.hide()
    golden(shown, f"page-{scene}")


# ---------------------------------------------------------------- languages


class Pseudo(QTranslator):
    """Every text one third longer and with accents: what shows without them never went through a translator."""

    def translate(self, context: str, source: str, disambiguation: str | None = None, n: int = -1) -> str:
        wide = source.translate(str.maketrans("aeiouAEIOUcn", "áéíóúÁÉÍÓÚçñ"))
        kept = re.sub(r"\{[^}]*\}", lambda m: source[m.start() : m.end()], wide)
        return f"⟦{kept}{'~' * (len(source) // 3)}⟧"

    def isEmpty(self) -> bool:  # noqa: N802 - Qt's own name
        return False


@pytest.fixture
def pseudo(qapp: QApplication) -> Iterator[None]:
    translator = Pseudo()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def _texts(shown: MainWindow) -> set[str]:
    labels = [label.text() for label in shown.findChildren(QLabel) if label.isVisible()]
    return {*labels, *(button.text() for button in shown.findChildren(QAbstractButton) if button.isVisible())}


def _pages(folder: Path) -> Iterator[MainWindow]:
    for number, scene in enumerate((*_SCENES, "not-installed")):
        shown = window(folder / str(number))
        show(shown, scene)
        yield shown
        for name in ("feeds", "settings"):
            shown.go(name)
            yield shown
    shown = window(folder / "first", welcomed=False)
    yield shown


@pytest.mark.usefixtures("pseudo")
def test_no_text_of_ours_goes_round_the_translator(tmp_path: Path) -> None:
    theirs = {"SHOAL", "", "demo", "MIT", "games/emberfall", "1.8.2", "1.9.0", "A journey through ash and fire."}
    for shown in _pages(tmp_path):
        shown.grab()
        plain = {text for text in _texts(shown) if "⟦" not in text and not text.startswith("\u2026")}
        assert {text for text in plain if re.search("[a-zA-Z]{3}", text)} - theirs == set()


def test_a_window_that_runs_from_right_to_left_mirrors_everything(tmp_path: Path, qapp: QApplication) -> None:
    qapp.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    for shown in _pages(tmp_path):
        shown.grab()
        if shown.library.isVisible():
            assert shown.library.mapTo(shown, shown.library.rect().topLeft()).x() > shown.width() // 2


def _messages(language: str) -> list[ET.Element]:
    return list(ET.parse(_I18N / f"shoal_{language}.ts").iter("message"))


def test_german_is_complete_and_keeps_every_placeholder() -> None:
    messages = _messages("de")
    assert len(messages) > 250
    for message in messages:
        source, translation = message.findtext("source") or "", message.find("translation")
        assert translation is not None and translation.get("type") is None, f"not translated: {source}"
        forms = [form.text or "" for form in translation.findall("numerusform")] or [translation.text or ""]
        for form in forms:
            assert form.strip(), source
            assert set(re.findall(r"\{\w+\}", form)) == set(re.findall(r"\{\w+\}", source)), source
            assert "%n" not in source or "%n" in form or len(forms) > 1, source


@pytest.mark.posix("git")
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_text_of_the_source_is_known_to_the_translators(language: str, tmp_path: Path) -> None:
    """``make translations`` was run after the last change of a text."""
    import subprocess
    import sys

    fresh = tmp_path / f"shoal_{language}.ts"
    fresh.write_bytes((_I18N / fresh.name).read_bytes())
    lupdate = Path(sys.executable).with_name("pyside6-lupdate")
    options = ["-no-obsolete", "-locations", "none", *(["-pluralonly"] if language == "en" else [])]
    sources = [str(ROOT / path) for path in python_files("launcher")]
    subprocess.run([lupdate, *options, *sources, "-ts", fresh], check=True, capture_output=True)
    assert _known(fresh) == _known(_I18N / fresh.name)


@pytest.mark.posix("the tools of Qt")
@pytest.mark.parametrize("language", ["de", "en"])
def test_the_window_shows_what_the_translators_wrote(language: str, tmp_path: Path) -> None:
    """``make translations`` was run after the last change of a translation."""
    import subprocess
    import sys

    texts, compiled = _I18N / f"shoal_{language}.ts", tmp_path / f"shoal_{language}.qm"
    lrelease = Path(sys.executable).with_name("pyside6-lrelease")
    subprocess.run([lrelease, "-silent", texts, "-qm", compiled], check=True, capture_output=True)
    assert compiled.read_bytes() == (_I18N / compiled.name).read_bytes()


def _known(file: Path) -> set[tuple[str, str]]:
    contexts = ET.parse(file).iter("context")
    return {(c.findtext("name") or "", m.findtext("source") or "") for c in contexts for m in c.iter("message")}


def test_the_window_speaks_german(tmp_path: Path, speak: Callable[[str], None]) -> None:
    speak("de_DE")
    shown = window(tmp_path)
    show(shown, "updating")
    texts = " ".join(_texts(shown))
    assert "AKTUALISIERE" in shown.title_page.action.text()
    assert "Beim Laden helfen" in texts
    assert "14\N{NO-BREAK SPACE}Spieler" in texts


@pytest.mark.parametrize("locale", ["fr_FR", "ar_EG", "C", "en_US"])
def test_without_a_translation_the_window_speaks_whole_english(
    tmp_path: Path, qapp: QApplication, speak: Callable[[str], None], locale: str
) -> None:
    speak(locale)
    shown = window(tmp_path)
    for scene in _SCENES:
        show(shown, scene)
        for page in ("feeds", "settings", "title"):
            shown.go(page)
            assert [text for text in _texts(shown) if "(s)" in text] == []
    show(shown, "updating")
    assert shown.title_page.action.text() == "UPDATING  36%"
    assert "14\N{NO-BREAK SPACE}players" in shown.title_page.status.text()
    assert qapp.layoutDirection() is Qt.LayoutDirection.LeftToRight


def test_english_counts(tmp_path: Path, qapp: QApplication) -> None:
    translator = QTranslator()
    assert translator.load(QLocale("en_GB"), "shoal", "_", str(_I18N))
    qapp.installTranslator(translator)
    try:
        shown = window(tmp_path)
        show(shown, "updating")
        assert "14\N{NO-BREAK SPACE}players" in shown.title_page.status.text()
    finally:
        qapp.removeTranslator(translator)


@pytest.mark.posix("git")
def test_no_source_text_is_built_outside_a_translator_call() -> None:
    """An f-string inside tr() would be a text that no translator knows."""
    assert [str(p) for p in python_files("launcher") if re.search(r"(?:\.tr|translate)\(\s*f\"", text_of(p))] == []


def test_the_window_says_why_nothing_is_shared_and_whether_others_reach_the_player(tmp_path: Path) -> None:
    shown, now, reach = window(tmp_path), snapshot(sharing="everyone"), Reachability("mapped", 7000)
    shown.go("settings")
    (line,) = (each for each in shown.findChildren(QLabel) if each.objectName() == "sharing-now")
    shown.handle_message(now)
    shown.refresh()
    assert shown.library.held.isHidden() and line.isHidden()
    shown.handle_message(replace(now, held=Held.BATTERY, reach=reach))
    shown.refresh()
    assert shown.library.held.text() == "Not sharing: on battery."
    assert line.text().splitlines() == ["Not sharing: on battery.", text.reach(reach)]
