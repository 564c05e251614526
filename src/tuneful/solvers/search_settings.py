"""What a search for a steady state is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SearchSettings:
    """Lengths, limits and thresholds of `tuneful.solvers.steady_state`; the defaults served all circuits here.

    Pairs are of early and of later bursts; `finer` and `spacing` are of the first, the second, and all later ones.

    quick_steps
        Steps of the dynamics before the first attempt to finish.
    finer
        How much shorter the steps are.
    snapshots
        States kept, equally spaced in the second half of a burst.
    attempt_evaluations
        Of the drive, at most, in an attempt to finish.
    feigned_growth
        1/ms: growth that coarse steps may feign (measured: up to 3e-2 where the flow decays).
    slowest_decay
        1/ms: slowest decay believed.
    probe_products
        Products with the Jacobian by which a perturbation is filtered.
    spacing
        How many times as many for the steps of `finer`: as its square roots.
    instant
        Of a step: in which a flow is as good as linear in time.
    cycle_steps
        Fine steps in a burst that shows a cycle.
    same_speed, least_progress
        A cycle is as fast as in the burst before to this relative difference, and gets nowhere: start and end are
        less than this share of the path apart.
    adjoint_evaluations
        Products with the Jacobian, at most, in a linear solve of the derivatives.
    """

    quick_steps: int = 32
    finer: tuple[int, int, int] = (1, 4, 10)
    snapshots: int = 8
    attempt_evaluations: int = 80
    feigned_growth: float = 1e-2
    slowest_decay: tuple[float, float] = (2e-3, 5e-4)
    probe_products: tuple[int, int] = (32, 64)
    spacing: tuple[int, int, int] = (1, 2, 3)
    instant: float = 1 / 256
    cycle_steps: int = 4096
    same_speed: float = 0.02
    least_progress: float = 0.25
    adjoint_evaluations: int = 300
