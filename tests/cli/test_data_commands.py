"""`tuneful data check` and `tuneful data convert`."""

import gzip
import io

import h5py
import numpy as np
import openpyxl
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from tuneful.readers import load

TRIALS = "unit,session,size,trial,rate\n" + "".join(
    f"{u},{s},{size},{t},{u + size + t}\n" for s in ("s", "t") for u in (1, 2) for size in (1, 2) for t in (1, 2)
)


def test_check_prints_the_role_of_every_column_and_what_was_decided(tuneful, tmp_path):
    (tmp_path / "trials.csv").write_text(TRIALS)
    code, out, _ = tuneful("data", "check", "trials.csv", "--average")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert "4 units in 2 conditions" in out
    assert "2 trials a condition" in out
    assert ["column", "role", "values", "why"] in lines
    assert ["session", "property", "of", "units", "s", "(2)", "t", "(2)", "by", "its", "name"] in lines
    assert ["trial", "counts", "repeats", "by", "its", "name"] in lines
    assert ["size", "stimulus", "feature", "1", "2", "numbers", "that", "vary", "within", "units"] in lines
    assert "missing: nothing" in out
    assert "looks wrong: nothing" in out
    assert "note: Labels of units occur with several values of 'session'" in out


def test_check_says_what_is_seldom_meant(tuneful, tmp_path):
    (tmp_path / "turn.csv").write_text("unit,direction=0,direction=90,direction=360\na,1,2,3\nb,2,3,1500\n")
    code, out, _ = tuneful("data", "check", "turn.csv")
    assert code == 0
    assert "looks wrong: The rate of unit 'b' in condition 2 (direction=360.0) is 1500 Hz, above 1000 Hz" in out
    assert "looks wrong: Feature 'direction' has 0 and 360, which are one direction if it is in degrees" in out


def test_trials_are_offered_to_be_averaged(tuneful, refused, tmp_path):
    (tmp_path / "trials.csv").write_text(TRIALS)
    assert "--average" in refused("data", "check", "trials.csv")
    assert tuneful("data", "convert", "trials.csv", "means.nc", "--average")[0] == 0
    data = load(tmp_path / "means.nc")
    assert data["n_trials"].values.tolist() == [[2, 2]] * 4
    assert data["unit"].values.tolist() == ["s-1", "s-2", "t-1", "t-2"]
    assert "s-1" in data.attrs["notes"]


def test_what_is_printed_is_bounded_and_printable(tuneful, tmp_path):
    names = [f"size={i}" for i in range(1000)]
    area = "\x1b[31m" + "x" * 10_000
    rows = [",".join([f"u{i}", area, *("" if i == j else "1" for j in range(1000))]) for i in range(100)]
    (tmp_path / "a.csv").write_text("\n".join([",".join(["unit", f"is{'y' * 10_000}", *names]), *rows]))
    code, out, _ = tuneful("data", "check", "a.csv")
    assert code == 0
    assert "\x1b" not in out
    assert len(out) < 5_000
    assert "and 88 patterns more" in out


def test_options_of_the_reader(tuneful, tmp_path):
    (tmp_path / "a.csv").write_text("unit,c1,c2,score,run\na,1,2,7,3\nb,3,4,9,4\n")
    code, out, _ = tuneful("data", "check", "a.csv", "--option", "unit_columns=score,run")
    assert code == 0
    assert "score   property of units     7 to 9  as asked" in out


def test_conditions_and_features_are_left_out(tuneful, refused, tmp_path):
    rows = "".join(f"{u},{size},{speed},{u + size}\n" for u in (1, 2) for size in (0, 1, 2) for speed in (3,))
    (tmp_path / "a.csv").write_text("unit,size,speed,rate\n" + rows)
    code, out, _ = tuneful("data", "check", "a.csv", "--drop", "size=0", "--drop", "speed")
    assert code == 0
    assert "in 2 conditions" in out
    assert tuneful("data", "convert", "a.csv", "b.nc", "--drop", "size=0")[0] == 0
    assert load(tmp_path / "b.nc")["size"].values.tolist() == [1, 2]
    assert "No condition has size = 7" in refused("data", "check", "a.csv", "--drop", "size=7")


def test_a_session_is_converted_as_asked(tuneful, refused, tmp_path):
    (tmp_path / "a.nwb").write_bytes(nwb())
    asked = ("--conditions", "size", "--window", "0", "0.5", "--label", "session=m3")
    for target in ("a.nc", "a.csv", "a.parquet"):
        assert tuneful("data", "convert", "a.nwb", target, *asked)[0] == 0
        data = load(tmp_path / target)
        assert data["rate"].values.tolist() == [[4, 0], [0, 0]]
        assert data["session"].values.tolist() == ["m3", "m3"]
    assert "given twice" in refused("data", "check", "a.nwb", *asked, "--option", "label=session=m4")
    _, out, _ = tuneful("data", "check", "a.nwb", *asked)
    assert "looks wrong: 1 of 2 units never respond" in out


SIZES = np.array([1.0, 2.0, 4.0])
NAN = np.nan
LONG = "unit,size,rate\na,1,2\na,2,3\nb,1,1\nb,2,4\n"
NWB = ("--conditions", "size")
TRIALS_LAYOUT = ("--option", "layout=trials", "--conditions", "size")


def packed(save, *parts, **named):
    """The bytes that a function writes into a file."""
    with io.BytesIO() as file:
        save(file, *parts, **named)
        return file.getvalue()


def sheet(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return packed(lambda file: book.save(file))


def parquet(**columns):
    return packed(lambda file: pd.DataFrame(columns).to_parquet(file))


def netcdf(rate=((1.0, 2.0, 3.0),), dims=("unit", "condition"), **coords):
    content = {"size": ("condition", SIZES)} | coords
    return bytes(xr.Dataset({"rate": (dims, np.array(rate))}, content).to_netcdf(engine="h5netcdf"))


def npz(**arrays):
    return packed(np.savez, **arrays)


def mat(**variables):
    return packed(scipy.io.savemat, variables)


def nwb(**changed):
    """As little of an NWB file as can be read, with other columns."""
    columns = {
        "units/id": [0, 1], "units/spike_times": [0.1, 0.2, 1.5], "units/spike_times_index": [2, 3],
        "intervals/trials/id": [0, 1], "intervals/trials/start_time": [0.0, 1.0],
        "intervals/trials/stop_time": [1.0, 2.0], "intervals/trials/size": [1.0, 2.0],
    }  # fmt: skip
    columns |= {f"{'units' if name[:5] == 'spike' else 'intervals/trials'}/{name}": v for name, v in changed.items()}

    def save(file):
        with h5py.File(file, "w") as content:
            content.update({name: value for name, value in columns.items() if value is not None})

    return packed(save)


MALFORMED = {
    "empty.csv": b"", "blank.csv": b"\n\n \n", "header.csv": b"unit,size,rate\n", "binary.csv": b"\xff\xfe\x00" * 9,
    "text.csv": b"Dear colleague, here are the data.\nBest wishes", "short.csv": LONG.encode() + b"c,1",
    "word.csv": LONG.replace("3", "three").encode(), "almost.csv": LONG.replace("3", "3Hz").encode(),
    "twice.csv": b"unit,size,size,rate\na,1,1,2\n", "same.csv": LONG.encode() + b"a,1,9\n",
    "negative.csv": LONG.replace("3", "-3").encode(), "infinite.csv": LONG.replace("3", "inf").encode(),
    "nan.csv": b"unit,size,rate\na,1,nan\na,2,nan\n", "nounit.csv": b"size,rate\n1,2\n2,3\n",
    "norate.csv": b"unit,size,response\na,1,2\na,2,3\n", "nocondition.csv": b"unit,rate\na,1\n",
    "nosize.csv": LONG.replace("b,1", "b,").encode(), "unnamed.csv": b"unit,,rate\na,0.5,1\na,0.7,1\n",
    "hostile.csv": b"unit,\x1b[2J\x07,rate\na,1,2\na,1,2\n", "slash.csv": b"unit,a/b,rate\na,1,2\na,2,3\n",
    "quote.csv": b'unit,size,rate\n"a,1,2\na,2,3\n', "html.csv": b"<html><body>404 Not Found</body></html>",
    "wide.csv": b"unit,size=1,size=2\na,1\n", "mixed.csv": b"unit,size=1,contrast=2\na,1,2\n",
    "codes.csv": b"unit,size,rate\n" + b"a,1,1_000\n", "half.csv.gz": gzip.compress(LONG.encode())[:20],
    "no.csv.gz": b"no gzip", "huge.csv": b"unit,rate\na," + b"9" * 200_000,
    "empty.nc": b"", "text.nc": b"unit,rate", "half.nc": netcdf()[:3000], "norate.nc": netcdf(dims=("unit", "time")),
    "nan.nc": netcdf([[NAN] * 3]), "negative.nc": netcdf([[1.0, -2.0, 3.0]]), "text2.nc": netcdf([["a", "b", "c"]]),
    "same.nc": netcdf(size=("condition", [1.0, 1.0, 2.0])), "labels.nc": netcdf([[1.0] * 3] * 2, unit=["a", "a"]),
    "empty2.nc": netcdf(np.zeros((0, 3))), "cdf5.nc": b"CDF\x05" + bytes(100),
    "empty.npy": b"", "text.npy": b"1,2,3", "one.npy": packed(np.save, SIZES),
    "cube.npy": packed(np.save, np.ones((2, 2, 2))),
    "complex.npy": packed(np.save, np.ones((2, 2)) * 1j), "words.npy": packed(np.save, np.array([["a", "b"]])),
    "pickle.npy": packed(np.save, np.array([[1, None]]), allow_pickle=True),
    "none.npy": packed(np.save, np.zeros((0, 3))),
    "half.npz": npz(rate=np.ones((2, 3)))[:100], "two.npz": npz(a=np.ones((2, 3)), b=np.ones((2, 3))),
    "no.npz": npz(),
    "length.npz": npz(rate=np.ones((2, 3)), size=np.ones(4)), "rows.npz": npz(rate=np.ones((2, 3)), size=[1.0, 2.0]),
    "empty.mat": b"", "text.mat": b"MATLAB", "half.mat": mat(rate=np.ones((2, 3)))[:150], "word.mat": mat(a="word"),
    "two.mat": mat(a={"x": 1.0}, b={"x": 1.0}), "version.mat": b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM",
    "nan.mat": mat(rate=np.full((2, 3), NAN)), "length.mat": mat(rate=np.ones((2, 3)), size=np.ones(5)),
    "empty.xlsx": b"", "text.xlsx": b"unit,rate", "half.xlsx": sheet(["unit", "size", "rate"], ["a", 1, 2])[:900],
    "header.xlsx": sheet(["unit", "size", "rate"]), "nothing.xlsx": sheet(),
    "word.xlsx": sheet(["unit", "size", "rate"], ["a", 1, "x"]),
    "error.xlsx": sheet(["unit", "size", "rate"], ["a", 1, "#DIV/0!"]),
    "title.xlsx": sheet(["My data"], ["unit", "size", "rate"], ["a", 1, 2]),
    "empty.parquet": b"", "text.parquet": b"unit,rate",
    "half.parquet": parquet(unit=["a"], size=[1], rate=[2.0])[:80],
    "columns.parquet": parquet(a=[1.0], b=[2.0]), "lists.parquet": parquet(unit=["a"], size=[1], rate=[[1.0, 2.0]]),
    "empty.nwb": b"", "text.nwb": b"units", "half.nwb": nwb()[:2000], "untold.nwb": nwb(),
    "table.xyz": LONG.encode(), "nosuffix": LONG.encode(),
}  # fmt: skip
ASKED = {
    "nospikes.nwb": (nwb(spike_times=None), NWB), "notrials.nwb": (nwb(start_time=None), NWB),
    "length.nwb": (nwb(size=[1.0]), NWB), "index.nwb": (nwb(spike_times_index=[9, 3]), NWB),
    "nan.nwb": (nwb(spike_times=[NAN] * 3), NWB), "ends.nwb": (nwb(stop_time=[0.0, 0.0]), NWB),
    "ms.nwb": (nwb(spike_times=[1e4, 2e4, 3e4]), NWB), "missing.nwb": (nwb(size=[1.0, NAN]), NWB),
    "window.nwb": (nwb(), (*NWB, "--window", "1", "0")), "unit.nwb": (nwb(), (*NWB, "--unit-column", "name")),
    "other.csv": (LONG.encode(), ("--window", "0", "1")), "label.csv": (LONG.encode(), ("--label", "size=3")),
    "nothing.csv": (b"trial,size,u1\n1,1,\n2,2,\n", TRIALS_LAYOUT),
    "area.csv": (b"size,area,u1\n1,V1,2\n", TRIALS_LAYOUT),
    "names.csv": (b"size,u1,u1\n1,2,3\n", TRIALS_LAYOUT), "word2.csv": (b"size,u1\n1,2\n1,2\n1,x\n", TRIALS_LAYOUT),
}  # fmt: skip


@pytest.mark.parametrize("name", [*MALFORMED, *ASKED])
def test_malformed_files_end_in_one_sentence(refused, tmp_path, name):
    content, options = ASKED.get(name) or (MALFORMED[name], ())
    (tmp_path / name).write_bytes(content)
    sentence = refused("data", "check", name, *options)
    assert sentence.isprintable()
    assert sentence.endswith((".", "?"))


def test_there_are_at_least_sixty():
    assert len(MALFORMED) + len(ASKED) >= 60


def test_a_table_as_people_write_them(tuneful, tmp_path):
    """Calcium signals, properties with a space in their name, and a unit that was not shown everything."""
    rows = [f"{u},{'PV+' if u else 'Pyr'},{size},{0.1 * u - 0.05}" for u in range(6) for size in (5, 60)][:-1]
    (tmp_path / "calcium.csv").write_text("\n".join(["ROI,cell type,size (deg),dF/F", *rows]) + "\n")
    code, out, err = tuneful("data", "check", tmp_path / "calcium.csv")
    assert code == 0, err
    assert "responses from -0.05 to 0.45 a.u." in out
    assert "PV+ (5) Pyr (1)" in out
    assert "  1 unit without 1 of the conditions: size = 60\n" in out


def test_what_is_no_number_and_no_property_names_its_option(refused, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("unit,size,rate\na,1,3\na,2,4\na,blank,1\n")
    assert "or leave it out by --drop size=blank" in refused("data", "check", table)
    table.write_text("unit,size,rate,remark\na,1,3,good\na,2,4,bad\n")
    assert "left out by the option ignore=remark" in refused("data", "check", table)
