"""How equations are solved: steady states of rate models and their derivatives."""

from tuneful.solvers.steady_states import Status, SteadyState, steady_state

__all__ = ["Status", "SteadyState", "steady_state"]
