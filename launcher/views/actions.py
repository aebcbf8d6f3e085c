"""Carries out the actions of a title's page: submits a command, or opens a sheet that asks first."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QWidget

from launcher import failures, page, text
from launcher.failures import Remedy
from launcher.page import MenuAction, PrimaryAction
from launcher.state import State
from launcher.views.install import InstallSheet, own_folder
from launcher.views.layout import ClickGuard, choose_folder
from launcher.views.sheet import ConfirmSheet, Sheet
from launcher.views.widgets import ButtonKind
from patcher.errors import UsageError
from patcher.protocol import commands
from patcher.protocol.events import Failure, TitleSnapshot

Action = PrimaryAction | MenuAction | Remedy


class TitleActions(QObject):
    """The actions in one window; ``sheet`` is the open dialog.

    `dismissed` names a title whose failure is no longer to be shown; `message` is for the toast.
    """

    submitted = Signal(object)
    dismissed = Signal(str)
    message = Signal(str)

    def __init__(self, window: QWidget, content: QWidget, free_bytes: Callable[[str], int]) -> None:
        """``free_bytes``: see `InstallSheet`."""
        super().__init__(window)
        self._free_bytes = free_bytes
        self._window, self._content = window, content
        self._guard = ClickGuard(window)
        self.sheet: Sheet | None = None

    def run(self, action: Action, state: State, title: TitleSnapshot) -> None:
        """Carry out one action of the big button, the options menu or an error banner."""
        if command := _command(action, state, title):
            self.submitted.emit(command)
        elif action is Remedy.CLOSE:
            self.dismissed.emit(title.title)
        else:
            self._run_without_command(action, state, title)

    def _run_without_command(self, action: Action, state: State, title: TitleSnapshot) -> None:
        steps: dict[Action, Callable[[], None]] = {
            PrimaryAction.INSTALL: lambda: self._ask_install(state, title),
            PrimaryAction.LOCATE: lambda: self._ask_locate(title),  # Remedy.LOCATE is the same string
            MenuAction.PARTS: lambda: self._ask_install(state, title),
            MenuAction.MOVE: lambda: self._ask_move(title),
            MenuAction.OPEN_FOLDER: lambda: _open_path(title.folder),
            Remedy.LOG: lambda: _open_log(state.failure(title)),
            MenuAction.DISCARD: lambda: self._ask_discard(title),
            MenuAction.UNINSTALL: lambda: self._ask_uninstall(title),
            MenuAction.FORGET: lambda: self._ask_forget(title),  # and so is Remedy.FORGET
            Remedy.STEP_BACK: lambda: self._ask_step_back(title),
            Remedy.FOLDER: lambda: self._ask_other_folder(state, title),
            Remedy.DETAILS: lambda: self.copy_details(state.failure(title), state),
        }
        if step := steps.get(action):
            step()

    def copy_details(self, failure: Failure | None, state: State) -> None:
        """Copy the text for a bug report to the clipboard."""
        if failure:
            version = state.snapshot.version if state.snapshot else ""
            QGuiApplication.clipboard().setText(failures.details(failure, version))
            self.message.emit(self.tr("The details are on the clipboard."))

    # ------------------------------------------------------------ sheets

    def ask_sharing(self) -> None:
        """Ask whether to share with everyone; the settings offer the local network, too."""
        self._confirm(
            commands.ChangeSetting("sharing", "everyone"),
            self.tr("Help others download?"),
            self.tr(
                "Players who install or update the same game get parts of it from this computer, and see its internet "
                "address. Never other files. In the settings you can share with your local network only."
            ),
            self.tr("Share with everyone"),
            self.tr("Not now"),
            "primary",
        )

    def _open(self, sheet: Sheet) -> None:
        self.sheet = sheet
        sheet.finished.connect(self._closed)
        sheet.show()
        sheet.raise_()
        self._guard.arm()

    def _closed(self) -> None:
        self.sheet = None
        self._guard.arm()

    def _ask_install(self, state: State, title: TitleSnapshot) -> None:
        sheet = InstallSheet(self._window, self._content, title, _install_folder(state, title), self._free_bytes)
        sheet.submitted.connect(self.submitted)
        sheet.rejected.connect(lambda: self.dismissed.emit(title.title))
        sheet.show_state(state)
        self._open(sheet)

    def _ask_discard(self, title: TitleSnapshot) -> None:
        """Give up a paused job, or a first install that failed.

        A first install leaves nothing behind; else the next job uses what was downloaded.
        """
        command: commands.Command = commands.Cancel(title.title)
        words = self.tr("Version {version} stays installed. What was downloaded is kept for the next time.")
        if not title.installed:
            command = commands.Uninstall(title.title)
            words = self.tr("What was downloaded is removed from {folder}. Your own files there stay.")
        words = words.format(version=text.plain(title.version, 40), folder=text.plain(title.folder, 200))
        keep = self.tr("Keep it paused") if title.paused else self.tr("Keep it")
        question = self.tr("Cancel the download of {title}?").format(title=text.label_of(title))
        self._confirm(command, question, words, self.tr("Cancel the download"), keep)

    def _ask_uninstall(self, title: TitleSnapshot) -> None:
        self._confirm(
            commands.Uninstall(title.title),
            self.tr("Uninstall {title}?").format(title=text.label_of(title)),
            self.tr("Its files will be removed from {folder}. Saves, mods and your other files stay.").format(
                folder=text.plain(title.folder, 200)
            ),
            self.tr("Uninstall"),
            self.tr("Keep it"),
        )

    def _ask_locate(self, title: TitleSnapshot) -> None:
        def locate(chosen: str) -> None:
            self.submitted.emit(commands.Install(title.title, chosen, title.channel, title.tags, locate=True))

        choose_folder(self._window, self.tr("Where is it now?"), title.folder, locate)

    def _ask_forget(self, title: TitleSnapshot) -> None:
        self._confirm(
            commands.Uninstall(title.title, forget=True),
            self.tr("Forget {title}?").format(title=text.label_of(title)),
            self.tr("Shoal will no longer know that it is installed in {folder}. No file is removed.").format(
                folder=text.plain(title.folder, 200)
            ),
            self.tr("Forget"),
            self.tr("Keep it"),
        )

    def _ask_step_back(self, title: TitleSnapshot) -> None:
        self._confirm(
            commands.Rollback(title.title, confirmed=True),
            self.tr("Step back to {version}?").format(version=text.plain(title.previous_version, 40)),
            self.tr("The publisher no longer allows this release. It may have security holes."),
            self.tr("Step back"),
            self.tr("Keep this release"),
        )

    @Slot(str)
    def ask_remove_feed(self, name: str) -> None:
        """Remove a feed, if the player confirms it."""
        self._confirm(
            commands.RemoveFeed(name),
            self.tr("Remove the feed {name}?").format(name=text.plain(name, 40)),
            self.tr("Its titles leave the library. To get them back, add the feed by its address again."),
            self.tr("Remove"),
            self.tr("Keep it"),
        )

    def _confirm(
        self, command: commands.Command, question: str, words: str, yes: str, no: str, kind: ButtonKind = "danger"
    ) -> None:
        sheet = ConfirmSheet(self._window, self._content, question, words, yes, no, kind)
        sheet.accepted.connect(lambda: self.submitted.emit(command))
        self._open(sheet)

    def _ask_move(self, title: TitleSnapshot) -> None:
        def move(chosen: str) -> None:
            self.submitted.emit(commands.Move(title.title, own_folder(chosen, title.title)))

        choose_folder(self._window, self.tr("Move to"), str(Path(title.folder).parent), move)

    def _ask_other_folder(self, state: State, title: TitleSnapshot) -> None:
        if title.installed:
            self._ask_move(title)
        elif title.folder_missing:
            self._ask_locate(title)
        else:
            self.dismissed.emit(title.title)
            self._ask_install(state, title)


def _open_path(path: str) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(path))


def _open_log(failure: Failure | None) -> None:
    _open_path(str(failure.facts.get("log", "")) if failure else "")


def _command(action: Action, state: State, title: TitleSnapshot) -> commands.Command | None:
    """The command of an action that needs no question."""
    name, retry = title.title, page.retry(state, title)
    by_action: dict[Action, commands.Command] = {
        PrimaryAction.UPDATE: commands.Update(name),
        PrimaryAction.PAUSE: commands.Cancel(name, pause=True),
        PrimaryAction.STOP: commands.Cancel(name),
        PrimaryAction.RESUME: retry,
        PrimaryAction.NEEDS_SPACE: retry,
        PrimaryAction.REPAIR: commands.Repair(name),  # the other two REPAIR are the same string, and so on
        PrimaryAction.PLAY: commands.Play(name),
        MenuAction.VERIFY: commands.Verify(name),
        MenuAction.ROLLBACK: commands.Rollback(name),
        MenuAction.PRELOAD: commands.Preload(name),
        Remedy.RETRY: retry,
        Remedy.SERVER_ONLY: page.retry(state, title, server_only=True),
    }
    return by_action.get(action)


def _install_folder(state: State, title: TitleSnapshot) -> str:
    """The folder to propose: the one where the title is or was begun, else the one that the engine would take."""
    if title.folder or state.snapshot is None:
        return title.folder
    from patcher.config import Home  # it takes 20 ms, which a start need not spend

    games_folder = str(state.snapshot.settings.get("games_folder", ""))
    with suppress(UsageError):  # settings are a file that people edit; the sheet says what is wrong
        return str(Home(Path(state.snapshot.home)).title_folder(title.title, games_folder))
    return games_folder
