"""Motor-cortex recordings of Lalazar, Abbott & Vaadia (2016), PLoS Comput Biol 12(5): e1004910.

Trial-averaged rates of 510 units of primary motor cortex while the hand was held at 27 positions
(3 x 3 x 3), with the palm up or down. The files come from the public repository of Arakaki, Barello &
Ahmadian (2017), which names no licence for them: tuneful reads them from a folder or a
download cache and never ships them. Which of the two postures is really supination is not certain.
"""

from pathlib import Path

import numpy as np
import pooch
import xarray as xr

from tuneful.curves import DatasetError, complete_units, make_dataset
from tuneful.errors import suggest
from tuneful.readers.text import decoded, numbers_of

POSTURES, BOTH = ("pronation", "supination"), "both"
STEP_MM = 35.0  # nominal distance of neighbouring positions
POSITIONS = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(27, 3)
STATISTICS = ("r2", "complexity", "rate", "coding_level")
SOURCE = "Lalazar, Abbott & Vaadia 2016, PLoS Comput Biol 12(5): e1004910"
LICENCE = "none named in the public repository ahmadianlab/tc-gan (lalazar_data): cite the paper, do not pass on"
BASE_URL = (
    "https://raw.githubusercontent.com/ahmadianlab/tc-gan/06c549e8ae74bc6af62fddeed698565ea1f548c5/lalazar_data/"
)
SHA256 = {
    "TuningCurvesFull_Pronation.dat": "35bc559287cf44acd9828f2dd10b88963f12fac6fd572752d01ed24311ad0bc8",
    "TuningCurvesFull_Supination.dat": "68801b14a19a4d33c9d738b31fe60b2f231412390c35c93a4ed20b6b5b12a8e7",
    "TuningCurves_Pronation.dat": "4b9b3f33c9e407f5d8dcd42d53d334f7a0523702573cf5671e62081590935c56",
    "TuningCurves_Supination.dat": "8b3a62a9d6f245c45af03222210b11a2d1c61023f3816eeae26afa0e3830b980",
    "XCells.dat": "e03a89ddb2cabbf54aa08354ede9ddab7bcdcd4e470d5382f2c5c0a38c4fd468",
    "XCellsFull_Pronation.dat": "35b58a742c94fc077414b686e22ba35e416b2c93f50cf483cb578f8b2820b872",
    "XCellsFull_Supination.dat": "eade20ff1c2302c5dfa41f6f0f10e7ad11be90971a37d4a03007c394e99a69fd",
    "YCells.dat": "41c0598ada99107160bf3fed5ce831b13efbd22959810f3f8767e0d0de8c72e6",
    "YCellsFull_Pronation.dat": "cfd9f2c9859dde99fcf1447297e83a81504415cd8728d266954b6f69a55c6252",
    "YCellsFull_Supination.dat": "dfc4dfdd539eb6824c3bdc1ef70eef21e8d13b09129b504e4bf41a3ce2d8ffbd",
    "ZCells.dat": "3e805d0f34236e16a66bfe692d1e6442985d5b013f49437788fcf09518520826",
    "ZCellsFull_Pronation.dat": "05670ff7253e6065c93628dbad59a95ea4f41514e029c04a36855b7cb51dc964",
    "ZCellsFull_Supination.dat": "b67c154feb013f242be0c1597fe13c89fbcc863ef024e5915d39c9ef18dd6772",
}


def read_lalazar(
    folder: str | Path, posture: str = "pronation", complete: bool = True, grid: int | None = None
) -> xr.Dataset:
    """The recordings of one posture out of the folder of ``.dat`` files.

    Units are labelled by their row in the file of all units (``u000`` to ``u509``), the same in both
    postures. Positions x, y, z are the nominal -1, 0, 1, in units of 35 mm, x slowest and z fastest. The unit
    property ``grid`` numbers the distinct sets of targets in the X/Y/ZCells files (without these files there
    is none).

    Parameters
    ----------
    folder
        Holds ``TuningCurves_Pronation.dat`` and so on.
    posture
        "pronation", "supination", or "both": then a unit is there once for each posture (``u000-pronation``), and the
        property ``cell`` says which are the same cell.
    complete
        Only the units measured in all conditions (293 and 222 of the 510), as in the 2017 paper.
    grid
        Only the units recorded with that set of targets, at its own true positions (units of 35 mm); those
        where none of them was measured are dropped.

    Raises
    ------
    DatasetError
        If a file is missing or malformed, or an option has no such value.

    >>> read_lalazar("lalazar2016").sizes["unit"]  # doctest: +SKIP
    293
    """
    if posture == BOTH:
        return _side_by_side({name: read_lalazar(folder, name, complete, grid) for name in POSTURES})
    if posture not in POSTURES:
        raise DatasetError(f"There is no posture '{posture}'.{suggest(str(posture), (*POSTURES, BOTH))}")
    if not isinstance(complete, bool):
        raise DatasetError(f"The option 'complete' is true or false, and not {complete!r}.")
    rates = _read_dat(Path(folder) / f"TuningCurves_{posture.capitalize()}.dat")
    targets = _read_targets(Path(folder), rates.shape)
    rows, positions, properties = np.arange(len(rates)), POSITIONS, {}
    if targets is not None:
        grids, of_unit = targets
        rows, positions = _choose(grid, grids, of_unit)
        properties = {"grid": of_unit[rows]}
    elif grid is not None:
        raise DatasetError(f"'{folder}' has no XCells.dat, YCells.dat and ZCells.dat, so no grid can be chosen.")
    used = ~np.isnan(rates[rows]).all(axis=0)
    dataset = make_dataset(
        rates[rows][:, used],
        dict(zip("xyz", positions[used].T, strict=True)),
        properties,
        [f"u{row:03d}" for row in rows],
        statistics=STATISTICS,
        source=SOURCE,
        licence=LICENCE,
        posture=posture,
    )
    for axis in "xyz":
        dataset[axis].attrs["units"] = f"{STEP_MM:g} mm"
    return complete_units(dataset) if complete else dataset


def _side_by_side(parts: dict[str, xr.Dataset]) -> xr.Dataset:
    """The units of all postures, each named after its own."""
    if len({part.sizes["condition"] for part in parts.values()}) > 1:
        raise DatasetError("Units of this grid were not shown the same positions in both postures: take one of them.")
    named = [
        part.assign_coords(
            unit=[f"{unit}-{posture}" for unit in part["unit"].values],
            cell=("unit", part["unit"].values),
            posture=("unit", [posture] * part.sizes["unit"]),
        )
        for posture, part in parts.items()
    ]
    return xr.concat(named, "unit", combine_attrs="drop_conflicts").assign_attrs(posture=BOTH)


def _choose(grid: int | None, grids: np.ndarray, of_unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the units to keep, and their positions (27, 3)."""
    if grid is None:
        return np.arange(len(of_unit)), POSITIONS
    if grid not in range(len(grids)):
        raise DatasetError(f"There is no grid {grid}: choose one of 0 to {len(grids) - 1}.")
    return np.flatnonzero(of_unit == grid), grids[grid] / STEP_MM


def _read_targets(folder: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """The distinct sets of target positions in mm, (k, 27, 3), and which one each unit has, (n,)."""
    files = [folder / f"{axis}Cells.dat" for axis in "XYZ"]
    if not any(file.exists() for file in files):
        return None
    tables = [_read_dat(file) for file in files]
    for file, table in zip(files, tables, strict=True):
        if table.shape != shape:
            raise DatasetError(f"'{file}' has {len(table)} rows for {shape[0]} units: is it the right file?")
        if not np.isfinite(table).all():
            row = np.flatnonzero(~np.isfinite(table).all(axis=1))[0]
            raise DatasetError(f"'{file}' has a position in row {row} that is not finite: copy the file again.")
    targets = np.stack(tables, axis=-1) + 0.0  # -0 is 0
    grids, of_unit = np.unique(targets.reshape(len(targets), -1), axis=0, return_inverse=True)
    return grids.reshape(-1, len(POSITIONS), 3), of_unit.ravel()


def _read_dat(path: Path) -> np.ndarray:
    if not path.is_file():
        raise DatasetError(f"'{path.parent}' has no file '{path.name}': is it the folder of the recordings?")
    if path.stat().st_size == 0:
        raise DatasetError(f"'{path}' is empty: copy it again.")
    try:
        table = numbers_of(decoded(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise DatasetError(f"'{path}' could not be read ({str(error)[:120]}): expected 27 numbers a line.") from error
    if table.shape[1] != len(POSITIONS):
        raise DatasetError(f"'{path}' has {table.shape[1]} columns where 27 hand positions are expected.")
    return table


def fetch_lalazar() -> Path:
    """Download the recordings once, check every file's SHA-256, and return their folder in the user's cache.

    Raises
    ------
    DatasetError
        If a file cannot be downloaded or is not the expected one.
    """
    folder = Path(pooch.os_cache("tuneful")) / "lalazar2016"
    store = pooch.create(folder, BASE_URL, registry={name: f"sha256:{sha}" for name, sha in SHA256.items()})
    try:
        for name in SHA256:
            store.fetch(name)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n")[0][:200]
        raise DatasetError(
            f"The recordings could not be downloaded ({reason}): give a local folder that holds "
            "TuningCurves_Pronation.dat instead of the name 'lalazar2016'."
        ) from error
    return folder
