"""Settings: what people wrote into the file stays, and the last answer about sharing is remembered."""

from pathlib import Path

import pytest

from patcher import config
from patcher.config import Home, Settings


@pytest.mark.parametrize("answer", ["lan", "everyone"])
def test_the_last_answer_outlives_the_switch_being_off(home: Path, answer: str) -> None:
    settings = Settings()
    for value in (answer, "off"):
        settings = config.changed(settings, "sharing", value)
        assert config.save(Home(home), settings, "sharing") == settings
    assert (settings.sharing, settings.last_sharing) == ("off", answer)


def test_an_answer_that_was_edited_in_is_one(home: Path) -> None:
    Home(home).settings.write_text('sharing = "lan"\nlast_sharing = "everyone"\n')
    assert config.load(Home(home)).last_sharing == "lan"


def test_one_key_is_written_and_all_else_stays(home: Path) -> None:
    Home(home).settings.write_text("# limits\nlisten_port = 1 # mine\n\n[other]\nkey = 1\n")
    config.save(Home(home), Settings(listen_port=2, games_folder="/games"), "listen_port")
    assert Home(home).settings.read_text() == "# limits\nlisten_port = 2 # mine\n\n[other]\nkey = 1\n"
