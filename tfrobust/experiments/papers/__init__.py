"""The tables and figures of five papers, as data."""

from tfrobust.experiments.papers import decision_surface
from tfrobust.experiments.papers import gradient_leaking
from tfrobust.experiments.papers import local_flatness
from tfrobust.experiments.papers import manifold_aware
from tfrobust.experiments.papers import manifold_aware_cifar10
from tfrobust.experiments.papers import structured_gradient
from tfrobust.experiments.papers.tables import PaperTable

PAPERS: dict[str, dict[str, PaperTable]] = {
    "gradient-leaking": gradient_leaking.TABLES,
    "decision-surface": decision_surface.TABLES,
    "local-flatness": local_flatness.TABLES,
    "manifold-aware": {
        **manifold_aware.TABLES,
        **manifold_aware_cifar10.TABLES,
    },
    "structured-gradient": structured_gradient.TABLES,
}
# What is run first: what settles the papers' claims on MNIST.
PRIORITY = (
    ("decision-surface", "table-1"),
    ("local-flatness", "table-1"),
    ("manifold-aware", "table-4"),
    ("manifold-aware", "table-4-linear"),
    ("manifold-aware", "table-4-long"),
    ("manifold-aware", "table-4-tempered"),
    ("manifold-aware", "table-2"),
    ("manifold-aware", "table-5"),
    ("manifold-aware", "table-1"),
    ("structured-gradient", "table-1"),
    ("structured-gradient", "table-4"),
    ("structured-gradient", "table-4-far"),
    ("structured-gradient", "lrc"),
    ("structured-gradient", "lrc-autoattack"),
    ("decision-surface", "equal-clean"),
    ("local-flatness", "table-1-long"),
    ("gradient-leaking", "table-1"),
    ("gradient-leaking", "table-2"),
    ("gradient-leaking", "table-2-long"),
    ("gradient-leaking", "table-3"),
    ("gradient-leaking", "table-3-long"),
    ("local-flatness", "activations"),
    ("decision-surface", "table-2"),
    ("manifold-aware", "table-2-cifar10"),
    ("manifold-aware", "table-4-cifar10"),
    ("manifold-aware", "table-5-cifar10"),
    ("manifold-aware", "table-1-cifar10"),
    ("manifold-aware", "table-3"),
    ("structured-gradient", "table-1-cifar10"),
    ("structured-gradient", "table-3"),
    ("structured-gradient", "table-3-far"),
    ("local-flatness", "figure-3"),
    ("gradient-leaking", "table-2-wide"),
    ("gradient-leaking", "figure-4"),
    ("decision-surface", "figures-1-2"),
    ("decision-surface", "figures-3-4"),
    ("decision-surface", "figures-6-7-9"),
    ("decision-surface", "figures-8-10"),
    ("local-flatness", "figures-1-2"),
    ("manifold-aware", "figure-1"),
    ("manifold-aware", "figure-2"),
    ("structured-gradient", "figures-2-5"),
    ("structured-gradient", "figures-3-4"),
    ("structured-gradient", "figures-6-7-8"),
)
