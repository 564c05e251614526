"""Structures, cells and arrays of MATLAB and NumPy files."""

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr

from tuneful import from_spikes, load
from tuneful.errors import UserError

RNG = np.random.default_rng(0)
SIZE = RNG.permutation(np.repeat([0.5, 1.0, 4.0], 4))
SIDE = np.where(np.arange(12) % 2, "left", "right")
RATES = RNG.uniform(0, 20, (12, 2)).round(3)
SPIKES = [[np.sort(RNG.uniform(0, 1, RNG.integers(0, 9))) for _ in range(2)] for _ in range(12)]
EXPECTED = {size: RATES[size == SIZE].mean(axis=0) for size in (0.5, 1.0, 4.0)}


def cells(items, shape=None):
    out = np.empty(len(items), object)
    out[:] = items
    return out if shape is None else out.reshape(shape)


def struct_array(**fields):
    out = np.zeros(len(next(iter(fields.values()))), [(name, object) for name in fields])
    for name, values in fields.items():
        out[name] = cells(list(values))
    return out


def write(path, **variables):
    scipy.io.savemat(path, variables, oned_as="column")
    return path


def test_an_array_of_structures_has_a_trial_an_element(tmp_path):
    path = write(tmp_path / "a.mat", trials=struct_array(size=SIZE, side=SIDE, rate=RATES), fs=30.0)
    data = load(path, conditions="size")
    assert data["size"].values.tolist() == [0.5, 1, 4]
    assert data.attrs["notes"] == ["The structure 'trials' was read, and not fs."]
    np.testing.assert_allclose(data["rate"].values.T, list(EXPECTED.values()), rtol=1e-14)
    assert load(path, conditions="size,side").sizes["condition"] == len(set(zip(SIZE, SIDE, strict=True)))
    assert load(path, conditions="size", drop="side=left")["n_trials"].sum() == 2 * 6


def test_fields_with_one_value_a_trial_are_trials_too(tmp_path):
    names = cells(["a", "b"])
    path = write(tmp_path / "a.mat", data={"size": SIZE, "firing": RATES, "unit": names, "side": cells(list(SIDE))})
    data = load(path, conditions=["size"])
    assert data["unit"].values.tolist() == ["a", "b"]
    np.testing.assert_allclose(data["rate"].values.T, list(EXPECTED.values()), rtol=1e-14)
    np.savez(tmp_path / "a.npz", size=SIZE, spike_counts=(RATES * 10).astype(int))
    counted = load(tmp_path / "a.npz", conditions="size", window="0,0.5")
    np.testing.assert_allclose(
        counted["rate"][0, 0], (RATES * 10).astype(int)[SIZE == 0.5, 0].mean() / 0.5, rtol=1e-14
    )


def test_cells_of_spike_times_are_counted(tmp_path):
    start = np.arange(12.0) * 2
    whole = [np.concatenate([s + trial[u] for s, trial in zip(start, SPIKES, strict=True)]) for u in range(2)]
    expected = from_spikes(whole, (start + 0.1, start + 0.6), {"size": SIZE})
    nested = write(tmp_path / "a.mat", t=struct_array(size=SIZE, spikes=[cells(trial) for trial in SPIKES]))
    flat = write(tmp_path / "b.mat", size=SIZE, spikes=cells([cells(t) for t in SPIKES]))
    grid = write(tmp_path / "c.mat", size=SIZE, spikes=cells([u for t in SPIKES for u in t], (12, 2)))
    for path in (nested, flat, grid):
        np.testing.assert_allclose(
            load(path, conditions="size", window=(0.1, 0.6))["rate"], expected["rate"], rtol=1e-12
        )
    times = {"start": start + 0.1, "end": start + 0.6, "size": SIZE, "spikes": cells(whole)}
    np.testing.assert_allclose(load(write(tmp_path / "d.mat", s=times), conditions="size")["rate"], expected["rate"])
    one = write(tmp_path / "e.mat", t=struct_array(size=SIZE, spikes=[trial[0] for trial in SPIKES]))
    np.testing.assert_allclose(load(one, conditions="size", window=(0.1, 0.6))["rate"][0], expected["rate"][0])


def test_curves_without_trials(tmp_path):
    path = write(tmp_path / "a.mat", d={"rate": np.ones((2, 3)), "size": [1.0, 2, 4], "area": cells(["V1", "LM"])})
    data = load(path)
    assert (data["size"].values.tolist(), data["area"].values.tolist()) == ([1, 2, 4], ["V1", "LM"])
    long = write(tmp_path / "b.mat", unit=cells(["a", "a", "b"]), size=[1.0, 2, 1], rate=[3.0, 4, 5])
    np.testing.assert_array_equal(load(long)["rate"], [[3, 4], [5, np.nan]])
    assert load(long, drop="size=2").sizes["condition"] == 1


def seventy_three(path, fields):
    """An array of structures as MATLAB 7.3 keeps it: fields of references, transposed, with classes."""
    with h5py.File(path, "w", userblock_size=512) as file:

        def put(value, n=[0]):  # noqa: B006
            n[0] += 1
            if isinstance(value, str):
                item = file.create_dataset(f"#refs#/{n[0]}", data=np.array([[ord(c)] for c in value], np.uint16))
                item.attrs["MATLAB_class"] = np.bytes_("char")
            elif isinstance(value, list):
                item = file.create_dataset(f"#refs#/{n[0]}", (len(value), 1), h5py.ref_dtype)
                item[:, 0] = [put(part).ref for part in value]
                item.attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                value = np.atleast_2d(value)
                item = file.create_dataset(
                    f"#refs#/{n[0]}", data=value.T if value.size else np.array([0, 0], np.uint64)
                )
                item.attrs["MATLAB_class"] = np.bytes_("double")
                item.attrs.update({} if value.size else {"MATLAB_empty": 1})
            return item

        group = file.create_group("trials")
        for name, values in fields.items():
            column = group.create_dataset(name, (len(values), 1), h5py.ref_dtype)
            column[:, 0] = [put(value).ref for value in values]
    return path


def test_files_of_both_versions_are_read_alike(tmp_path):
    fields = {"size": SIZE, "side": SIDE.tolist(), "spikes": SPIKES}
    new = seventy_three(tmp_path / "new.mat", fields)
    old = write(tmp_path / "old.mat", trials=struct_array(**fields | {"spikes": [cells(t) for t in SPIKES]}))
    options = {"conditions": "size,side", "window": (0, 1)}
    xr.testing.assert_identical(load(new, **options), load(old, **options))


@pytest.mark.parametrize(
    ("variables", "options", "message"),
    [
        ({"a": {"x": 1.0}, "b": {"y": 2.0}}, {}, "several structures: say --option variable=..., one of a, b"),
        ({"a": {"x": 1.0}, "b": {"y": 2.0}}, {"variable": "c"}, "no variable 'c'"),
        ({"a": {"x": 1.0}}, {"variable": "a.z"}, "no variable 'a.z'"),
        ({"t": struct_array(size=SIZE, spikes=SPIKES)}, {}, r"say --conditions.*one or more of size \(3 values\)"),
        ({"size": SIZE, "rate": RATES}, {}, "if rows are trials, say --conditions size"),
        ({"size": SIZE, "rate": RATES}, {"conditions": "contrast"}, "no column 'contrast'"),
        (
            {"size": SIZE, "rate": RATES.T},
            {"conditions": "size"},
            "12 trials, and none of size, rate is the response",
        ),
        ({"size": SIZE, "a": RATES, "b": RATES}, {"conditions": "size"}, "several of a, b could be the response"),
        ({"size": SIZE, "a": RATES}, {"conditions": "size", "response": "c"}, "no field 'c'"),
        ({"size": SIZE, "counts": RATES}, {"conditions": "size"}, "are counts, and no rates: say in which --window"),
        ({"size": SIZE, "spikes": cells([cells(t) for t in SPIKES])}, {"conditions": "size"}, "say --window"),
        (
            {"size": SIZE, "spikes": cells([cells(t) for t in SPIKES])},
            {"conditions": "size", "window": (5, 6)},
            "no spike",
        ),
        (
            {"size": SIZE, "r": cells([np.ones(1 + i % 2) for i in range(12)])},
            {"conditions": "size"},
            "one number a unit",
        ),
        (
            {"size": SIZE, "rate": RATES * np.nan},
            {"conditions": "size"},
            "In none of the 12 trials is there a response",
        ),
        ({"f": "text"}, {}, "no table of rates"),
        ({}, {}, "no variables"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path, variables, options, message):
    with pytest.raises(UserError, match=message):
        load(write(tmp_path / "a.mat", **variables), **options)


def test_a_field_with_one_value_is_no_response(tmp_path):
    np.savez(tmp_path / "a.npz", size=SIZE, rate=RATES, window=np.array(0.5))
    assert load(tmp_path / "a.npz", conditions="size").sizes["condition"] == 3
    with pytest.raises(UserError, match="'window' is one value, and no response"):
        load(tmp_path / "a.npz", conditions="size", response="window")


def test_text_of_numpy_that_is_no_text(tmp_path):
    np.savez(tmp_path / "a.npz", rate=RATES, area=np.full(12, 2**31, np.uint32).view("U1"))
    with pytest.raises(UserError, match=r"a\.npz cannot be read: invalid maximum character"):
        load(tmp_path / "a.npz")


def test_damaged_numbers_are_missing_and_those_too_large_refused(tmp_path):
    counts = np.arange(24.0).reshape(12, 2)
    counts[:1, :1] = np.array([0x7FF0000000000001], np.uint64).view(float)  # a NaN at which arithmetic warns
    options = {"conditions": "size", "response": "counts", "window": (0, 0.5)}
    np.savez(tmp_path / "a.npz", size=np.repeat([1.0, 2.0, 4.0], 4), counts=counts)
    assert load(tmp_path / "a.npz", **options).rate.values.tolist() == [[8, 22, 38], [8, 24, 40]]
    counts[0, 0] = 1e308
    np.savez(tmp_path / "a.npz", size=np.repeat([1.0, 2.0, 4.0], 4), counts=counts)
    with pytest.raises(UserError, match="is inf Hz, which is not a rate"):
        load(tmp_path / "a.npz", **options)
