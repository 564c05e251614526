"""Circuits and objectives of one's own: their code runs where a caller names it, and is known by its SHA-256."""

import hashlib
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

from pydantic import Field

import tuneful.circuits
import tuneful.objectives
from tuneful.circuits import AbstractCircuit
from tuneful.errors import UserError, in_short, suggest
from tuneful.networks.arguments import shown
from tuneful.objectives import AbstractObjective
from tuneful.plain import printable
from tuneful.registry import build, circuits, installed, objectives
from tuneful.settings import Section

Kind = Literal["circuit", "objective"]  # of what may be of one's own


class _Family(NamedTuple):
    """What every class of a kind derives from, the package of those that come with tuneful, and all by label."""

    base: type
    package: ModuleType
    known: Callable[[], Mapping[str, Any]]


FAMILIES: dict[Kind, _Family] = {
    "circuit": _Family(AbstractCircuit, tuneful.circuits, circuits),
    "objective": _Family(AbstractObjective, tuneful.objectives, objectives),
}


class Code(Section):
    """Where a class is from that is not installed. It says where to look, and is never run for that."""

    place: str = Field(pattern=r":[\w.<>]+$")  # FILE.py:CLASS or MODULE:CLASS
    sha256: str | None = None  # of the file; None where there is none, as in a notebook


def code_of(kind: Kind, component: Any) -> Code | None:
    """Where the class of a circuit or an objective is from; None if it is installed."""
    family = FAMILIES[kind]
    own = type(component)
    if own in installed(family.package, family.base).values():
        return None
    module = sys.modules.get(own.__module__)
    file = getattr(module, "__file__", None)
    where = _relative(file) if own.__module__ == "__main__" and file else own.__module__
    content = Path(file).read_bytes() if file and Path(file).is_file() else None
    digest = None if content is None else hashlib.sha256(content).hexdigest()
    return Code(place=f"{where}:{own.__qualname__}", sha256=digest)


def changed_code(now: Mapping[Kind, Code], before: Mapping[Kind, Code]) -> list[str]:
    """A sentence for every class whose file is another than before."""
    pairs = [(now[kind], before[kind]) for kind in now if kind in before]
    differing = [
        this for this, that in pairs if None not in (this.sha256, that.sha256) and this.sha256 != that.sha256
    ]
    return [f"The code of {code.place} is not that with which the run began (another SHA-256)." for code in differing]


def require(kind: Kind, label: Any, code: Code | None) -> None:
    """Refuse a class that this process does not have: files name code, and only a caller may have it run.

    Raises
    ------
    UserError
        It says how to name it.
    """
    if code is None or label in FAMILIES[kind].known():
        return
    name = code.place.rpartition(":")[2].rpartition(".")[2]
    place = f"FILE.py:{name}" if code.sha256 is None else shlex.quote(printable(code.place))  # a session is no file
    raise UserError(
        f"The {kind} {printable(str(label))!r} is not installed, and no code is run because a file names it: look "
        f"at it, then add --{kind} {place}; in Python import it first, or give {kind}={name}()."
    )


def made(kind: Kind, given: Any, settings: Mapping[str, Any] | None = None) -> Any:
    """A circuit or an objective from what a caller may give.

    Parameters
    ----------
    kind
        "circuit" or "objective".
    given
        It itself, its class, its name ("m1"), or the place of its class ("my.py:Ring").
    settings
        Of a configuration; by default those of the class. What is given itself keeps its own.

    Raises
    ------
    UserError
        For anything else, and for a class of another name than that in the settings.
    """
    base, _, known = FAMILIES[kind]
    if isinstance(given, base):
        return given
    if not isinstance(given, str | type):
        raise UserError(
            f"The {kind} must be one, its class, its name ({', '.join(known())}) or FILE.py:CLASS, not "
            f"{shown(given)}."
        )
    if kind == "circuit" and isinstance(given, str) and given not in known():
        _refuse_preset(given)
    label = label_of(kind, given) if isinstance(given, str) else _checked(kind, given.__qualname__, given).label
    asked = {"name": label, **(settings or {})}
    if asked["name"] != label:
        raise UserError(f"This is a run of the {kind} {asked['name']!r}, and {given} is {label!r}.")
    return build(kind, known() if isinstance(given, str) else {label: given}, asked)


def _refuse_preset(name: str) -> None:
    from tuneful.runs.presets import names  # which reads configurations, of which no other name asks

    if name in names():
        raise UserError(f"{name!r} is a preset and no circuit: its fit is tuneful.preset({name!r}).")


def label_of(kind: Kind, asked: str) -> str:
    """The name of a circuit or an objective that is asked for by it, or by the place of its class."""
    return named(kind, asked).label if ":" in asked or asked.endswith(".py") else asked


def named(kind: Kind, place: str) -> Any:
    """Import a class from the place that a caller names, and check that it is a circuit or an objective.

    Parameters
    ----------
    kind
        "circuit" or "objective".
    place
        FILE.py:CLASS, or MODULE:CLASS as `import` finds it, here or installed. The file is run once, as by `import`;
        its neighbours can be imported from it.

    Raises
    ------
    UserError
        If there is no such file or class, if running the file fails, or if the class is not a whole one of its kind.
    """
    where, _, name = place.rpartition(":")
    if place.endswith(".py") or not (where and name):
        raise UserError(f"{place} names no class: write {place.rstrip(':')}:CLASS.")
    module = _module(where)
    base, _, known = FAMILIES[kind]
    if not hasattr(module, name):
        there = [n for n, c in inspect.getmembers(module, inspect.isclass) if issubclass(c, base) and c is not base]
        ending = suggest(name, there) if there else f" It has no {kind} at all."
        raise UserError(f"There is no class {name!r} in {where}.{ending}")
    own = _checked(kind, place, getattr(module, name))
    if known().get(own.label) is not own:
        raise UserError(
            f"{place} is not found by its label {own.label!r}: give it one that no other {kind} has, and define it "
            "at the top level of its file."
        )
    return own


def _checked(kind: Kind, place: str, own: Any) -> Any:
    """Refuse what is not a final class of its kind with a label that can name a folder."""
    base = FAMILIES[kind].base
    if not (isinstance(own, type) and issubclass(own, base)):
        derived = f"tuneful.{kind}s.{base.__name__}"
        raise UserError(f"{place} is no {kind}: a class of {kind}s derives from {derived}.")
    if missing := sorted(getattr(own, "__abstractmethods__", ())):
        raise UserError(f"{place} is not a whole {kind} yet: it lacks {', '.join(missing)}.")
    label = getattr(own, "label", None)
    if not (isinstance(label, str) and re.fullmatch(r"\w[\w.+-]*", label)):
        raise UserError(f"{place} needs a label of letters, digits and dashes: label: ClassVar[str] = 'my-{kind}'.")
    return own


def _module(where: str) -> ModuleType:
    """Import a file or a module, once in a process."""
    if not where.endswith(".py"):
        if not all(part.isidentifier() for part in where.split(".")):
            raise UserError(f"{where} is neither a file that ends in .py nor the name of a module.")
        _search(Path.cwd())
        return _running(where, where, lambda: importlib.import_module(where))
    path = Path(where).expanduser()
    if not path.is_file():
        raise UserError(f"There is no file {where}: check the path (now in {Path.cwd()}).")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if (
            isinstance(file, str)
            and os.path.basename(file) == path.name
            and os.path.exists(file)
            and path.samefile(file)
        ):
            return module
    _search(path.absolute().parent)
    return _running(where, str(path), lambda: _executed(where, path))


def _executed(where: str, path: Path) -> ModuleType:
    """Run a file as a module, which is called as the file was, so that its classes say where they are from."""
    spec = importlib.util.spec_from_file_location(where, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[where] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[where]
        raise
    return module


def _running(where: str, file: str, work: Callable[[], ModuleType]) -> ModuleType:
    """Whatever goes wrong in somebody's file is said in one sentence, with the line."""
    try:
        return work()
    except ModuleNotFoundError as error:
        if f"{where}.".startswith(f"{error.name}."):
            raise UserError(f"There is no module {where}: check the name (searched from {Path.cwd()}).") from error
        raise _failed(where, file, error) from error
    except (Exception, SystemExit) as error:
        raise _failed(where, file, error) from error


def _failed(where: str, file: str, error: BaseException) -> UserError:
    return UserError(printable(f"{where} cannot be imported: {in_short(error, file)}.", 200))


def _search(folder: Path) -> None:
    """Let modules of this folder be found, as Python does for a script in it."""
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _relative(file: str) -> str:
    path = Path(file).absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
