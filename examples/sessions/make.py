"""Write the sessions in this folder: Poisson spikes of simulated cells of motor cortex, in three formats.

    python examples/sessions/make.py

needs `pip install tuneful[excel] pynwb`.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import scipy.io
from pynwb import NWBHDF5IO, NWBFile

import tuneful

HERE = Path(__file__).parent
N_UNITS, N_TRIALS, DURATION, EVERY = 16, 4, 0.5, 1.0  # trials a condition; seconds of a reach, and between two

curves = tuneful.load(HERE.parent / "tables" / "curves.csv").isel(unit=slice(N_UNITS))
positions = np.stack([curves[name].values for name in "xyz"], axis=1)
rng = np.random.default_rng(1)
shown = rng.permutation(np.repeat(np.arange(len(positions)), N_TRIALS))
counts = rng.poisson(curves["rate"].values[:, shown].T * DURATION)  # (trials, units)
onsets = EVERY * np.arange(len(shown)) + 0.1
relative = [[np.sort(rng.uniform(0, DURATION, n)) for n in row] for row in counts]
labels = [f"cell{i + 1:02d}" for i in range(N_UNITS)]


def write_nwb() -> None:
    """Units with spike times, trials with the time of the go signal and the target."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    session = NWBFile(session_description="simulated reaches", identifier="simulated", session_start_time=start)
    for name in ("go_time", *"xyz"):
        session.add_trial_column(name=name, description="s" if name == "go_time" else "position of the target")
    for onset, position in zip(onsets, positions[shown], strict=True):
        target = dict(zip("xyz", map(float, position), strict=True))
        session.add_trial(start_time=onset - 0.1, stop_time=onset + 0.7, go_time=onset, **target)
    session.add_unit_column(name="area", description="area")
    for i in range(N_UNITS):
        times = np.concatenate([onset + trial[i] for onset, trial in zip(onsets, relative, strict=True)])
        session.add_unit(spike_times=times, area="M1")
    with NWBHDF5IO(path=HERE / "session.nwb", mode="w") as file:
        file.write(container=session, cache_spec=False)


def write_matlab() -> None:
    """A structure array with an element a trial: the target, and a cell of spike times of every unit."""
    kinds = [(name, object) for name in ("x", "y", "z", "spikes")]
    trials = np.zeros(len(shown), kinds)
    for i, position in enumerate(positions[shown]):
        cells = np.empty(N_UNITS, object)
        cells[:] = relative[i]
        trials[i] = (*position, cells)
    scipy.io.savemat(HERE / "trials.mat", {"trials": trials}, do_compression=True)


def write_excel() -> None:
    """A sheet with a row a trial and a column of rates a unit."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["trial", *"xyz", *labels])
    for i, k in enumerate(shown):
        sheet.append([i + 1, *positions[k].tolist(), *(counts[i] / DURATION).tolist()])
    book.save(HERE / "trials.xlsx")


write_nwb()
write_matlab()
write_excel()
