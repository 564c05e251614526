"""How equations are solved: steady states of rate models and their derivatives."""

from tuneful.solvers.search_settings import SearchSettings
from tuneful.solvers.steady_states import Status, SteadyState, steady_state

__all__ = ["SearchSettings", "Status", "SteadyState", "steady_state"]
