"""Checkpoints: whole or not there, read back as they were, and never a traceback."""

import errno
import json
import os
import signal
import subprocess
import sys
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tuneful.errors import UserError
from tuneful.runs import checkpoints as checkpoint
from tuneful.runs.checkpoints import (
    KEPT,
    Checkpoints,
    checkpoints,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)


@pytest.fixture
def tree():
    """Everything that a state may be made of."""
    return {
        "key": jax.random.key(3),
        "free": jnp.array([0.1, np.pi], jnp.float32),
        "step": jnp.array(7, jnp.int32),
        "flag": jnp.array([True, False]),
        "path": np.linspace(0, 1, 5).reshape(5, 1),
        "nested": (jnp.zeros((0, 3)), [jnp.array(np.nan)]),
    }


def as_plain(leaf):
    return np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)


def test_every_bit_comes_back(tmp_path, tree):
    save_checkpoint(tmp_path, 7, tree)
    read = load_checkpoint(tmp_path / "step-00000007", tree)
    assert jax.tree.structure(read) == jax.tree.structure(tree)
    for before, after in zip(jax.tree.leaves(tree), jax.tree.leaves(read), strict=True):
        assert type(before) is type(after)
        assert before.dtype == after.dtype
        assert as_plain(before).tobytes() == as_plain(after).tobytes()


def test_arrays_may_have_grown(tmp_path, tree):
    """The path of the parameters is longer in the checkpoint than at the start of the run that reads it."""
    save_checkpoint(tmp_path, 7, tree)
    shorter = tree | {"path": np.zeros((0, 1))}
    assert load_checkpoint(tmp_path / "step-00000007", shorter)["path"].shape == (5, 1)


def test_the_newest_are_kept(tmp_path):
    for step in (2, 4, 10, 100):
        save_checkpoint(tmp_path, step, jnp.array(step))
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000010", "step-00000100"][-KEPT:]
    assert len(list(tmp_path.iterdir())) == KEPT


def test_a_step_may_be_saved_again(tmp_path):
    save_checkpoint(tmp_path, 2, jnp.array(1.0))
    save_checkpoint(tmp_path, 2, jnp.array(2.0))
    assert load_checkpoint(tmp_path / "step-00000002", jnp.array(0.0)) == 2.0


def test_what_a_kill_left_is_not_a_checkpoint(tmp_path):
    (tmp_path / ".step-00000004.tmp").mkdir()
    (tmp_path / ".step-00000004.tmp" / "arrays.npz").write_bytes(b"half")
    assert checkpoints(tmp_path) == []
    save_checkpoint(tmp_path, 4, jnp.array(1.0))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000004"]


@pytest.mark.parametrize(
    "other",
    [
        lambda tree: tree | {"more": jnp.zeros(1)},
        lambda tree: {key: tree[key] for key in ("key", "free")},
        lambda tree: tree | {"free": np.zeros(2)},
    ],
    ids=["more", "less", "precision"],
)
def test_another_configuration_is_refused(tmp_path, tree, other):
    save_checkpoint(tmp_path, 1, tree)
    with pytest.raises(UserError, match="belongs to another configuration"):
        load_checkpoint(tmp_path / "step-00000001", other(tree))


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGE = {
    "no arrays": lambda path: (path / "arrays.npz").unlink(),
    "empty arrays": lambda path: (path / "arrays.npz").write_bytes(b""),
    "half the arrays": lambda path: cut(path / "arrays.npz"),
    "a flipped byte": lambda path: flip(path / "arrays.npz"),
    "no description": lambda path: (path / "checkpoint.json").unlink(),
    "half a description": lambda path: cut(path / "checkpoint.json"),
    "another description": lambda path: (path / "checkpoint.json").write_text("{}"),
    "not even an object": lambda path: (path / "checkpoint.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_told_in_one_sentence(tmp_path, damage):
    state = {"path": np.arange(1000.0)}
    save_checkpoint(tmp_path, 1, state)
    damage(tmp_path / "step-00000001")
    with pytest.raises(UserError, match=r"The checkpoint .*step-00000001 cannot be read"):
        load_checkpoint(tmp_path / "step-00000001", state)


def test_full_disk_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 2, jnp.array(1.0))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for function in ("savez", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint.np if function == "savez" else checkpoint.os, function, full)
            with pytest.raises(OSError, match="No space left"):
                save_checkpoint(tmp_path, 4, jnp.array(2.0))
        assert [path.name for path in tmp_path.iterdir()] == ["step-00000002"]
        assert load_checkpoint(tmp_path / "step-00000002", jnp.array(0.0)) == 1.0


def test_the_newest_readable_checkpoint_is_used(tmp_path):
    assert newest_checkpoint(tmp_path, lambda: [0.0]) is None
    save_checkpoint(tmp_path, 2, [2.0])
    save_checkpoint(tmp_path, 4, [4.0])
    assert newest_checkpoint(tmp_path, lambda: [0.0]) == [4.0]
    newest, oldest = (tmp_path / f"step-0000000{step}" / "arrays.npz" for step in (4, 2))
    newest.write_bytes(newest.read_bytes()[:100])
    assert newest_checkpoint(tmp_path, lambda: [0.0]) == [2.0]
    oldest.unlink()
    with pytest.raises(UserError, match="step-00000002 cannot be read"):
        newest_checkpoint(tmp_path, lambda: [0.0])


def test_states_are_kept_every_so_many_steps_and_at_the_end(tmp_path):
    keeper = Checkpoints(tmp_path, every=4)
    for step in range(1, 11):
        keeper.keep(step, lambda step=step: jnp.array(step), is_last=False)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000004", "step-00000008"]
    keeper.keep(10, lambda: jnp.array(10), is_last=True)
    again = Checkpoints(tmp_path)
    assert int(again.load(lambda: jnp.array(0))) == 10
    assert again.clock() >= keeper.clock() - 1  # seconds go on


def test_a_state_is_not_saved_twice(tmp_path):
    keeper = Checkpoints(tmp_path, every=2)
    keeper.keep(2, lambda: jnp.array(1), is_last=False)
    keeper.keep(2, lambda: 1 / 0, is_last=True)


def test_an_empty_folder_has_no_state(tmp_path):
    assert Checkpoints(tmp_path / "none").load(lambda: jnp.array(0)) is None


PROGRAMS = {
    "gains": """
weights, times = jnp.array([[0.0, -2.0], [2.0, 0.0]]), jnp.linspace(0, 2, 21)
about = weights, jnp.array([10.0, 0.0]), Readout(jnp.array([1.0, 0.0]), jnp.array(0.0)), jnp.sin(times), times
found = learn_gains(*about, iterations=12, keeper=keeper, observers=[killer]).errors
""",
    "operating point": """
weights = np.array([[1.2, -0.5], [1.0, -0.2]])
gain = partial(power_law, k=0.04, n=2.0)
about = weights, np.array([10.0, 10.0]), gain, (20.0, 10.0)
found = stabilize_operating_point(*about, target=-0.045, keeper=keeper, observers=[killer]).history
""",
}
FRAME = """
import os, signal, sys
from functools import partial
import jax.numpy as jnp
import numpy as np
from tuneful import Checkpoints
from tuneful.networks import Readout, learn_gains
from tuneful.networks.supralinear import power_law
from tuneful.stability import stabilize_operating_point
keeper, last = Checkpoints(sys.argv[1], every=2), int(sys.argv[2])
def killer(moment):
    if moment.steps == last:
        os.kill(os.getpid(), signal.SIGKILL)
{program}
np.save(sys.argv[3], found)
"""


@pytest.mark.parametrize("kind", PROGRAMS)
def test_any_descent_survives_sigkill_with_the_same_bits(tmp_path, kind):
    """Killed between two states that are kept, and left to itself the second time."""

    def run(folder, last):
        command = [sys.executable, "-c", FRAME.format(program=PROGRAMS[kind]), folder, str(last), folder + ".npy"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    whole = run("whole", -1)
    assert whole.returncode == 0, whole.stderr
    assert run("killed", 3).returncode == -signal.SIGKILL
    assert [path.name for path in checkpoints(tmp_path / "killed")] == ["step-00000002"]
    assert run("killed", -1).returncode == 0
    assert (tmp_path / "killed.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()
    assert len(np.load(tmp_path / "whole.npy")) > 4


def test_what_others_keep_there_is_left_alone(tmp_path):
    """Folders named like checkpoints, and a checkpoint to which somebody added a file."""
    save_checkpoint(tmp_path, 1, jnp.array(1))
    for name in ("step-00000000/model.pt", "step-by-step/notes", ".step-00000005.tmp/model.pt", "step-00000001/mine"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    for step in (1, 2, 3, 4, 5):
        save_checkpoint(tmp_path, step, jnp.array(step))
    checkpoint.remove_checkpoints(tmp_path)
    mine = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert mine == [
        ".step-00000005.tmp/model.pt", "step-00000000/model.pt", "step-00000001/arrays.npz",
        "step-00000001/checkpoint.json", "step-00000001/mine", "step-by-step/notes",
    ]  # fmt: skip


@pytest.mark.parametrize("change", [lambda about: about | {"step": 9}, lambda about: about | {"leaves": []}])
def test_an_edited_description_is_damage(tmp_path, tree, change):
    save_checkpoint(tmp_path, 1, tree)
    about = tmp_path / "step-00000001" / "checkpoint.json"
    about.write_text(json.dumps(change(json.loads(about.read_text()))))
    with pytest.raises(UserError, match="not as it was written"):
        load_checkpoint(tmp_path / "step-00000001", tree)


def test_edited_arrays_are_damage(tmp_path, tree):
    save_checkpoint(tmp_path, 1, tree)
    arrays = tmp_path / "step-00000001" / "arrays.npz"
    with np.load(arrays) as file:
        changed = {name: file[name] + 1 if file[name].dtype == np.int32 else file[name] for name in file.files}
    np.savez(arrays, **changed)
    with pytest.raises(UserError, match="not as it was written"):
        load_checkpoint(tmp_path / "step-00000001", tree)


def test_states_of_earlier_versions_are_read_if_their_shapes_fit(tmp_path, tree):
    save_checkpoint(tmp_path, 1, tree)
    path = tmp_path / "step-00000001"
    about = json.loads((path / "checkpoint.json").read_text())
    old = {name: value for name, value in about.items() if name not in ("arrays", "proof")} | {"format": 2}
    (path / "checkpoint.json").write_text(json.dumps(old))
    assert load_checkpoint(path, tree)["step"] == 7
    assert not checkpoint.is_proven(path)
    with pytest.raises(UserError, match="belongs to another configuration"):
        load_checkpoint(path, tree | {"free": jnp.zeros((2, 2), jnp.float32)})
    with zipfile.ZipFile(path / "arrays.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path / "arrays.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[1:])  # of a member that is no array, NumPy gives the bytes
    with pytest.raises(UserError, match="belongs to another configuration"):
        load_checkpoint(path, tree)
    with zipfile.ZipFile(path / "arrays.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(b"{'", b"{(", 1))  # a header of which no end is found
    with pytest.raises(UserError, match="cannot be read"):
        load_checkpoint(path, tree)
