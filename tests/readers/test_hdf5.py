"""HDF5 files from anywhere: what holds its own numbers is opened, all else is refused in a sentence."""

import os

import h5py
import numpy as np
import pytest

from tuneful.errors import DatasetError
from tuneful.readers import hdf5, inspection
from tuneful.readers.hdf5 import opened

SECRET = np.full((2, 3), 7.0)


@pytest.fixture
def elsewhere(tmp_path):
    """Two files with numbers that no other file may take."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["rate"] = SECRET
    (tmp_path / "secret.bin").write_bytes(SECRET.tobytes())
    return tmp_path


def virtual(file):
    layout = h5py.VirtualLayout((2, 3), float)
    layout[:] = h5py.VirtualSource("secret.h5", "rate", (2, 3))
    file.create_virtual_dataset("group/rate", layout)


def raw(file):
    external = [(os.path.join(os.path.dirname(file.filename), "secret.bin"), 0, 48)]
    file.create_dataset("group/rate", (2, 3), float, external=external)


def linked(file):
    file["group/rate"] = h5py.ExternalLink("secret.h5", "rate")


@pytest.mark.parametrize("write", [virtual, raw, linked])
def test_numbers_of_other_files_are_refused(elsewhere, write):
    path = elsewhere / "a.h5"
    with h5py.File(path, "w") as file:
        write(file)
    with (
        pytest.raises(DatasetError, match=r"a.h5' takes 'group/rate' from another place .*secret.* save a copy"),
        opened(path),
    ):
        pass


def test_names_that_lead_to_other_names_are_refused(tmp_path):
    for target in ("/rate", "/nothing", "/group/round"):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["rate"] = SECRET
            file["group/round"] = h5py.SoftLink(target)
        with (
            pytest.raises(DatasetError, match=rf"has under 'group/round' a link to '{target}'"),
            opened(tmp_path / "a.h5"),
        ):
            pass


def test_what_is_no_other_file_is_opened(tmp_path):
    """Loops of hard links, references, text, tables, empty variables, and groups in groups."""
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file.create_dataset("deep" + "/x" * 2000 + "/w", data=SECRET, compression="gzip")
        file["deep/round"] = file["/"]
        file["text"] = ["a", "b"]
        file["null"] = h5py.Empty("f")
        file["table"] = np.zeros(2, [("a", int), ("b", "S3")])
        file.create_dataset("to", data=file["text"].ref, dtype=h5py.ref_dtype)
        file["text"].attrs["to"] = file["to"].ref
    with opened(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["deep" + "/x" * 2000 + "/w"], SECRET)


@pytest.mark.parametrize("options", [{"chunks": (10, 10)}, {}, {"maxshape": (None, None), "chunks": (10**4, 10**4)}])
def test_more_numbers_than_memory_are_refused_before_they_are_read(tmp_path, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("rate", (2, 3) if "maxshape" in options else (10**6, 10**6), float, **options)
    with pytest.raises(DatasetError, match=r"MiB of values \('rate': .*at most 512 MiB"), opened(tmp_path / "a.h5"):
        pass


def test_a_damaged_variable_is_named(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        rate = file.create_dataset("rate", data=SECRET, chunks=(2, 3), compression="gzip")
        start = rate.id.get_chunk_info(0).byte_offset
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[start + 4] ^= 0xFF
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(DatasetError, match="has 'rate' that could not be read"), opened(tmp_path / "a.h5"):
        pass


def test_a_file_without_end_is_refused(tmp_path):
    """libhdf5 2.0.0 never finds the end of a collection of texts that has an entry of no length."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["text"] = ["a", "b"]
    content = bytearray((tmp_path / "a.h5").read_bytes())
    first = content.index(b"GCOL") + 16
    content[first : first + 16] = bytes(16)
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(DatasetError, match=r"damaged|could not be read"), opened(tmp_path / "a.h5"):
        pass


def test_a_file_that_ends_its_reader_ends_nothing_else(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["rate"] = SECRET
    (tmp_path / "crash.py").write_text("import os\nprint('null', flush=True)\ninput()\nos.abort()")
    with monkeypatch.context() as patch:
        patch.setattr(hdf5, "_INSPECTOR", hdf5._Inspector())
        patch.setattr(inspection, "__file__", str(tmp_path / "crash.py"))
        with (
            pytest.raises(DatasetError, match=r"a.h5' is damaged so that the library that reads it breaks"),
            opened(tmp_path / "a.h5"),
        ):
            pass
    with opened(tmp_path / "a.h5") as file:
        assert list(file) == ["rate"]


def test_no_process_is_left_behind(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["rate"] = SECRET
    inspector = hdf5._Inspector()
    assert inspector.wrong_with(tmp_path / "a.h5", tables=False) is None
    process = inspector._process
    inspector.end()
    assert process.poll() is not None
    assert process.stdin.closed
