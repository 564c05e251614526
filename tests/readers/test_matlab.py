"""Damaged MATLAB files of either kind end in a sentence."""

import contextlib
import random

import h5py
import numpy as np
import pytest
import scipy.io

from tuneful.errors import UserError
from tuneful.readers.weights import read_arrays

W = np.arange(36.0).reshape(6, 6)


def write_73(path):
    """A matrix and one in a structure, as MATLAB writes them: compressed, behind a header of 512 bytes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("W", data=W, chunks=(3, 6), compression="gzip").attrs["MATLAB_class"] = np.bytes_(
            "double"
        )
        file["data/W_rec"] = W
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


@pytest.mark.parametrize("write", [write_73, lambda path: scipy.io.savemat(path, {"W": W, "data": {"W_rec": W}})])
def test_300_damaged_files_are_read_or_refused_in_one_sentence(damaged, tmp_path, write):
    path, draw = tmp_path / "a.mat", random.Random(7)
    write(path)
    assert set(read_arrays(path)) == {"W", "data.W_rec"}
    content = path.read_bytes()
    for _ in range(300):
        path.write_bytes(damaged(content, draw))
        with contextlib.suppress(UserError):
            read_arrays(path)
