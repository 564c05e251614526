"""`tuneful data check` and `tuneful data convert`."""

from tuneful.readers import load

TRIALS = "unit,session,size,trial,rate\n" + "".join(
    f"{u},{s},{size},{t},{u + size + t}\n" for s in ("s", "t") for u in (1, 2) for size in (1, 2) for t in (1, 2)
)


def test_check_prints_the_role_of_every_column_and_what_was_decided(tuneful, tmp_path):
    (tmp_path / "trials.csv").write_text(TRIALS)
    code, out, _ = tuneful("data", "check", "trials.csv", "--average")
    assert code == 0
    assert "n units: 4" in out
    assert "  session  property of units (by its name)" in out
    assert "  trial    counts repeats (by its name)" in out
    assert "  size     stimulus feature (numbers that vary within units)" in out
    assert "note: Labels of units occur with several values of 'session'" in out


def test_check_says_what_is_seldom_meant(tuneful, tmp_path):
    (tmp_path / "turn.csv").write_text("unit,direction=0,direction=90,direction=360\na,1,2,3\nb,2,3,1500\n")
    code, out, _ = tuneful("data", "check", "turn.csv")
    assert code == 0
    assert "note: The rate of unit 'b' in condition 2 (direction=360.0) is 1500 Hz, above 1000 Hz" in out
    assert "note: Feature 'direction' has 0 and 360, which are one direction if it is in degrees" in out


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
    assert "and 88 missing patterns more" in out


def test_options_of_the_reader(tuneful, tmp_path):
    (tmp_path / "a.csv").write_text("unit,c1,c2,score,run\na,1,2,7,3\nb,3,4,9,4\n")
    code, out, _ = tuneful("data", "check", "a.csv", "--option", "unit_columns=score,run")
    assert code == 0
    assert "score  property of units (as asked)" in out


def test_conditions_and_features_are_left_out(tuneful, refused, tmp_path):
    rows = "".join(f"{u},{size},{speed},{u + size}\n" for u in (1, 2) for size in (0, 1, 2) for speed in (3,))
    (tmp_path / "a.csv").write_text("unit,size,speed,rate\n" + rows)
    code, out, _ = tuneful("data", "check", "a.csv", "--drop", "size=0", "--drop", "speed")
    assert code == 0
    assert "n conditions: 2" in out
    assert tuneful("data", "convert", "a.csv", "b.nc", "--drop", "size=0")[0] == 0
    assert load(tmp_path / "b.nc")["size"].values.tolist() == [1, 2]
    assert "No condition has size = 7" in refused("data", "check", "a.csv", "--drop", "size=7")
