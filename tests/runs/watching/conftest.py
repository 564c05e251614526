"""Folders of runs as they are at some moment, without any run."""

import json
import os
import socket

import numpy as np
import pytest

from tuneful.curves import make_dataset
from tuneful.readers import save
from tuneful.runs.lock import HOLDER

CONFIG = {
    "kind": "fit", "format": 2, "circuit": {"name": "m1", "J": 6000.0}, "objective": {"name": "energy"}, "seed": 3,
    "data": {"name": "curves.csv"}, "fit": {"max_steps": 40, "evaluation_curves": 100}, "versions": {"jax": "0.6"},
}  # fmt: skip


def _begun(path, steps=0):
    """A fit that took so many steps, of which every tenth was compared."""
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(CONFIG))
    rates = np.random.default_rng(0).gamma(2.0, 5.0, (8, 4))
    curves = make_dataset(rates, {"size": [1.0, 2.0, 4.0, 8.0]}).assign_coords(held_out=("unit", [True, False] * 4))
    save(curves, path / "data.nc")
    lines = []
    for step in range(1, steps + 1):
        values = {"loss": 1 / step, "taken": True, "parameters": {"J": 6000.0 + step}, "seconds": 0.5 * step}
        lines.append({"step": step} | values)
        lines += [{"step": step, "statistics": {"max_rate": 1 / step}}] * (step % 10 == 0)
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _held(path):
    """The same, at work in this process."""
    about = {"process": os.getpid(), "host": socket.gethostname(), "since": "2026-01-01T00:00:00"}
    (path / HOLDER).write_text(json.dumps(about))
    return path


@pytest.fixture
def begun(tmp_path):
    """`begun(steps)`: the folder of a fit that took so many steps and has no result."""
    return lambda steps=0: _begun(tmp_path / "run", steps)


@pytest.fixture
def held():
    """`held(folder)`: as if this process were at work in it."""
    return _held
