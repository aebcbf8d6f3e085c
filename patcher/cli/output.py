"""Prints the output of a verb: lines and a progress bar for people, one JSON object a line for scripts (``--json``).

Only this module writes to the terminal. Texts of publishers, servers and file names are made plain here and never
taken for markup.
"""

import codecs
import dataclasses
import errno
import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from patcher import windows
from patcher.closing import Closing
from patcher.errors import ShoalError
from patcher.plain import human_bytes, json_line, plain
from patcher.protocol import events
from patcher.transfer.sample import RateMeter, time_left_s

_SAMPLE_S = 0.1
_READER_GONE_EXIT = 1
_SPELLED = {"→": "->", "…": "...", "·": "-"}
"""In encodings that lack these."""
_RESUMED_S = 0.5
"""What a publisher's verb counts in this time it found done by an earlier run."""


def human_time(seconds: float) -> str:
    """A duration: ``45 s``, ``2 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Output(Closing):
    """The output of one run. Use as a context manager, which removes the bar at the end."""

    def __init__(
        self, *, json_lines: bool = False, quiet: bool = False, verbose: bool = False, stream: TextIO | None = None
    ) -> None:
        self.json = json_lines
        self.verbose = verbose
        """Whether the engine's log is shown, too."""
        self.for_publisher = False
        """Whether a publisher reads the errors, and not a player."""
        self._quiet = quiet
        self._stream = lenient(stream or sys.stdout)
        self._errors = lenient(sys.stderr)
        self._console = _console(self._stream)
        self._bar: Progress | None = None
        self._phase = ""
        self._sampled_s = 0.0
        self._began_s = 0.0
        self._rate = RateMeter(0)

    def line(self, text: str) -> None:
        """Print a line for people."""
        if not self.json and not self._quiet:
            with _read(self._stream):
                self._console.print(plain(text))

    def progress(self, phase: str, done: int, total: int) -> None:
        """Show a sample of a publisher's verb; the rate leaves out the bytes of an earlier run."""
        now = time.monotonic()
        if phase != self._phase:
            self._began_s = now
        if now - self._began_s < _RESUMED_S:
            self._rate = RateMeter(done)
        (rate_bps,) = self._rate.at(done)
        sample = events.Progress(0, "", events.Phase.DONE, done, total, rate_bps, time_left_s(total - done, rate_bps))
        self.show(sample, phase)

    def show(self, sample: events.Progress, phase: str = "") -> None:
        """Show a sample, at most 10 a second and always the first of a phase."""
        phase = phase or sample.phase.value
        now = time.monotonic()
        if phase == self._phase and now - self._sampled_s < _SAMPLE_S and sample.done_bytes < sample.total_bytes:
            return
        new_phase, self._phase, self._sampled_s = phase != self._phase, phase, now
        if self.json:
            self._object({
                "event": "progress", "phase": phase, "done_bytes": sample.done_bytes, "total_bytes": sample.total_bytes,
                "rate_bps": sample.rate_bps, "eta_s": sample.eta_s, "sources": dataclasses.asdict(sample.sources),
                **({"rest_s": sample.rest_s} if sample.rest_s else {}),
            })  # fmt: skip
        elif self._console.is_terminal and not self._quiet:
            self._draw(sample, phase)
        elif new_phase:
            amount = f" {human_bytes(sample.total_bytes)}" if sample.total_bytes else ""
            self.line(f"{phase}{amount}")

    def notice(self, text: str, error: ShoalError | None = None) -> None:
        """Print a notice: on stderr for people, an object for scripts."""
        if self.json:
            self._object({"event": "notice", "text": text, **({"error": error.as_dict()} if error else {})})
        else:
            self.log(text)

    def log(self, text: str) -> None:
        """Print a line on stderr."""
        self.close()
        self._print(plain(text), self._errors)

    def result(self, fields: dict[str, object]) -> None:
        """Print the result of a run that succeeded; scripts only."""
        self.close()
        if self.json:
            self._object({"event": "result", "ok": True, **fields})

    def error(self, error: ShoalError) -> None:
        """Print the error of a failed run: its message, and its sentences about safety and the next step."""
        self.close()
        error = error.to_publisher() if self.for_publisher else error
        if self.json:
            self._object({"event": "result", "ok": False, "error": error.as_dict()})
            return
        console = _console(self._errors)
        with _read(self._errors):
            console.print(plain(f"shoal: {error.message}"), style="bold")
            for text in (error.safe, error.hint):
                console.print(plain(f"  {text}"))

    def cancelled(self) -> None:
        """Print that the run was cancelled."""
        self.close()
        if self.json:
            self._object({"event": "result", "ok": False, "cancelled": True})
        else:
            kept = "A release keeps what is made" if self.for_publisher else "What was downloaded is kept"
            self._print(f"Stopped. {kept}; run the same command to go on.", self._errors)

    def _object(self, fields: dict[str, object]) -> None:
        is_ascii = codecs.lookup(self._stream.encoding or "utf-8").name != "utf-8"
        self._print(json_line(fields, ascii_only=is_ascii), self._stream)

    @staticmethod
    def _print(line: str, stream: TextIO) -> None:
        with _read(stream):
            print(line, file=stream, flush=True)

    def _draw(self, sample: events.Progress, phase: str) -> None:
        if self._bar is None:
            words = [TextColumn(text, markup=False) for text in ("{task.description}", "{task.fields[text]}")]
            columns = (words[0], BarColumn(), words[1])
            self._bar = Progress(*columns, console=self._console, transient=True, refresh_per_second=10)
            self._bar.add_task("", text="", total=None)
            self._bar.start()
        self._bar.update(
            self._bar.task_ids[0],
            description=f"{plain(phase):<7}",
            completed=sample.done_bytes,
            total=sample.total_bytes or None,
            text=sample_text(sample),
        )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def may_ask() -> bool:
    """Whether a person is at the standard input, so that a question is answered."""
    is_file = isinstance(sys.stdin, io.TextIOWrapper)
    return sys.stdin.isatty() and not (is_file and not windows.is_console(sys.stdin.fileno()))


def confirm(question: str, out: Output) -> bool:
    """Ask a yes-or-no question; False for anything but a yes, and for scripts, which are not asked."""
    if out.json:
        return False
    try:
        return input(f"{plain(question)} [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _spell(error: UnicodeError) -> tuple[str, int]:
    """A handler of codecs: prints other characters, or escapes, in place of those that an encoding lacks."""
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    spelled = (_SPELLED.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking)
    return "".join(spelled), error.end


codecs.register_error("shoal.spell", _spell)


def lenient(stream: TextIO) -> TextIO:
    """The stream, which prints any text from now on, whatever its encoding."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="shoal.spell")
    return stream


@contextmanager
def _read(stream: TextIO) -> Iterator[None]:
    """Leaves without a word if the reader of the stream has left (``shoal --json update | head -1``)."""
    try:
        yield
    except OSError as error:
        if not isinstance(error, BrokenPipeError) and (os.name, error.errno) != ("nt", errno.EINVAL):
            raise  # Windows' C library says EINVAL of a pipe that nobody reads
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # Python would flush once more at its end
        raise SystemExit(_READER_GONE_EXIT) from None


def _console(stream: TextIO) -> Console:
    return Console(file=stream, highlight=False, soft_wrap=True, markup=False, emoji=False)


def sample_text(sample: events.Progress) -> str:
    """Amount, rate, time left and sources of the bytes, as far as they are known."""
    words = [f"{human_bytes(sample.done_bytes)} of {human_bytes(sample.total_bytes)}"] if sample.total_bytes else []
    if sample.rate_bps:
        words.append(f"{human_bytes(sample.rate_bps)}/s")
    if sample.eta_s >= 0:
        words.append(f"{human_time(sample.eta_s)} left")
    if sample.rest_s:
        words.append(f"the server asks to wait {human_time(sample.rest_s)}")
    came = sample.sources
    players, server = came.lan_bytes + came.peer_bytes, came.origin_bytes
    if players or server:
        words.append(f"{human_bytes(players)} from players, {human_bytes(server)} from the server")
    return " · ".join(words)
