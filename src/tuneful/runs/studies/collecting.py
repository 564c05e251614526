"""What the jobs of a study found, as one table with a row for each, in files and on a page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tuneful.fitting.tables import statistics_of, versions
from tuneful.plain import plain, printable
from tuneful.report.answers.study import study_page
from tuneful.runs.folder import PAGE, RESULT, RunFolder
from tuneful.runs.studies.jobs import Job, Standing, State, damaged
from tuneful.runs.studies.study_folder import COLLECTED, RUNS, StudyFolder
from tuneful.runs.studies.study_run import account_of

TABLE = "table"
LONGEST = 10_000  # characters of a word
PLAIN = ("circuit", "objective", "outcome", "steps", "wall_seconds", "rejected_fraction", "abscissa")


def collect(study: StudyFolder, out: Path | None = None) -> Path:
    """Write the table of a study and its page; return the path of the page.

    Parameters
    ----------
    study
        The folder, whether its jobs are finished or not.
    out
        Where to write; by default into a folder of its own there.

    Raises
    ------
    UserError
        If the folder is of something else, or files there are not of an earlier collection.
    """
    account, asked = account_of(study), study.study()
    table = table_of(study, account.jobs)
    folder = RunFolder(out or study.path / COLLECTED)
    command = shlex.join(["tuneful", "study", "collect", str(study.path)])
    about = {
        "command": command,
        "versions": versions("pandas"),
        "settings": asked.written(),
        "study": str(study.path),
    }
    varied = list(dict.fromkeys(key for job, _ in account.jobs for key in job.values))
    with folder.lock():
        folder.prepare(overwrite=True)
        with folder.writing(f"{TABLE}.csv") as path:
            table.to_csv(path, index=False)
        with folder.writing(f"{TABLE}.nc") as path:
            path.write_bytes(bytes(_as_dataset(table).to_netcdf(engine="h5netcdf")))
        if _has_parquet():
            with folder.writing(f"{TABLE}.parquet") as path:
                table.to_parquet(path, index=False)
        with folder.writing(PAGE) as path:
            study_page(table, varied, about).write(path)
    return folder.path / PAGE


def table_of(study: StudyFolder, jobs: Sequence[tuple[Job, Standing]]) -> pd.DataFrame:
    """One row a job: what it is, what varies, how it stands, and what it found.

    Columns of results are ``ks.STATISTIC``, and of every parameter ``fitted.NAME``, ``error.NAME`` and
    ``truth.NAME``; of one with several entries ``fitted.NAME[0,1]``.
    """
    table = pd.DataFrame([dict(map(_as_kept, _row(study, job, standing))) for job, standing in jobs])
    for name in [name for name in table if not pd.api.types.is_numeric_dtype(table[name])]:
        table[name] = table[name].map(str, na_action="ignore")  # a setting may be a number here, and a word there
    return table


def _as_kept(entry: tuple[str, Any]) -> tuple[str, Any]:
    """A cell whose text any file can keep: names in data hold what their authors please."""
    name, value = (printable(part, LONGEST) if isinstance(part, str) else part for part in entry)
    return name, value


def _row(study: StudyFolder, job: Job, standing: Standing) -> Iterator[tuple[str, Any]]:
    yield "job", job.index
    yield "run", f"{RUNS}/{job.name}"
    yield "state", str(standing.state)
    yield "why", standing.why
    yield "data", job.data
    if (sample := _sample(job)) is not None:
        yield "replicate", sample
    yield "seed", job.config["seed"]
    for key, value in job.values.items():
        yield key, value if isinstance(value, int | float | str) else str(value)
    if standing.state is State.FINISHED:
        try:
            yield from dict(_found(study.run(job).read_json(RESULT))).items()
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            yield from {"state": str(State.FAILED), "why": damaged(error)}.items()


def _sample(job: Job) -> int | None:
    """The number of its bootstrap sample, if it is run with one."""
    data = job.config.get("data")
    sample = data.get("resample") if isinstance(data, Mapping) else None
    return sample.get("number") if isinstance(sample, Mapping) else None


def _found(result: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Numbers and words of result.json."""
    yield from ((key, result[key]) for key in PLAIN if key in result)
    yield "warnings", len(result.get("warnings", ()))
    if "statistics" in result:
        yield from ((f"ks.{name}", row["ks"]) for name, row in statistics_of(result).items())
    for name, row in result.get("parameters", {}).items():
        for kind, key in (("fitted", "value"), ("error", "standard_error"), ("truth", "truth")):
            yield from _entries(f"{kind}.{name}", row[key])
    yield from result.get("scalars", {}).items()


def _entries(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """A parameter entry by entry; what is not known is left out."""
    if value is None:
        return
    numbers = np.array(plain(value), dtype=float)
    for place in np.ndindex(numbers.shape):
        yield name + (f"[{','.join(map(str, place))}]" if place else ""), float(numbers[place])


def _as_dataset(table: pd.DataFrame) -> Any:
    """The table for xarray: a variable for every column over the jobs; texts that are not there are empty."""
    is_text = [not pd.api.types.is_numeric_dtype(table[name]) for name in table]
    columns = {
        name: table[name].fillna("").astype(str).to_numpy(dtype=object)
        if text
        else table[name].to_numpy(dtype=float, na_value=np.nan)
        for name, text in zip(table, is_text, strict=True)
    }
    import xarray as xr

    return xr.Dataset(
        {name: ("job", values) for name, values in columns.items() if name != "job"},
        {"job": columns["job"].astype(int)},
    )


def _has_parquet() -> bool:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        return False
    return True
