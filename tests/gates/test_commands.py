import re
import subprocess
from importlib.util import find_spec

import pytest

from tests.gates.sources import ROOT, files, text_of

TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
SHELL = [str(path) for path in files() if path.parts[0] in {".ci", "packaging"} and text_of(path).startswith("#!")]
MODULE = re.compile(r"-m ((?:tests|bench|patcher)[\w.]*)(?=[ ;)]|$)", re.MULTILINE)


@pytest.mark.parametrize("target", TARGETS)
def test_the_shell_can_read_what_a_target_does(target: str) -> None:
    recipe = subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    subprocess.run(["bash", "-n"], input=recipe, text=True, check=True)
    assert [module for module in MODULE.findall(recipe) if find_spec(module.rstrip(".")) is None] == []


@pytest.mark.parametrize("script", SHELL)
def test_the_shell_can_read_a_script(script: str) -> None:
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
