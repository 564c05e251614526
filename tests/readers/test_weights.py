"""Weight matrices in files of every kind: the same numbers come back, and whatever is wrong is said in a sentence."""

import zipfile

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from tuneful.errors import UserError
from tuneful.networks import random_network
from tuneful.readers.weights import read_mask, read_network

NETWORK = random_network(12, 0, density=0.4)
W, TYPES = NETWORK.weights, NETWORK.excitatory


def write_mat73(path, **arrays):
    """What MATLAB writes with -v7.3: HDF5 behind a header of 512 bytes, every array transposed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            if scipy.sparse.issparse(array):
                group, columns = file.create_group(name), array.tocsc()
                group.attrs["MATLAB_sparse"] = np.uint64(columns.shape[0])
                group["data"], group["ir"], group["jc"] = columns.data, columns.indices, columns.indptr
            else:
                file[name] = np.asarray(array).T
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


WRITERS = {
    "a.npy": lambda path: np.save(path, W),
    "a.npz": lambda path: np.savez(path, J=W, tau=np.ones(3)),
    "a.mat": lambda path: scipy.io.savemat(path, {"J": W, "note": "hello", "empty": np.empty((0, 0))}),
    "sparse.mat": lambda path: scipy.io.savemat(path, {"J": scipy.sparse.csc_matrix(W)}),
    "b.mat": lambda path: write_mat73(path, J=W, x=np.ones(4)),
    "sparse73.mat": lambda path: write_mat73(path, J=scipy.sparse.csc_matrix(W)),
    "struct.mat": lambda path: scipy.io.savemat(path, {"data": {"W_rec": W, "fits": {"x": np.ones(3)}, "N": 12}}),
    "sparse.npz": lambda path: scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(W)),
    "coo.npz": lambda path: scipy.sparse.save_npz(path, scipy.sparse.coo_array(W)),
    "square.npz": lambda path: np.savez(path, J=W, inputs=np.ones((12, 3)), note="hello"),
    "a.csv.gz": lambda path: np.savetxt(path, W, delimiter=",", fmt="%.17g"),
    "a.csv": lambda path: np.savetxt(path, W, delimiter=",", fmt="%.17g"),
    "b.csv": lambda path: np.savetxt(path, W, delimiter=";", fmt="%.17g", encoding="utf-8-sig"),
    "a.tsv": lambda path: np.savetxt(path, W, delimiter="\t", fmt="%.17g"),
    "a.txt": lambda path: np.savetxt(path, W, fmt="%.17g", header="rows are post-synaptic"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_numbers(tmp_path, name):
    WRITERS[name](tmp_path / name)
    network = read_network(tmp_path / name)
    np.testing.assert_array_equal(network.weights, W)
    np.testing.assert_array_equal(network.excitatory, TYPES)


def test_a_variable_is_chosen_by_its_name(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, first=W, second=2 * W)
    np.testing.assert_array_equal(read_network(path, "second").weights, 2 * W)
    with pytest.raises(UserError, match=r"several matrices: choose one with --variable \(first, second\)"):
        read_network(path)
    with pytest.raises(UserError, match=r"has no variable 'secnd'\. Did you mean 'second'"):
        read_network(path, "secnd")
    np.savez(path, first=W, weights=2 * W)
    np.testing.assert_array_equal(read_network(path).weights, 2 * W)
    np.save(tmp_path / "a.npy", W)
    with pytest.raises(UserError, match="one array without a name"):
        read_network(tmp_path / "a.npy", "W")


def test_which_variable_was_taken_is_said(tmp_path):
    said = []
    for name in ("struct.mat", "square.npz", "a.npy"):
        WRITERS[name](tmp_path / name)
        read_network(tmp_path / name, note=said.append)
    assert len(said) == 2
    assert said[0].startswith("The weights are the variable 'data.W_rec' of ")
    np.testing.assert_array_equal(read_network(tmp_path / "struct.mat", "data.W_rec").weights, W)
    with pytest.raises(UserError, match=r"Did you mean 'data.W_rec'"):
        read_network(tmp_path / "struct.mat", "data.Wrec")


def test_structures_of_version_73(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["data/inner/W"], file["data/N"] = W.T, 12
    with open(tmp_path / "a.mat", "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    np.testing.assert_array_equal(read_network(tmp_path / "a.mat", "data.inner.W").weights, W)


def test_numbers_of_other_kinds(tmp_path):
    for kind in ("int8", "float16", "float32", ">f8"):
        np.save(tmp_path / "a.npy", np.sign(W).astype(kind))
        np.testing.assert_array_equal(read_network(tmp_path / "a.npy").weights, np.sign(W))


def test_sizes_are_bounded(tmp_path):
    scipy.sparse.save_npz(tmp_path / "a.npz", scipy.sparse.csr_matrix((10**6, 10**6)))
    with pytest.raises(UserError, match="1000000 cells is too large"):
        read_network(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as file, file.open("a.npy", "w") as array:
        array.write(bytes(2**16))
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(
        content.replace((2**16).to_bytes(4, "little"), (2**32 - 2).to_bytes(4, "little"))
    )
    with pytest.raises(UserError, match="4095 MiB, and at most 2048 MiB are read"):
        read_network(tmp_path / "a.npz")


def test_a_member_that_is_no_array_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("W.npy", b"NUMPY")
    with pytest.raises(UserError, match=r"a\.npz cannot be read: its member 'W' is no array"):
        read_network(tmp_path / "a.npz")


MUTATED = ("a.npy", "a.npz", "sparse.npz", "a.mat", "struct.mat", "sparse.mat", "a.csv", "b.csv")


@pytest.mark.parametrize("name", MUTATED)
def test_damaged_files_are_read_or_refused_in_a_sentence(tmp_path, name):
    rng = np.random.default_rng(MUTATED.index(name))
    path = tmp_path / name
    WRITERS[name](path)
    content = path.read_bytes()
    for _ in range(40):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 9)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, len(content))] if rng.random() < 0.2 else damaged)
        try:
            network = read_network(path)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert np.isfinite(network.weights).all()


def test_types_of_cells(tmp_path):
    """A silent cell has no sign: its type comes from the file, from a count, or from a file of its own."""
    silent = W * (np.arange(12) != 11)
    np.save(tmp_path / "a.npy", silent)
    np.savez(tmp_path / "a.npz", weights=silent, excitatory=TYPES)
    np.savetxt(tmp_path / "types.csv", TYPES.astype(int), fmt="%d")
    with pytest.raises(UserError, match="say which with --excitatory"):
        read_network(tmp_path / "a.npy")
    for name, excitatory in (("a.npz", None), ("a.npy", "6"), ("a.npy", str(tmp_path / "types.csv"))):
        np.testing.assert_array_equal(read_network(tmp_path / name, None, excitatory).excitatory, TYPES)
    np.savez(tmp_path / "a.npz", weights=W, excitatory=np.ones((12, 12)))  # another matter of the same name
    np.testing.assert_array_equal(read_network(tmp_path / "a.npz", "weights").excitatory, TYPES)


@pytest.mark.parametrize(
    ("excitatory", "message"),
    [
        ("0", "of 12 cells, 1 to 11"),
        ("12", "of 12 cells, 1 to 11"),
        ("-3", "of 12 cells, 1 to 11"),
        ("5", "Column 5 is inhibitory and has a positive weight"),
        ("none.csv", "There is no file none.csv"),
        ("short.csv", "12 truth values"),
        ("twos.csv", "only zeros and ones"),
    ],
)
def test_types_that_do_not_fit(tmp_path, monkeypatch, excitatory, message):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", W)
    np.savetxt("short.csv", np.ones(3))
    np.savetxt("twos.csv", np.full(12, 2))
    with pytest.raises(UserError, match=message):
        read_network(tmp_path / "a.npy", None, excitatory)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"a,b\n1,2\n", r"shape \(cells, cells\), not \(1, 2\)"),
        ("a.csv", b"1,2\n3\n", "has rows of 1 to 2 cells"),
        ("a.csv", b"1,\n3,4\n", "has '' in row 1, column 2"),
        ("a.csv", b"# only words\n", "holds no numbers"),
        ("a.csv", b"1,2,3\n4,5,6\n", r"shape \(cells, cells\), not \(2, 3\)"),
        ("a.csv", b"0,nan\n1,-1\n", "1 entries that are not finite"),
        ("a.csv", b"1,-1\n-1,-1\n", "Column 0 has both signs"),
        ("a.npy", b"not an array", "cannot be read: it is no file of NumPy"),
        ("a.npz", b"not an archive", "cannot be read"),
        ("a.mat", bytes(range(256)) * 4, "could not be read"),
        ("a.mat", b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(500), "is no HDF5 file"),
        ("a.xls", b"1", r"ends in '.xls', which is not a known format: use .npy, .npz"),
    ],
)
def test_files_that_hold_no_weights(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_network(tmp_path / name)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (W * 1j, "real numbers, not complex"),
        (np.array([["a", "b"], ["c", "d"]]), "real numbers, not values of type"),
        (np.array([W, None], dtype=object), "cannot be read"),
        (np.float64(3), "not \\(\\)"),
    ],
)
def test_arrays_that_are_no_weights(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(UserError, match=message):
        read_network(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("types", "message"),
    [(TYPES[:10], "'excitatory' has 10 values and there are 12 cells"), (list("EI" * 6), "zeros")],
)
def test_types_in_the_file_that_do_not_fit(tmp_path, types, message):
    np.savez(tmp_path / "a.npz", weights=W, excitatory=types)
    with pytest.raises(UserError, match=message):
        read_network(tmp_path / "a.npz")


def test_files_without_a_matrix(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    with pytest.raises(UserError, match="holds no matrix"):
        read_network(tmp_path / "a.npz")
    with pytest.raises(UserError, match="There is no file"):
        read_network(tmp_path / "none.npy")


def test_masks(tmp_path):
    np.savetxt(tmp_path / "mask.csv", W != 0, fmt="%d", delimiter=",")
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.csv"), W != 0)
    np.savetxt(tmp_path / "mask.csv", W, delimiter=",")
    with pytest.raises(UserError, match="only zeros and ones"):
        read_mask(tmp_path / "mask.csv")


def test_what_is_no_matrix_of_numbers_is_named(tmp_path):
    cells = np.empty((1, 2), dtype=object)
    cells[0] = [W, W]
    scipy.io.savemat(tmp_path / "cells.mat", {"draws": cells})
    with pytest.raises(UserError, match=r"holds no matrix of numbers \(found: draws\)"):
        read_network(tmp_path / "cells.mat")
