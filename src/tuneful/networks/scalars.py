r"""What makes a stability-optimised circuit: strong transients, balanced and far from normal [Hennequin et al. 2014].

Activity follows dx/dt = A x with A = W - 1 and time in units of the time constant tau. All functions take the weight
matrix W, (N, N), rows post-synaptic, float64, and need it stable: spectral abscissa of W below 1.
"""

from dataclasses import dataclass

import numpy as np

from tuneful.networks.peak import peak_amplification
from tuneful.networks.random_weights import as_square_matrix
from tuneful.solvers.schur import SchurForm
from tuneful.solvers.spectrum import spectral_abscissa


@dataclass(frozen=True)
class CircuitScalars:
    """The numbers by which circuits are compared; see the functions of this module.

    excitatory_density, inhibitory_density
        Fraction of the entries of a type's columns that are synapses.
    abscissa, least_real_part
        Largest and smallest real part of the eigenvalues of W.
    largest_energy, mean_energy, amplified_directions
        Of the evoked energies; how many of them exceed 1, the energy without connections.
    peak_amplification, peak_time, peak_until
        Largest ||exp(At)|| and when, in tau; and the time up to which that is certain, infinite unless the search
        took too long (see `tuneful.networks.peak`).
    numerical_abscissa, henrici_index
        Of A.
    ei_correlation
        Mean over the cells that have both inputs; NaN if there are none.
    excitatory_abscissa
        Spectral abscissa of the excitatory network alone: above 1, inhibition stabilises the circuit.
    """

    excitatory_density: float
    inhibitory_density: float
    abscissa: float
    least_real_part: float
    largest_energy: float
    mean_energy: float
    amplified_directions: int
    peak_amplification: float
    peak_time: float
    peak_until: float
    numerical_abscissa: float
    henrici_index: float
    ei_correlation: float
    excitatory_abscissa: float


def circuit_scalars(weights: np.ndarray, excitatory: np.ndarray) -> CircuitScalars:
    """Compute all scalars of a circuit with cell types `excitatory`, (N,) bool.

    Raises
    ------
    ValueError
        If the circuit is not stable; `structural_scalars` has what is known even then.

    >>> scalars = circuit_scalars(np.array([[0.5, -1.0], [1.0, 0.0]]), np.array([True, False]))
    >>> scalars.excitatory_abscissa, round(scalars.abscissa, 12)
    (0.5, 0.25)
    """
    weights = as_square_matrix(weights)
    energies, _ = preferred_states(weights)
    peak = peak_amplification(weights)
    correlations = ei_correlation(weights, excitatory)
    correlations = correlations[np.isfinite(correlations)]
    return CircuitScalars(
        **structural_scalars(weights, excitatory),
        largest_energy=float(energies[0]),
        mean_energy=float(energies.mean()),
        amplified_directions=int((energies > 1).sum()),
        peak_amplification=peak.norm,
        peak_time=peak.time,
        peak_until=peak.until,
        ei_correlation=float(correlations.mean()) if len(correlations) else np.nan,
    )


def structural_scalars(weights: np.ndarray, excitatory: np.ndarray) -> dict[str, float]:
    """Compute those scalars of a circuit that need no stability, by the names in `CircuitScalars`.

    Those of a type without a cell are NaN.

    >>> scalars = structural_scalars(np.array([[2.0, -1.0], [1.0, 0.0]]), np.array([True, False]))
    >>> scalars["excitatory_abscissa"], scalars["inhibitory_density"]
    (2.0, 0.5)
    """
    eigenvalues, alone = np.linalg.eigvals(weights), weights[np.ix_(excitatory, excitatory)]
    return {
        "excitatory_density": _density(weights[:, excitatory]),
        "inhibitory_density": _density(weights[:, ~excitatory]),
        "abscissa": float(eigenvalues.real.max()),
        "least_real_part": float(eigenvalues.real.min()),
        "numerical_abscissa": numerical_abscissa(weights),
        "henrici_index": henrici_index(weights),
        "excitatory_abscissa": spectral_abscissa(alone) if len(alone) else np.nan,
    }


def _density(columns: np.ndarray) -> float:
    return float((columns != 0).mean()) if columns.size else np.nan


def gramians(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Controllability and observability Gramians: A P + P A^T = -2 and A^T Q + Q A = -2, (N, N) each.

    The 2 makes both the identity for a network without connections.

    Raises
    ------
    ValueError
        If the circuit is not stable.

    >>> gramians(np.zeros((2, 2)))[1]
    array([[1., 0.],
           [0., 1.]])
    """
    form = SchurForm.of(as_square_matrix(weights))
    if form.abscissa >= 1:
        raise ValueError(
            f"The spectral abscissa is {form.abscissa:g}: activity is not stable unless it is below 1. Stabilise the "
            "circuit first (tuneful.stability.stabilize)."
        )
    reached, seen = form.gramians(1.0)
    return 2 * reached, 2 * seen


def evoked_energy(weights: np.ndarray, initial: np.ndarray) -> float:
    """Energy of the transient that follows an initial state a: 2 int |exp(At) a|^2 dt = a^T Q a.

    It is |a|^2 without connections. `initial` is a, (N,).

    >>> evoked_energy(np.zeros((2, 2)), np.array([3.0, 4.0]))
    25.0
    """
    return float(initial @ gramians(weights)[1] @ initial)


def preferred_states(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal initial states in the order of the energy that they evoke [Hennequin et al. 2014].

    Returns
    -------
    Energies (N,), descending, and states (N, N), one a column: eigenvectors of Q, up to their signs.

    >>> energies, states = preferred_states(np.array([[0.0, -1.0], [2.0, 0.0]]))
    >>> energies.round(4)
    array([1.3838, 0.7829])
    """
    energies, states = np.linalg.eigh(gramians(weights)[1])
    return energies[::-1], states[:, ::-1]


def numerical_abscissa(weights: np.ndarray) -> float:
    """Fastest growth at t = 0 of the norm of any state: the largest eigenvalue of (A + A^T) / 2.

    >>> numerical_abscissa(np.array([[0.0, 4.0], [0.0, 0.0]]))
    1.0
    """
    return float(np.linalg.eigvalsh((weights + weights.T) / 2)[-1] - 1)


def henrici_index(weights: np.ndarray) -> float:
    """Departure of A from normality: sqrt(||A||_F^2 - sum |lambda|^2) / ||A||_F, 0 (normal) to 1 [Henrici 1962].

    >>> round(henrici_index(np.array([[1.0, 4.0], [0.0, 1.0]])), 12)
    1.0
    """
    a = weights - np.eye(len(weights))
    total = np.sum(a**2)
    normal_part = np.sum(np.abs(np.linalg.eigvals(a)) ** 2)
    return float(np.sqrt(max(1 - normal_part / total, 0.0)))


def spontaneous_covariance(weights: np.ndarray, noise: float = 1.0) -> np.ndarray:
    """Stationary covariance C under white noise: A C + C A^T = -2 noise^2, (N, N).

    `noise` is the standard deviation of a cell without connections.

    >>> spontaneous_covariance(np.zeros((2, 2)), noise=3.0)
    array([[9., 0.],
           [0., 9.]])
    """
    return noise**2 * gramians(weights)[0]


def ei_correlation(weights: np.ndarray, excitatory: np.ndarray) -> np.ndarray:
    """Correlation of every cell's excitatory and inhibitory input in spontaneous activity.

    (W_E C W_I^T)_ii / sqrt((W_E C W_E^T)_ii (W_I C W_I^T)_ii), W_E and W_I the excitatory and inhibitory columns.
    It is negative where the two inputs move together: inhibitory input is negative.

    Returns
    -------
    (N,); NaN for a cell that lacks one of the two inputs.

    >>> weights = np.array([[0.0, -1.0], [1.0, -1.0]])
    >>> ei_correlation(weights, np.array([True, False])).round(3)
    array([   nan, -0.158])
    """
    covariance = spontaneous_covariance(weights)
    from_e, from_i = weights * excitatory, weights * ~excitatory
    of_e, of_i = from_e @ covariance, from_i @ covariance
    shared = np.sum(of_e * from_i, axis=1)
    scale = np.sqrt(np.sum(of_e * from_e, axis=1) * np.sum(of_i * from_i, axis=1))
    return np.divide(shared, scale, out=np.full(len(weights), np.nan), where=scale > 0)
