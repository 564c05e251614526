"""The page that is shown of a run: its own when it is finished, until then what is known, and never half of one."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import escape

from tuneful.plain import printable
from tuneful.report.answers.page import AnswerPage
from tuneful.runs.folder import PAGE, RunFolder
from tuneful.runs.watching.doing import PAGES, Doing, doing_in, stamp_of
from tuneful.runs.watching.so_far import page_so_far

LEAST_PAUSE = 3.0  # seconds between two pages
SHARE = 10.0  # pauses are so many times as long as it takes to make a page: a run beside it needs the cores
RELOAD = 30  # seconds, in browsers without a script
LARGEST = 2**26  # bytes of a page


@dataclass(frozen=True)
class Made:
    """A page, and of what."""

    html: str
    version: str


class LivePage:
    """The page of a folder, made anew when something changed there, though not too often.

    Whatever is wrong with the folder, there is a page: the last good one, or one that says what is wrong.
    """

    def __init__(self, folder: Path, clock: Any = time.monotonic):
        self.folder, self._clock = folder, clock
        self._lock = threading.Lock()
        self._made: Made | None = None
        self._not_before = 0.0
        self.least_pause, self.share = LEAST_PAUSE, SHARE

    def status(self) -> dict[str, Any]:
        """What goes on, and the version of the page that one would get now."""
        doing = doing_in(self.folder)
        since = None if doing.last is None else max(0.0, time.time() - doing.last)
        return {"version": self._version(doing), "state": doing.state, "status": doing.words, "since": since}

    def page(self) -> str:
        """The page as it is now, with what goes on at its top."""
        doing = doing_in(self.folder)
        with self._lock:
            if self._made is None or self._version(doing) != self._made.version:
                self._make(doing)
            made = self._made
            assert made is not None
        return _with_status(made, doing, self.folder)

    def other(self, name: str) -> bytes | None:
        """Another page of the folder, by its name; None if it may not be shown or is not there."""
        return _read(self.folder / name) if name in PAGES else None

    def _version(self, doing: Doing) -> str:
        made = self._made
        return made.version if made is not None and self._clock() < self._not_before else doing.stamp

    def _make(self, doing: Doing) -> None:
        began = self._clock()
        try:
            html = _finished_page(self.folder) if doing.has_result else page_so_far(self.folder, doing)
        except Exception as error:  # half of something, or nothing that a run wrote; the next look may be better
            html = self._made.html if self._made is not None else _refusal(doing, error)
        ended = self._clock()
        self._made, self._not_before = (
            Made(html, doing.stamp),
            ended + max(self.least_pause, self.share * (ended - began)),
        )


def _finished_page(folder: Path) -> str:
    """The page that the run wrote, or one made of what it wrote."""
    own = _read(folder / PAGE)
    if own is not None:
        return own.decode("utf-8")
    from tuneful.runs.watching.finished import finished_page

    return finished_page(RunFolder(folder))


def _read(path: Path) -> bytes | None:
    """A regular file of the folder, not what a link points to."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(file.fileno())
            if stat.S_ISREG(about.st_mode) and about.st_size <= LARGEST:
                return file.read()
    return None


def _refusal(doing: Doing, error: Exception) -> str:
    said = printable(f"{type(error).__name__}: {error}").split("\n")[0][:300]
    facts, about = [("What went wrong", said)], {"versions": {}, "settings": {}, "command": None}
    question, answer = "What goes on in this folder?", f"{doing.words} It cannot be shown yet."
    return AnswerPage("no page yet", question, answer, facts, [], about).render()


def _with_status(made: Made, doing: Doing, folder: Path) -> str:
    """The page, and above its head what goes on and other pages of the run; marked for the script that renews it."""
    links = "".join(
        f' <a href="{name}">{escape(title)}</a>'
        for name, title in PAGES.items()
        if stamp_of(folder / name) is not None
    )
    status = (
        f'<p class="status" id="status" data-state="{doing.state}"><span class="words">{escape(doing.words)}</span>'
        f'<span id="since"></span>{links}</p>'
    )
    reload = f'<noscript><meta http-equiv="refresh" content="{RELOAD}"></noscript>' if doing.last is not None else ""
    html = made.html.replace('<html lang="en">', f'<html lang="en" data-watch="{made.version}">', 1)
    html = html.replace("</head>", f"{reload}</head>", 1)
    return html.replace("<header>", f"{status}\n<header>", 1)
