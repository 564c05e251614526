"""What is measured: tuning-curve datasets, statistics of curves, and how far two sets of curves are apart."""

from tuneful.curves import lattice, rates, size_contrast, size_tuning  # noqa: F401  (importing them fills the registry)
from tuneful.curves.comparison import Comparison, compare, critical_value, floor, ks_distance, seen_through
from tuneful.curves.dataset import complete_units, make_dataset, parted, split
from tuneful.curves.description import describe, named_conditions
from tuneful.curves.schema import DatasetError, features, rate_unit, unit_properties
from tuneful.curves.statistics import STATISTICS, Statistic, compute, statistic, statistics_for
from tuneful.curves.validation import validate

__all__ = [
    "STATISTICS",
    "Comparison",
    "DatasetError",
    "Statistic",
    "compare",
    "complete_units",
    "compute",
    "critical_value",
    "describe",
    "features",
    "floor",
    "ks_distance",
    "make_dataset",
    "named_conditions",
    "parted",
    "rate_unit",
    "seen_through",
    "split",
    "statistic",
    "statistics_for",
    "unit_properties",
    "validate",
]
