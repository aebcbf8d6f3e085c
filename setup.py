"""Puts what the window shows into the wheel, beside the modules that read it; the project has it in ``assets``."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

FOLDERS = [Path("assets", name) for name in ("fonts", "i18n", "icons", "theme")]


class BuildWithAssets(build_py):
    """Copies the assets, except those of the demo."""

    def run(self) -> None:
        """Build, and then copy; an installation that can be edited reads the project's own."""
        super().run()
        if not self.editable_mode:
            for folder in FOLDERS:
                self.copy_tree(str(folder), str(Path(self.build_lib, "launcher", folder)))

    def get_source_files(self) -> list[str]:
        """What the sdist holds."""
        return [*super().get_source_files(), *(str(path) for folder in FOLDERS for path in sorted(folder.iterdir()))]


setup(cmdclass={"build_py": BuildWithAssets})
