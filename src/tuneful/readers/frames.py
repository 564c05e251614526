"""Tables of pandas as one flat table of columns: named levels of an index become columns or headers."""

import numpy as np
import pandas as pd

from tuneful.curves import DatasetError
from tuneful.readers.names import Meaning, is_unnamed, meaning


def flattened(frame: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """The same table with plain columns and without an index that says something.

    Parameters
    ----------
    frame
        A table; a series whose index has named levels (as `groupby(...).mean()` gives) is a long one.

    Raises
    ------
    DatasetError
        If levels of an index have no names.

    >>> wide = pd.DataFrame([[1.0, 2.0]], index=pd.Index(["a"], name="unit"), columns=pd.Index([0.5, 4], name="size"))
    >>> list(flattened(wide))
    ['unit', 'size=0.5', 'size=4.0']
    """
    if isinstance(frame, pd.Series):
        if frame.index.nlevels == 1 and frame.index.name is None:
            raise DatasetError(
                "A series of rates needs an index that says unit and features, as "
                "groupby(['unit', 'size']).mean() has."
            )
        frame = frame.to_frame("rate" if frame.name is None else str(frame.name))
    if frame.columns.nlevels == 1 and meaning(str(frame.columns.name)) is Meaning.UNIT:
        frame = frame.T  # conditions were rows
    return _with_headers(_with_index(frame))


def _with_index(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with its index as columns, if that says something."""
    names = list(frame.index.names)
    if frame.index.nlevels > 1 and None in names:
        raise DatasetError("Levels of the index have no names: name them (frame.index.names = ['unit', 'size']).")
    if frame.index.nlevels == 1 and names[0] is None:
        known = [meaning(str(name)) for name in frame.columns.get_level_values(0)]
        if isinstance(frame.index, pd.RangeIndex) or Meaning.UNIT in known or Meaning.RATE in known:
            return frame.reset_index(drop=True)
        return _joined(pd.DataFrame({"unit": frame.index}), frame)
    fresh = {name: frame.index.get_level_values(name) for name in names if name not in frame.columns}
    return _joined(pd.DataFrame({str(name): np.asarray(values) for name, values in fresh.items()}), frame)


def _joined(left: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Columns before those of a table, whose own keep their levels."""
    columns = [left[name] for name in left] + [frame.iloc[:, i] for i in range(frame.shape[1])]
    data = dict(enumerate(series.reset_index(drop=True) for series in columns))
    names = [(name,) if frame.columns.nlevels > 1 else name for name in left] + list(frame.columns)
    joined = pd.DataFrame(data)
    joined.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    joined.attrs["levels"] = list(frame.columns.names)
    return joined


def _with_headers(frame: pd.DataFrame) -> pd.DataFrame:
    """Headers that tell the features of conditions, where the levels of the columns have names."""
    levels = frame.attrs.get("levels", list(frame.columns.names))
    frame = frame.set_axis([_header(name, levels) for name in frame.columns], axis="columns")
    frame.attrs = {}
    return frame


def _header(name: object, levels: list) -> str:
    if name is None or name is pd.NA or name != name:
        return ""
    if not isinstance(name, tuple):
        plain = levels == [None] or levels == [""] or not isinstance(name, (int, float, np.number))
        return str(name) if plain or is_unnamed(str(levels[0])) else f"{levels[0]}={name}"
    parts = [part for part in name if part not in ("", None)]
    if len(name) == 1 or (len(parts) == 1 and len(levels) > 1):
        return str(parts[0])  # a column beside those of the conditions
    levels = levels if len(levels) == len(name) else [None] * len(name)  # an index of tuples has one level
    named = [(level, part) for level, part in zip(levels, name, strict=True) if level is not None]
    unnamed = [part for level, part in zip(levels, name, strict=True) if level is None]
    if not named or [meaning(str(part)) for part in unnamed] not in ([], [Meaning.RATE]):
        raise DatasetError(
            "Levels of the columns have no names: name them after the features (frame.columns.names = ['size', "
            "'contrast'])."
        )
    return ";".join(f"{level}={part}" for level, part in named)
