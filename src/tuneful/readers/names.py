"""What columns are called: names as people write them, and what they mean in this field."""

import enum
import re

BRACKETS = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*$")  # Rate (Hz), size [deg]; in a time that grows as the name does
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")  # firingRate
SEPARATORS = re.compile(r"[^\w.=;]+|_+")


class Meaning(enum.StrEnum):
    """What a name says about its column."""

    UNIT = "unit"
    RATE = "rate"
    RATE_VAR = "rate_var"
    N_TRIALS = "n_trials"
    CONDITION = "condition"
    SESSION = "session"
    TRIAL = "trial"
    COUNTER = "row counter"
    FEATURE = "stimulus feature"
    PROPERTY = "unit property"
    IDENTIFIER = "identifier"


WHOLE = {
    Meaning.UNIT: "unit unit_id unit_no unit_number unit_label unit_name neuron neuron_id neuron_no neuron_number "
    "cell cell_id cell_no cell_number roi roi_id roi_no roi_number cluster_id",
    Meaning.RATE: "rate rate_hz firing_rate firing_rate_hz mean_rate mean_firing_rate spike_rate fr "
    + (RELATIVE := "df_f d_f_f dff d_ff delta_f_f δf_f δ_f_f"),  # ΔF/F, in arbitrary units
    Meaning.RATE_VAR: "rate_var rate_variance",
    Meaning.N_TRIALS: "n_trials ntrials num_trials n_trial trial_count",
    Meaning.CONDITION: "condition condition_id condition_name condition_label stimulus_id stimulus_name "
    "stimulus_label stim_id stim_name",
    Meaning.COUNTER: "index level_0 row row_number row_id",
    Meaning.FEATURE: "x y z size diameter contrast orientation direction spatial_frequency temporal_frequency sf tf "
    "speed angle phase coherence disparity luminance azimuth elevation position",
    Meaning.PROPERTY: "area region structure layer depth cell_type cre_line genotype hemisphere sex age ap ml dv "
    "snr quality isi_violations amplitude channel probe_channel n_spikes spontaneous_rate baseline_rate "
    "waveform_duration",
}
# Parts of names: `ecephys_session_id` tells sessions apart, `stim_presentation` counts repeats.
PARTS = {
    Meaning.TRIAL: {
        *("trial", "trials", "trialnum", "trialno", "trialid", "repeat", "repeats", "repetition", "rep", "replicate"),
        *("presentation", "sweep", "block", "iteration", "iter", "run", "realization"),
    },
    Meaning.SESSION: {
        *("session", "animal", "mouse", "rat", "monkey", "subject", "experiment", "recording", "date", "day"),
        *("probe", "tetrode", "electrode", "shank", "fov", "plane", "sess", "dataset", "file", "filename", "subj"),
        *("donor", "patient", "participant", "specimen", "slice", "penetration"),
    },
    Meaning.IDENTIFIER: {"id", "ids", "idx", "index", "number"},
}
BY_NAME = {word: meaning for meaning, words in WHOLE.items() for word in words.split()}
UNNAMED = re.compile(r"Unnamed: \d+(_level_\d+)?|")  # as pandas writes and reads a column without a name
ESSENTIAL = (Meaning.UNIT, Meaning.RATE, Meaning.RATE_VAR, Meaning.N_TRIALS, Meaning.CONDITION)


def normal(name: str) -> str:
    """A name in small letters, words joined by underscores, without a unit of measurement in brackets.

    >>> normal("Firing rate (Hz)"), normal("unitID"), normal(" Cell-Type ")
    ('firing_rate', 'unit_id', 'cell_type')
    """
    return SEPARATORS.sub("_", HUMP.sub("_", bare(name))).strip("_").casefold()


def bare(name: str) -> str:
    """A name without a unit of measurement in brackets.

    >>> bare("speed (deg/s)"), bare("(unnamed)")
    ('speed', '(unnamed)')
    """
    return BRACKETS.sub("", name).strip() or name


def measured_in(name: str) -> str | None:
    """The unit of measurement that a name gives in brackets, or is itself.

    >>> measured_in("size (deg)"), measured_in("size"), measured_in("dF/F")
    ('deg', None, 'a.u.')
    """
    found = BRACKETS.search(name)
    if not found and normal(name) in RELATIVE.split():
        return "a.u."
    return found[1].strip() if found and bare(name) != name else None


def meaning(name: str) -> Meaning | None:
    """What a name says; None if it says nothing that is known.

    >>> meaning("neuron"), meaning("ecephys_session_id"), meaning("trial_number"), meaning("Size (deg)"), meaning("q")
    (<Meaning.UNIT: 'unit'>, <Meaning.SESSION: 'session'>, <Meaning.TRIAL: 'trial'>, <Meaning.FEATURE: \
'stimulus feature'>, None)
    """
    if is_unnamed(name):
        return Meaning.COUNTER
    known = normal(name)
    if known in BY_NAME:
        return BY_NAME[known]
    parts = set(known.split("_"))
    return next((means for means, words in PARTS.items() if parts & words), None)


def is_unnamed(name: str) -> bool:
    """Whether a column has no name of its own."""
    return UNNAMED.fullmatch(name.strip()) is not None


def feature_name(name: str) -> str:
    """A stimulus feature as circuits know it, or as it is called without its unit of measurement.

    >>> feature_name("Size (deg)"), feature_name("Load [g]")
    ('size', 'Load')
    """
    return normal(name) if meaning(name) is Meaning.FEATURE else bare(name)


def quoted(name: str) -> str:
    """A name as it is written in an option."""
    return f"'{name}'" if " " in name else name
