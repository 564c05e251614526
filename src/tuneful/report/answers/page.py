"""A page with one question, its answer, and sections of a table, figures and sentences."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuneful.files import write_atomically
from tuneful.plot.sheets import Panel
from tuneful.report.document import made_by, render_template
from tuneful.report.figures import view
from tuneful.report.wording import Verdict


@dataclass(frozen=True)
class Answered:
    """A section: what it shows, in this order.

    columns, rows
        Of a table; cells are texts, or a `Verdict` in the column of that name.
    layout
        Of the figures: "two" in a row, or "" for as many as there is room for.
    """

    title: str
    lead: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str | Verdict]] = ()
    figures: Sequence[Panel] = ()
    notes: Sequence[str] = ()
    layout: str = "two"

    def view(self) -> dict[str, Any]:
        """What the template shows."""
        return dataclasses.asdict(dataclasses.replace(self, figures=(), rows=())) | {
            "figures": [view(panel) for panel in self.figures],
            "rows": self.rows,
        }


@dataclass(frozen=True)
class AnswerPage:
    """A page.

    table
        What was found, with ``versions``, ``command`` and ``settings``; it is in the page as JSON.
    terms
        Words and what they mean.
    decides
        Judgements that come first.
    """

    title: str
    question: str
    answer: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Answered]
    table: Mapping[str, Any]
    terms: Sequence[tuple[str, str]] = ()
    decides: Sequence[Verdict] = ()

    def render(self) -> str:
        """The page as one HTML document that needs nothing else."""
        view = made_by(self.table) | {
            "title": self.title,
            "question": self.question,
            "answer": self.answer,
            "decides": self.decides,
            "facts": self.facts,
            "sections": [section.view() for section in self.sections],
            "terms": self.terms,
        }
        return render_template("answers/page.html.jinja", view)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page, all of it or nothing.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        write_atomically(path, self.render())
