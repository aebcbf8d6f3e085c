"""What a click on a title's page comes to: a command at once, or a sheet that asks first."""

from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from launcher import failures, page, text
from launcher.failures import Remedy
from launcher.page import MenuAction, PrimaryAction
from launcher.state import State
from launcher.views.install import InstallSheet, own_folder
from launcher.views.sheet import Question, Sheet
from patcher.protocol import commands
from patcher.protocol.events import Failure, TitleSnapshot


class Acts(QObject):
    """For one window. `settled` names a title whose failure the player has read."""

    wished = Signal(object)
    settled = Signal(str)
    said = Signal(str)

    def __init__(self, over: QWidget, behind: QWidget) -> None:
        super().__init__(over)
        self._over, self._behind = over, behind
        self.sheet: Sheet | None = None

    def act(self, act: PrimaryAction, state: State, title: TitleSnapshot) -> None:
        """The big button."""
        name = title.title
        match act:
            case PrimaryAction.INSTALL:
                self.ask_install(state, title)
            case PrimaryAction.UPDATE:
                self.wished.emit(commands.Update(name))
            case PrimaryAction.PAUSE | PrimaryAction.STOP:
                self.wished.emit(commands.Cancel(name, pause=act is PrimaryAction.PAUSE))
            case PrimaryAction.RESUME | PrimaryAction.NEEDS_SPACE:
                self.wished.emit(page.retry(state, title))
            case PrimaryAction.REPAIR:
                self.wished.emit(commands.Repair(name))
            case PrimaryAction.PLAY:
                self.wished.emit(commands.Play(name))

    def choose(self, choice: MenuAction, state: State, title: TitleSnapshot) -> None:
        """An entry of the options."""
        name = title.title
        match choice:
            case MenuAction.VERIFY:
                self.wished.emit(commands.Verify(name))
            case MenuAction.REPAIR:
                self.wished.emit(commands.Repair(name))
            case MenuAction.ROLLBACK:
                self.wished.emit(commands.Rollback(name))
            case MenuAction.PARTS:
                self.ask_install(state, title)
            case MenuAction.MOVE:
                self._move(title)
            case MenuAction.OPEN_FOLDER:
                QDesktopServices.openUrl(QUrl.fromLocalFile(title.folder))
            case MenuAction.UNINSTALL:
                self._ask_uninstall(title)

    def help(self, way: Remedy, state: State, title: TitleSnapshot) -> None:
        """A way out of an error."""
        failure = state.of(title.title).failure or title.failure
        match way:
            case Remedy.RETRY | Remedy.SERVER_ONLY:
                self.wished.emit(page.retry(state, title, server_only=way is Remedy.SERVER_ONLY))
            case Remedy.REPAIR:
                self.wished.emit(commands.Repair(title.title))
            case Remedy.STEP_BACK:
                self._ask_step_back(title)
            case Remedy.FOLDER:
                self._other_folder(state, title, failure)
            case Remedy.DETAILS if failure:
                self.copy(failure, state)
            case Remedy.CLOSE:
                self.settled.emit(title.title)

    def copy(self, failure: Failure, state: State) -> None:
        """Put what a report needs on the clipboard."""
        QGuiApplication.clipboard().setText(failures.details(failure, state.snapshot.version if state.snapshot else ""))
        self.said.emit(self.tr("The details are on the clipboard."))

    # ------------------------------------------------------------ sheets

    def ask_install(self, state: State, title: TitleSnapshot) -> None:
        """Folder and parts first."""
        sheet = InstallSheet(self._over, self._behind, title, default_folder(state, title))
        sheet.wished.connect(self.wished)
        self._open(sheet)
        sheet.rejected.connect(lambda: self.settled.emit(title.title))
        sheet.show_state(state)

    def _open(self, sheet: Sheet) -> None:
        self.sheet = sheet
        sheet.closed.connect(self._closed)
        sheet.show()
        sheet.raise_()

    def _closed(self) -> None:
        self.sheet = None

    def _ask_uninstall(self, title: TitleSnapshot) -> None:
        sheet = Question(
            self._over,
            self._behind,
            self.tr("Uninstall {title}?").format(title=text.label_of(title)),
            self.tr("Its files are removed from {folder}. Saves, mods and other files of yours stay.").format(
                folder=text.plain(title.folder, 200)
            ),
            self.tr("Uninstall"),
            self.tr("Keep it"),
        )
        sheet.accepted.connect(lambda: self.wished.emit(commands.Uninstall(title.title)))
        self._open(sheet)

    def _ask_step_back(self, title: TitleSnapshot) -> None:
        sheet = Question(
            self._over,
            self._behind,
            self.tr("Step back to {version}?").format(version=text.plain(title.previous_version, 40)),
            self.tr("The publisher does not allow this release any more. It may have faults that others can use."),
            self.tr("Step back"),
            self.tr("Stay"),
        )
        sheet.accepted.connect(lambda: self.wished.emit(commands.Rollback(title.title, confirmed=True)))
        self._open(sheet)

    def _move(self, title: TitleSnapshot) -> None:
        chosen = QFileDialog.getExistingDirectory(self._over, self.tr("Move to"), str(Path(title.folder).parent))
        if chosen:
            self.wished.emit(commands.Move(title.title, own_folder(chosen, title.title)))

    def _other_folder(self, state: State, title: TitleSnapshot, failure: Failure | None) -> None:
        if failure and failure.code == "disk.folder_missing":
            chosen = QFileDialog.getExistingDirectory(self._over, self.tr("Where is it now?"), title.folder)
            if chosen:
                self.wished.emit(commands.Install(title.title, chosen, title.channel, title.tags, locate=True))
        elif title.installed:
            self._move(title)
        else:
            self.settled.emit(title.title)
            self.ask_install(state, title)


def default_folder(state: State, title: TitleSnapshot) -> str:
    """Where a title goes when the player says nothing: where it was begun, else below the folder for games."""
    if title.folder:
        return title.folder
    games = str(state.snapshot.settings.get("games_folder", "")) if state.snapshot else ""
    home = state.snapshot.home if state.snapshot else ""
    return str((Path(games) if games else Path(home) / "titles") / title.title.partition("/")[2])
