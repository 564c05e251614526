"""States on disk: arrays in an .npz file beside a JSON file, put in place by one atomic rename."""

import hashlib
import itertools
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tuneful import __version__
from tuneful.errors import UserError
from tuneful.files import write_atomically
from tuneful.runs.progress import Stopwatch

FORMAT = 3
UNPROVEN = 2  # the format in which checkpoints did not say what they held
ARRAYS, ABOUT = "arrays.npz", "checkpoint.json"
NAME = re.compile(r"step-(\d{8,})(\.\d+)?")
KEPT = 2  # the newest, and one more should the newest be damaged
FIRST_SAVE = 1.0  # seconds from the beginning to the first save of the state
SAVE_EVERY = 3.0  # seconds between two saves ...
SAVE_SHARE = 20.0  # ... and at least so many times as long as a save takes


class Checkpoints:
    """Keeps the states of a descent in a folder, so that it goes on after a kill with the same bits.

    A descent that is given this keeper goes on from the newest state in the folder, if there is one.

    Parameters
    ----------
    folder
        Is made if it is not there. What else it holds is left alone.
    every
        Save after so many steps; None: every few seconds, and as seldom as saving is slow.

    >>> from tempfile import mkdtemp
    >>> from tuneful.networks import random_network
    >>> from tuneful.stability import stabilize
    >>> network, folder = random_network(40, seed=0, radius=4.0), mkdtemp()
    >>> begun = stabilize(network.weights, target=0.5, max_steps=3, keeper=Checkpoints(folder))
    >>> ended = stabilize(network.weights, target=0.5, keeper=Checkpoints(folder))
    >>> begun.steps, str(ended.outcome)
    (3, 'reached')
    """

    def __init__(self, folder: Path | str, every: int | None = None):
        self._folder, self._every = Path(folder), every
        self.clock = Stopwatch()
        self._saved_steps = -1
        self._saved, self._pause = time.perf_counter(), FIRST_SAVE

    def load(self, template: Callable[[], Any]) -> Any | None:
        """Find the newest readable state, None if there is none; the seconds go on from there.

        Raises
        ------
        UserError
            If there are states and none can be used.
        """
        saved = newest_checkpoint(self._folder, lambda: {"state": template(), "seconds": np.zeros(())})
        if saved is None:
            return None
        self.clock = Stopwatch(float(saved["seconds"]))
        return saved["state"]

    def keep(self, steps: int, pack: Callable[[], Any], is_last: bool) -> None:
        """Save a state if it is time to, or if it is the last."""
        if steps == self._saved_steps or not (is_last or self._is_due(steps)):
            return
        before = time.perf_counter()
        save_checkpoint(self._folder, steps, {"state": pack(), "seconds": np.asarray(self.clock())})
        self._saved, self._saved_steps = time.perf_counter(), steps
        self._pause = max(SAVE_EVERY, SAVE_SHARE * (self._saved - before))

    def _is_due(self, steps: int) -> bool:
        if self._every is not None:
            return steps % self._every == 0
        return time.perf_counter() - self._saved > self._pause


class StatesOf:
    """Keeps states as `Checkpoints` does, for those who ask for the same only: others find none and begin anew.

    Parameters
    ----------
    folder
        As in `Checkpoints`.
    asked
        Everything that decides the result, in types that JSON knows.
    """

    def __init__(self, folder: Path, asked: Any):
        self._folder, self._states = folder, Checkpoints(folder)
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()
        self._asked = np.frombuffer(digest, np.uint8)

    def load(self, template: Callable[[], Any]) -> Any | None:
        """Find the newest state of what is asked; states of anything else, and unreadable ones, are removed."""
        try:
            saved = self._states.load(lambda: self._packed(template()))
        except UserError:
            saved = None
        if saved is not None and np.array_equal(saved["asked"], self._asked):
            return saved["state"]
        self.discard()
        return None

    def keep(self, steps: int, pack: Callable[[], Any], is_last: bool) -> None:
        """Save a state if it is time to, or if it is the last."""
        self._states.keep(steps, lambda: self._packed(pack()), is_last)

    def discard(self) -> None:
        """Remove all states: the answer is written, or asked otherwise."""
        remove_checkpoints(self._folder)

    def _packed(self, state: Any) -> dict[str, Any]:
        return {"asked": self._asked, "state": state}


def save_checkpoint(folder: Path, step: int, tree: Any) -> None:
    """Save a PyTree of arrays as `folder/step-NNNNNNNN`, then remove all but the newest checkpoints.

    Where something else has that name, a damaged checkpoint for example, the name gets a number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary, final = _place(folder, step, ".{}.tmp", is_leftover), _place(folder, step, "{}", is_proven)
    _remove_leftover(temporary)
    try:
        _write_checkpoint(temporary, step, tree)
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    finally:
        _remove_leftover(temporary)
    for old in [path for path in checkpoints(folder) if is_proven(path)][:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of a folder, and the folder if nothing else is there."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if is_proven(path):
            shutil.rmtree(path)
        else:
            _remove_leftover(path)
    if not any(folder.iterdir()):
        folder.rmdir()


def is_proven(path: Path) -> bool:
    """Whether something is a checkpoint, every bit as it was written."""
    if path.is_symlink() or not NAME.fullmatch(path.name) or not path.is_dir():
        return False
    files = sorted(path.iterdir())
    if [file.name for file in files] != [ARRAYS, ABOUT] or any(file.is_symlink() for file in files):
        return False
    try:
        return _describes(_read_about(path), path)
    except (OSError, ValueError, RecursionError):
        return False


def _place(folder: Path, step: int, form: str, is_ours: Callable[[Path], bool]) -> Path:
    """Where a checkpoint may be put: nothing is there, or something of ours of the same step."""
    name = f"step-{step:08d}"
    names = itertools.chain([name], (f"{name}.{n}" for n in itertools.count(1)))
    places = (folder / form.format(name) for name in names)
    return next(path for path in places if not os.path.lexists(path) or is_ours(path))


def is_leftover(path: Path) -> bool:
    """Whether something is a checkpoint that a kill cut short."""
    is_named_so = path.name.endswith(".tmp") and NAME.fullmatch(path.name[1:-4]) and not path.is_symlink()
    return bool(is_named_so) and path.is_dir() and all(_is_part(file) for file in path.iterdir())


def _is_part(file: Path) -> bool:
    name = file.name
    return name in (ARRAYS, ABOUT) or (name.startswith(f".{ABOUT}.") and name.endswith(".tmp.json"))


def _remove_leftover(path: Path) -> None:
    if is_leftover(path):
        shutil.rmtree(path, ignore_errors=True)


def _write_checkpoint(folder: Path, step: int, tree: Any) -> None:
    folder.mkdir()
    names, arrays = _named_arrays(tree)
    with open(folder / ARRAYS, "wb") as file:
        np.savez(file, *arrays)
        file.flush()
        os.fsync(file.fileno())
    about = {"format": FORMAT, "tuneful": __version__, "step": step, "leaves": names, "arrays": _digest(folder)}
    write_atomically(folder / ABOUT, json.dumps(about | {"proof": _proof(about)}, indent=1))


def _read_about(folder: Path) -> dict[str, Any]:
    about = json.loads((folder / ABOUT).read_text())
    if not isinstance(about, dict):
        raise ValueError(f"{ABOUT} describes no checkpoint")
    return about


def _describes(about: dict[str, Any], folder: Path) -> bool:
    """Whether a description is as it was written, and the arrays beside it are those that it describes."""
    rest = {name: value for name, value in about.items() if name != "proof"}
    return about.get("proof") == _proof(rest) and about.get("arrays") == _digest(folder)


def _digest(folder: Path) -> str:
    with open(folder / ARRAYS, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _proof(about: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def checkpoints(folder: Path) -> list[Path]:
    """List complete checkpoints, oldest first."""
    return sorted(path for path in folder.glob("step-*") if NAME.fullmatch(path.name))


def newest_checkpoint(folder: Path, template: Callable[[], Any]) -> Any | None:
    """Read the newest readable checkpoint of a folder into the structure of `template()`; None if there is none.

    Raises
    ------
    UserError
        If there are checkpoints and none can be used.
    """
    found, like = checkpoints(folder), None
    for path in reversed(found):
        like = template() if like is None else like
        try:
            return load_checkpoint(path, like)
        except UserError:
            if path == found[0]:
                raise
    return None


def load_checkpoint(path: Path, template: Any) -> Any:
    """Read a checkpoint into the structure of `template`.

    Raises
    ------
    UserError
        If it is damaged or of another configuration.
    """
    try:
        about = _read_about(path)
        if about.get("format") != UNPROVEN and not _describes(about, path):
            raise ValueError("it is not as it was written")
        with open(path / ARRAYS, "rb") as packed, np.load(packed) as file:
            arrays = [np.asarray(file[f"arr_{i}"]) for i in range(len(about["leaves"]))]
    except Exception as error:  # NumPy fails in every way on damaged files
        raise UserError(
            f"The checkpoint {path} cannot be read ({error}); remove it to go on from the one before, or "
            "to begin again where there is none."
        ) from error
    names, expected = _named_arrays(template)
    if names != about["leaves"] or not all(map(_fits, arrays, expected)):
        raise UserError(f"The checkpoint {path} belongs to another configuration or version of tuneful.")
    leaves, structure = jax.tree.flatten(template)
    return jax.tree.unflatten(structure, [_like(leaf, array) for leaf, array in zip(leaves, arrays, strict=True)])


def _named_arrays(tree: Any) -> tuple[list[str], list[np.ndarray]]:
    """Flatten a PyTree to names and NumPy arrays; random keys as their data."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    names = [jax.tree_util.keystr(path) for path, _ in leaves]
    return names, [np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for _, leaf in leaves]


def _fits(array: np.ndarray, expected: np.ndarray) -> bool:
    """Whether an array is of the kind of the template, or longer: paths grow from step to step."""
    is_alike = (array.dtype, array.ndim, array.shape[1:]) == (expected.dtype, expected.ndim, expected.shape[1:])
    return is_alike and (not array.ndim or len(array) >= len(expected))


def _like(leaf: Any, array: np.ndarray) -> Any:
    """Give a stored array the kind of the template's leaf: random key, NumPy or JAX array."""
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return array if isinstance(leaf, np.ndarray) else jnp.asarray(array)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
