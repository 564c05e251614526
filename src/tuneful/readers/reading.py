"""What was read from a source: the dataset, what every column was taken for, and what a user should know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import xarray as xr

from tuneful.curves import features, unit_properties
from tuneful.readers.columns import ENTRIES
from tuneful.readers.roles import Column, Role

NOTES = "notes"  # the attribute of a dataset that keeps them


@dataclass(frozen=True)
class Reading:
    """A dataset, the roles of the columns that it was read from, and sentences on what was decided."""

    dataset: xr.Dataset
    columns: Sequence[Column]
    notes: Sequence[str] = ()

    @classmethod
    def of(cls, dataset: xr.Dataset) -> Self:
        """A dataset from a source that says itself what everything is."""
        roles = {"unit": Role.UNIT, "condition": Role.CONDITION} | dict.fromkeys(ENTRIES, Role.ENTRY)
        roles |= dict.fromkeys(features(dataset), Role.FEATURE)
        roles |= dict.fromkeys(unit_properties(dataset), Role.PROPERTY)
        present = [name for name in roles if name in dataset.variables]
        return cls(dataset, [Column(name, roles[name], "the source says so") for name in present])

    @property
    def noted(self) -> xr.Dataset:
        """The dataset, which keeps the notes as an attribute."""
        return self.dataset.assign_attrs({NOTES: list(self.notes)}) if self.notes else self.dataset
