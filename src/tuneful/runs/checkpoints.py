"""States on disk: arrays in an .npz file beside a JSON file, put in place by one atomic rename."""

import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tuneful import __version__
from tuneful.errors import UserError

FORMAT = 1
KEPT = 2  # the newest, and one more should the newest be damaged


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a whole file or nothing."""
    temporary = path.with_name(f".{path.name}.tmp")
    data = content.encode() if isinstance(content, str) else content
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_checkpoint(folder: Path, step: int, tree: Any) -> None:
    """Save a PyTree of arrays as `folder/step-NNNNNNNN`, then remove all but the newest checkpoints."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary, final = folder / f".step-{step:08d}.tmp", folder / f"step-{step:08d}"
    shutil.rmtree(temporary, ignore_errors=True)  # of a run that was killed here
    try:
        _write_checkpoint(temporary, step, tree)
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for old in checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _write_checkpoint(folder: Path, step: int, tree: Any) -> None:
    folder.mkdir()
    names, arrays = _named_arrays(tree)
    with open(folder / "arrays.npz", "wb") as file:
        np.savez(file, *arrays)
        file.flush()
        os.fsync(file.fileno())
    about = {"format": FORMAT, "tuneful": __version__, "step": step, "leaves": names}
    write_atomically(folder / "checkpoint.json", json.dumps(about, indent=1))


def checkpoints(folder: Path) -> list[Path]:
    """List complete checkpoints, oldest first."""
    return sorted(folder.glob("step-*"))


def load_checkpoint(path: Path, template: Any) -> Any:
    """Read a checkpoint into the structure of `template`.

    **Raises:** `UserError` if it is damaged or of another configuration.
    """
    try:
        about = json.loads((path / "checkpoint.json").read_text())
        with open(path / "arrays.npz", "rb") as packed, np.load(packed) as file:
            arrays = [file[f"arr_{i}"] for i in range(len(about["leaves"]))]
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"The checkpoint {path} cannot be read ({error}); remove it to start from the one before."
        ) from error
    names, expected = _named_arrays(template)
    if names != about["leaves"] or any(a.dtype != e.dtype for a, e in zip(arrays, expected, strict=True)):
        raise UserError(f"The checkpoint {path} belongs to another configuration or version of tuneful.")
    leaves, structure = jax.tree.flatten(template)
    return jax.tree.unflatten(structure, [_like(leaf, array) for leaf, array in zip(leaves, arrays, strict=True)])


def _named_arrays(tree: Any) -> tuple[list[str], list[np.ndarray]]:
    """Flatten a PyTree to names and NumPy arrays; random keys as their data."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    names = [jax.tree_util.keystr(path) for path, _ in leaves]
    return names, [np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for _, leaf in leaves]


def _like(leaf: Any, array: np.ndarray) -> Any:
    """Give a stored array the kind of the template's leaf: random key, NumPy or JAX array."""
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return array if isinstance(leaf, np.ndarray) else jnp.asarray(array)


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
