"""What a fit, and what curves, can say."""

from tuneful.analysis.curve_information import information, standard_errors
from tuneful.analysis.inference import Inference, infer
from tuneful.analysis.inference_settings import InferenceSettings
from tuneful.fitting.score_learning import LearnedScore, ScorePlan, learned_score

__all__ = [
    "Inference",
    "InferenceSettings",
    "LearnedScore",
    "ScorePlan",
    "infer",
    "information",
    "learned_score",
    "standard_errors",
]
