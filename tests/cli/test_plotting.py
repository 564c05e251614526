"""`tuneful plot`: whole pictures or none, and one sentence for what cannot be drawn."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tuneful.curves import make_dataset
from tuneful.readers import save

FIRST_BYTES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.fixture
def table(tmp_path):
    rates = np.random.default_rng(0).gamma(2.0, 5.0, (6, 4))
    save(make_dataset(rates, {"direction": [0, 90, 180, 270]}), tmp_path / "curves.csv")
    return tmp_path / "curves.csv"


@pytest.mark.parametrize("form", FIRST_BYTES)
def test_pictures_of_every_form_are_written_once(form, table, tuneful, refused):
    out = table.with_name(f"picture.{form}")
    assert tuneful("plot", table, "curves", "--only", "u1", "--out", out)[:2] == (0, f"{out}\n")
    first = out.read_bytes()
    assert first.startswith(FIRST_BYTES[form])
    assert "exists" in refused("plot", table, "population", "--out", out)
    assert out.read_bytes() == first
    assert tuneful("plot", table, "curves", "--only", "u1", "--out", out, "--overwrite")[0] == 0
    assert out.read_bytes() == first  # no time and no version in it
    assert {file.name for file in table.parent.iterdir()} == {"curves.csv", out.name}


def test_weights_of_a_file_are_drawn(tmp_path, tuneful):
    np.save(tmp_path / "w.npy", [[0.0, -1.0], [1.0, -0.5]])
    assert tuneful("plot", tmp_path / "w.npy", "weights")[0] == 0
    np.savetxt(tmp_path / "w.csv", [[0.0, -1.0], [1.0, -0.5]], delimiter=",")
    assert tuneful("plot", tmp_path / "w.csv", "--out", "w.svg")[0] == 0
    assert "imaginary part" in Path("w.svg").read_text()
    image = np.asarray(Image.open("weights.png").convert("RGB"), int)
    assert (image[..., 0] - image[..., 2] > 100).any()  # red, which excites
    assert (image[..., 2] - image[..., 0] > 100).any()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["curves.csv", "curves", "--out", "a.jpg"], "Pictures are .png, .svg, .pdf files"),
        (["curves.csv", "curves", "--out", "nowhere/a.png"], "There is no folder nowhere"),
        (["curves.csv", "distances"], "choose one of curves, population, overview"),
        (["curves.csv", "curves", "--only", "u77"], "There is no panel 'u77'"),
        (["none.csv"], "There is no run folder or file none.csv"),
        ([".", "curves"], "holds no config.json"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_sentence(arguments, said, table, refused):
    assert said in refused("plot", *arguments)
    assert {file.name for file in table.parent.iterdir()} == {"curves.csv"}


def test_a_file_that_cannot_be_replaced_is_kept(table, refused, monkeypatch):
    out = table.with_name("picture.png")
    out.write_bytes(b"mine")
    monkeypatch.setattr("tuneful.files.os.access", lambda _, mode: mode != os.W_OK)
    assert "refused" in refused("plot", table, "population", "--out", out, "--overwrite")
    assert out.read_bytes() == b"mine"


def test_an_answer_that_nobody_asked_for_yet_names_its_command(refused):
    Path("run").mkdir()
    Path("run", "config.json").write_text('{"kind": "fit"}')
    for what, command in {"predictions": "predict", "goodness": "goodness", "inference": "infer"}.items():
        assert f"run has no {what}: `tuneful {command} run` comes first." in refused("plot", "run", what)
