"""What a report is made from."""

import dataclasses
from typing import Any

import xarray as xr

from tuneful.curves.labels import COMPARED_AS, of_label


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """Everything that the report of a fit shows; any number may be NaN or None.

    Parameters
    ----------
    result
        The content of ``result.json``: ``circuit``, ``objective``, ``data``, ``seed``, ``steps``, ``wall_seconds``,
        ``stopped`` (why it ended, a sentence), ``rejected_fraction``, ``non_finite_steps``, ``n_train``,
        ``n_held_out``, ``versions`` {package: version}, ``statistics`` {name: {ks, line, floor, n_data, n_model,
        ks_start}}, ``parameters`` {name: {value, unit, initial, symbol, meaning, fitted, truth, entries}},
        ``settings`` (nested), ``warnings`` [sentences]. Values of a parameter are numbers or nested lists, and
        ``entries`` names the entries in the same shape or is None. Optionally ``command``, the line that reproduces
        it; ``outcome``, the word for why it ended (`tuneful.descents.Outcome`); ``unsolved_gradients``, how many
        derivatives of steady states were not found; ``descent_steps``, the steps before the refinement; ``outcomes``
        {settled, saturated, moving, oscillating}, fractions of the realisations at the end of the fit; ``stability``
        {realisations, stable, abscissa: {median, largest}}, in 1/ms; ``prediction`` {ks, line, conditions: {feature:
        values}}, distances of ``prediction`` from ``prediction_truth``; ``labels`` {label: {n_train, n_held_out,
        n_cells, weight}}, where like is compared with like: ``statistics``, ``prediction`` and the evaluations are
        then by label first, and curves have the coordinate `tuneful.curves.labels.COMPARED_AS`.
    steps
        One entry per optimisation step: ``step``, ``loss``, ``gradient_norm``, ``rejected`` (fraction),
        ``finite``, ``parameters`` {name: value or nested list}, ``seconds``.
    evaluations
        Every so often: ``step`` and ``statistics`` {name: KS distance}.
    measured
        Measured curves, ``rate(unit, condition)`` in Hz, NaN = not measured, with the features on
        ``condition`` and a boolean coordinate ``held_out`` on ``unit``.
    start, end
        Curves generated at the start and at the end of the fit, in the same schema and conditions.
    prediction
        Curves of the fitted circuit in other conditions, in the same schema.
    prediction_truth
        Curves of the circuit that made the data in the conditions of ``prediction``, if that circuit is known.
    inference
        The content of ``inference.json`` (`tuneful.analysis.Inference.table`), if there is one.
    """

    result: dict[str, Any]
    steps: list[dict[str, Any]]
    evaluations: list[dict[str, Any]]
    measured: xr.Dataset
    start: xr.Dataset
    end: xr.Dataset
    prediction: xr.Dataset | None = None
    prediction_truth: xr.Dataset | None = None
    inference: dict[str, Any] | None = None
    label: str = ""

    @property
    def labels(self) -> list[str]:
        """Names of the labels, if there are several."""
        return list(self.result.get("labels") or ())

    @property
    def whose(self) -> str:
        """What tells this part from those of other labels, at the end of a phrase."""
        return f" of {self.label}" if self.label else ""

    def parts(self) -> "list[ReportContent]":
        """One content a label, with its own numbers and curves; the whole where there are none."""
        return [self._part(name) for name in self.labels] or [self._compared(_only_label(self))]

    def _part(self, name: str) -> "ReportContent":
        own = {key: (self.result.get(key) or {}).get(name) for key in ("statistics", "prediction")}
        evaluations = [e | {"statistics": (e.get("statistics") or {}).get(name)} for e in self.evaluations]
        result = self.result | own | self.result["labels"][name]
        part = dataclasses.replace(self._compared(name), result=result, evaluations=evaluations)
        return dataclasses.replace(part, label=name)

    def _compared(self, name: str) -> "ReportContent":
        """The curves of a label."""
        names = "measured", "start", "end", "prediction", "prediction_truth"
        curves = {key: getattr(self, key) for key in names}
        own = {key: None if curve is None else of_label(curve, name) for key, curve in curves.items()}
        return dataclasses.replace(self, **own)


def _only_label(content: ReportContent) -> str:
    """The label of all that is compared, where units or recorded cells are left out; "" where nothing is."""
    told = [c[COMPARED_AS].values for c in (content.measured, content.end) if COMPARED_AS in c.coords]
    return next((str(name) for names in told for name in names if name), "")
