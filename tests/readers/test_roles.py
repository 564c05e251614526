"""What every column is taken for, and what is refused because it cannot be told."""

import io
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneful.curves import DatasetError, features, unit_properties
from tuneful.readers import examine, load
from tuneful.readers.roles import Role


def read(text, **options):
    return examine(pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False), **options)


def roles(text, **options):
    return {column.name: column.role for column in read(text, **options).columns}


def test_roles_of_a_long_table():
    text = """row,Neuron,Mouse,d,speed (cm/s),trial,Firing rate (Hz)
0,a,m,3.5,5,7,1
1,a,m,3.5,8,7,2
2,b,m,9,5,7,3
3,b,m,9,8,7,4
"""
    assert roles(text) == {
        "row": Role.IGNORED,
        "Neuron": Role.UNIT,
        "Mouse": Role.PROPERTY,
        "d": Role.PROPERTY,
        "speed (cm/s)": Role.FEATURE,
        "trial": Role.TRIAL,
        "Firing rate (Hz)": Role.ENTRY,
    }
    data = read(text).dataset
    assert data["speed"].attrs["units"] == "cm/s"
    assert list(unit_properties(data)) == ["Mouse", "d"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unit,size,q,rate\na,1,3,1\na,2,4,2\nb,1,5,3\nb,2,6,4\n", r"'q' has another value in every row.*features=q"),
        ("unit,image_id,rate\na,3,1\na,4,2\n", "'image_id' is called like an identifier.*features=image_id"),
        ("unit,size,q,rate\na,1,3,1\na,2,3,2\nb,1,3,3\n", "'q' has the same value in every row.*ignore=q"),
        (
            "unit,size,contrast,rate\na,1,3,1\na,2,3,2\nb,1,9,3\nb,2,9,1\n",
            "'contrast' has one value within every unit",
        ),
        ("cell,neuron,size,rate\na,1,1,1\na,1,2,3\n", "'cell' and 'neuron' could both be 'unit'"),
        ("unit,size,rate (kHz)\na,1,1\na,2,3\n", "'rate .kHz.' is in kHz"),
        ("unit,contrast,rate\na,50%,1\na,100%,3\n", "'contrast' has '50%' in data row 1"),
        ("unit,size,response\na,1,1\na,2,3\n", "no column 'rate'"),
        ("unit,size=1,size=2,score\na,1,1,4\nb,2,3,4\n", "'score' holds numbers, but.*unit_columns=score"),
        ("unit,c1,c2,score\na,1,1,4\nb,2,3,4\n", "'score' holds numbers, but headers of conditions are alike"),
        ("unit,c1,c2,c3\na,1,1,nd\nb,2,3,nd\n", "'c3' has 'nd'"),
        ("size,u1,u2\n1,1,1\n2,2,3\n", "no column 'rate'.*'size' is no condition"),
        (
            "unit,picture,rate\na,cat,1\na,dog,2\n",
            "'picture' describes units, but unit 'a' has both 'cat' and 'dog'.*labels in a column 'condition'",
        ),
        ("stim_name,u1,u2\ncat,1,1\ndog,2,3\n", "no column 'rate'.*'condition' is no condition"),
        ("unit,level,response\na,1,4\na,2,3\nb,1,2\nb,2,3\n", "no column 'rate'.*unit 'a' has several rows"),
        ("Cell no,block,size,rate\n1,1,1,4\n1,2,1,3\n", "'1' has two rates for size=1.0 .*trials by 'block'"),
        ("here,there\n1,1\n2,2\n", "No column labels units"),
        ("X,unit,size,rate\n1,a,1,3\n2,a,2,4\n3,b,1,5\n4,b,2,6\n", "'x' has another value in every row.*ignore=x"),
        ("unit,unit_id,rate\na,1,3\na,2,4\n", "'unit_id' is called like an identifier"),
        ("unit,size,run,rate\na,1,1,3\na,1,2,4\n", "trials by 'run'.*features=run"),
        ("unit,size,rate\n,1,3\n", "'unit' is empty in data row 1"),
        ("unit,x,rate\na,\u22121,3\na,2,4\n", "'x' has '\u22121' in data row 1"),
        ("unit,direction,rate\na,0,3\na,off,4\na,stop,4\n", "'direction' has 'off' in data row 2.*--drop"),
        ("unit,direction,rate\na,0,3\na,-,4\n", "'direction' is empty in data row 2.*--drop direction="),
        ("unit,small,large\na,3,nd\nb,4,nd\nc,2,1\n", "'large' has 'nd' in data row 1.*unit_columns=large"),
        ("unit,small,large\na,3,?\nb,4,?\n", "'large' has '\\?' in data row 1"),
        ("Einheit,Größe,Feuerrate\na,1,3\na,2,4\n", "'Einheit' labels the units, say --unit-column Einheit"),
        ("name,size=1,size=2\nn1,1,3\nn2,2,4\n", "'name' labels the units"),
        ("id,c1,c2\n3,1,3\n4,2,4\n", "'id' labels the units"),
        ("unit,c1\n,3\n", "'unit' is empty in data row 1"),
        ("unit,size=1;size=2\na,3\n", "'size=1;size=2' has a feature twice"),
    ],
)
def test_what_cannot_be_told_is_refused_with_the_way_out(text, message):
    with pytest.raises(DatasetError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "unit,size,rate,sem\na,1,3,.1\na,2,4,.2\nb,1,3,.2\nb,2,4,.20\n",
        "unit,sem,sd,size,rate\na,1,4,1,3\na,2,5,2,4\nb,1,3,1,3\nb,1,4,2,4\n",
        "unit,sem,size,trial,rate\na,1,1,1,3\na,2,2,1,4\na,2,2,2,4\nb,1,1,1,3\nb,1,2,1,4\n",
    ],
)
def test_numbers_that_differ_between_units_in_one_condition_are_no_features(text):
    with pytest.raises(DatasetError, match=r"'sem' differs between units in the same condition.*ignore=sem"):
        read(text)
    assert list(features(read(text, ignore=["sem", "sd"] if "sd" in text else "sem", average=True).dataset)) == [
        "size"
    ]


def test_features_of_unknown_names_are_features_where_conditions_are_shared():
    along = "unit,size,grade,rate\na,1,5,1\na,2,5.0,2\na,4,7,3\nb,1,5.0,4\nb,2,5,2\nb,4,7,3\n"
    crossed = "unit,force,grade,rate\n" + "".join(f"{u},{f},{g},1\n" for u in "ab" for f in "12" for g in "34")
    assert list(features(read(along).dataset)) == ["size", "grade"]
    assert list(features(read(crossed.replace("b,1,3,1\n", "")).dataset)) == ["force", "grade"]


def test_labels_that_begin_again_in_a_wide_table_are_no_rows_of_a_long_one():
    data = read("unit,session,c1,c2\n1,s,3,4\n1,t,5,6\n").dataset
    assert data["unit"].values.tolist() == ["s-1", "t-1"]


@pytest.mark.parametrize(("first", "second"), [("cat", "dog"), ("1", "2")])
def test_stimuli_are_labels_of_conditions(first, second):
    data = read(f"unit,Stim name,rate\na,{first},1\na,{second},2\nb,{first},3\n").dataset
    assert data["condition"].values.tolist() == [first, second]


def test_who_is_called_exactly_so_is_it():
    assert roles("unit,cell,size,rate\na,1,1,1\na,1,2,3\nb,2,1,1\n")["cell"] is Role.PROPERTY


def test_options_settle_it():
    long = "unit,size,q,rate\na,1,3,1\na,2,4,2\nb,1,5,3\nb,2,6,4\n"
    assert list(features(read(long, features="q").dataset)) == ["size", "q"]
    assert list(features(read(long, ignore=["q"]).dataset)) == ["size"]
    wide = "unit,c1,c2,score\na,1,1,4\nb,2,3,5\n"
    assert read(wide, unit_columns="score").dataset["score"].values.tolist() == [4, 5]
    assert read(wide, conditions="c1,c2,score").dataset.sizes["condition"] == 3
    assert read("who,c1,c2\na,1,1\nb,2,3\n", unit_column="who").dataset["unit"].values.tolist() == ["a", "b"]
    with pytest.raises(DatasetError, match=r"no column 'scor'. Did you mean 'score'"):
        read(wide, unit_columns="scor")


FEATURES = st.sampled_from(["size", "contrast", "Speed (deg/s)", "load", "dir"])
HEADERS = {"unit": ["unit", "Unit", "neuron", "cell_id"], "rate": ["rate", "Rate (Hz)", "firing_rate"]}
PROPERTIES = {
    "depth": lambda n: [100 + 50 * (i // 2) for i in range(n)],
    "score": lambda n: [0.5 + i for i in range(n)],
    "area": lambda n: ["V1" if i % 2 else "LM" for i in range(n)],
}


@st.composite
def written_tables(draw):
    """A dataset, as features, properties and rates by name, and the text and name of a file that holds it."""
    n = draw(st.integers(2, 4))
    names = draw(st.lists(FEATURES, min_size=1, max_size=2, unique=True))
    values = {
        name: draw(st.lists(st.sampled_from([0.5, 1, 2, 4, 8]), min_size=2, max_size=3, unique=True))
        for name in names
    }
    conditions = list(itertools.product(*values.values()))
    rates = draw(
        st.lists(
            st.floats(0, 99).map(lambda x: round(x, 3)), min_size=n * len(conditions), max_size=n * len(conditions)
        )
    )
    units = [f"n{i}" for i in range(n)] if draw(st.booleans()) else [str(700 + i) for i in range(n)]
    properties = draw(st.lists(st.sampled_from(sorted(PROPERTIES)), max_size=2, unique=True))
    columns = {name: PROPERTIES[name](n) for name in properties}
    place = {(u, c): rates[i] for i, (u, c) in enumerate(itertools.product(units, conditions))}
    unit, rate = draw(st.sampled_from(HEADERS["unit"])), draw(st.sampled_from(HEADERS["rate"]))
    if draw(st.booleans()):
        rows = [
            {unit: u, rate: place[u, c], **dict(zip(names, c, strict=True)), **{p: columns[p][i] for p in properties}}
            for i, u in enumerate(units)
            for c in conditions
        ]
    else:
        headers = {c: ";".join(f"{k}={v}" for k, v in zip(names, c, strict=True)) for c in conditions}
        rows = [
            {unit: u, **{headers[c]: place[u, c] for c in conditions}, **{p: columns[p][i] for p in properties}}
            for i, u in enumerate(units)
        ]
    rows = draw(st.permutations(rows))
    order = draw(st.permutations(list(rows[0])))
    counted = draw(st.sampled_from([None, "", "Unnamed: 0", "index"]))
    if counted is not None:
        rows = [{counted: i, **row} for i, row in enumerate(rows)]
        order = [counted, *order]
    comma = draw(st.booleans())
    separator = draw(st.sampled_from([";", "\t"] if comma else [",", ";", "\t"]))

    def cell(value):
        text = str(value)
        return text.replace(".", ",") if comma and (isinstance(value, float) or "=" in text) else text

    def quoted(text):  # a header of several features has semicolons of its own
        return f'"{text}"' if separator == ";" and ";" in text else text

    text = "\n".join(
        separator.join(quoted(cell(v)) for v in line) for line in [order, *([row[k] for k in order] for row in rows)]
    )
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return (
        dict(zip(names, [*zip(*conditions, strict=True)], strict=True)),
        columns,
        place,
        units,
        text.encode(encoding),
    )


@settings(max_examples=150)
@given(written_tables())
def test_a_table_is_read_as_what_it_is_or_its_column_is_named(tmp_path_factory, written):
    conditions, properties, place, units, content = written
    path = tmp_path_factory.mktemp("any") / "curves.csv"
    path.write_bytes(content)
    try:
        data = load(path)
    except DatasetError as error:
        refusal = str(error)
    else:
        refusal = None
    if refusal is not None:
        assert any(word in refusal for word in ("Column '", "thousands", "Header '"))
        return
    short = {name: {"Speed (deg/s)": "speed"}.get(name, name) for name in conditions}
    assert sorted(features(data)) == sorted(short.values())
    assert sorted(unit_properties(data)) == sorted(properties)
    found = {
        (u, tuple(float(data[short[name]].values[j]) for name in conditions)): data["rate"].values[i, j]
        for i, u in enumerate(data["unit"].values.tolist())
        for j in range(data.sizes["condition"])
    }
    assert found == {(u, tuple(map(float, c))): np.float64(x) for (u, c), x in place.items()}
    for name, values in properties.items():
        at = dict(zip(data["unit"].values.tolist(), data[name].values.tolist(), strict=True))
        assert [at[u] for u in units] == values


def test_what_is_asked_of_a_column_holds_with_and_without_its_unit_of_measurement():
    text = "unit,lag (s),Load (g),Size (deg),rate\na,7,1,1,1\na,8,2,2,2\nb,8,1,1,3\nb,7,2,2,4\n"
    for name in ("lag (s)", "lag"):
        assert roles(text, ignore=name, features="Load (g)")["lag (s)"] is Role.IGNORED
    assert list(features(read(text, ignore="lag", features=["Load (g)", "Size (deg)"]).dataset)) == ["Load", "size"]
    assert "score" in read("unit,size=1,score (mV)\na,1,4\nb,2,5\n", unit_columns="score (mV)").dataset


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("unit,c1,c2\na,1,2\nb,2,3\n", {"average": True}, "Only a long table.*leave out --average"),
        (
            "unit,c1,c2\na,1,2\nb,2,3\n",
            {"features": "size"},
            "features=size says what headers that are numbers are of",
        ),
        ("unit,size,rate\na,1,2\na,2,3\n", {"features": "siez"}, "no column 'siez'. Did you mean 'size'"),
        ("unit,size,rate\na,1,2\na,2,3\n", {"conditions": "size"}, "conditions=size is for wide tables"),
    ],
)
def test_an_option_that_the_layout_has_no_use_for_is_refused(text, options, message):
    with pytest.raises(DatasetError, match=message):
        read(text, **options)


@pytest.mark.parametrize(("name", "shown"), [("", "A column without a name"), ("row", "Column 'row'")])
def test_what_counts_rows_is_left_out_and_that_is_said(name, shown):
    text = f"{name},unit,size,rate\n" + "".join(f"{i},{u},{1 + i % 2},{i}\n" for i, u in enumerate("aabb"))
    assert read(text).notes == [f"{shown} was left out: it counts rows."]
