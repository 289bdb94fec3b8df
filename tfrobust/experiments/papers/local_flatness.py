"""Xu, Li, Jiang and Xia, 2020: table 1, figures 1 to 3."""

from __future__ import annotations

import dataclasses

from tfrobust.experiments.papers.looks import Analyzed
from tfrobust.experiments.papers.looks import Attacked
from tfrobust.experiments.papers.readings import accuracy
from tfrobust.experiments.papers.readings import clean
from tfrobust.experiments.papers.settings import ADDED_COLUMNS
from tfrobust.experiments.papers.settings import ADDED_LOOKS
from tfrobust.experiments.papers.settings import changed
from tfrobust.experiments.papers.settings import CIFAR10_CPU
from tfrobust.experiments.papers.settings import CIFAR10_PAPER
from tfrobust.experiments.papers.settings import MNIST_CPU
from tfrobust.experiments.papers.settings import MNIST_PAPER
from tfrobust.experiments.papers.settings import SMOKE
from tfrobust.experiments.papers.tables import Column
from tfrobust.experiments.papers.tables import Look
from tfrobust.experiments.papers.tables import PaperModel
from tfrobust.experiments.papers.tables import PaperTable
from tfrobust.experiments.papers.tables import single_seeds

_MNIST = {"smoke": SMOKE, "cpu": MNIST_CPU, "paper": MNIST_PAPER}
_WARM_UP = {"epsilon_warm_up": 1, "weight_warm_up": 1}
STANDARD = PaperModel(seeds={"cpu": (0, 1, 2)})
ADVERSARIAL_TRAINING = PaperModel("adversarial_training")
TRADES = PaperModel("trades", {"beta": 1.0})
_LLR = PaperModel(
    "llr",
    {"weight": 4.0, "slope_weight": 3.0},
    scaled_training={"cpu": _WARM_UP},
)
_LFR = PaperModel("lfr", {"weight": 0.02})
_LOOKS: dict[str, Look] = {
    "climbs": Attacked(
        {
            "attacks": (
                "paper-lfr/fgsm",
                "paper-lfr/pgd",
                "paper-lfr/mi_fgsm",
            )
        }
    ),
    "ddn": Attacked(
        {"attacks": ("paper-lfr/ddn",), "norm": 2, "epsilon": "inf"}
    ),
}
_COLUMNS = (
    Column("clean", "climbs", clean),
    Column("FGSM", "climbs", accuracy("paper-lfr/fgsm")),
    Column("PGD-40", "climbs", accuracy("paper-lfr/pgd")),
    Column("MI-FGSM", "climbs", accuracy("paper-lfr/mi_fgsm")),
    Column("DDNA", "ddn", accuracy("paper-lfr/ddn")),
)
TABLE_1 = PaperTable(
    caption="MNIST: accuracy in %, clean and at an l-infinity radius of 0.3",
    settings=_MNIST,
    models={
        "Standard": STANDARD,
        "AT": ADVERSARIAL_TRAINING,
        "TRADES": TRADES,
        "LLR": _LLR,
        "LFR": _LFR,
    },
    looks=_LOOKS | ADDED_LOOKS,
    columns=(*_COLUMNS, *ADDED_COLUMNS),
    published={
        "Standard": (99.30, 33.69, 2.04, 2.55, 14.16),
        "AT": (99.52, 97.26, 95.37, 94.17, 94.05),
        "TRADES": (99.49, 97.54, 95.71, 94.79, 95.91),
        "LLR": (99.62, 97.94, 95.63, 94.60, 93.95),
        "LFR": (99.47, 98.14, 96.82, 96.01, 96.89),
    },
    notes=(
        "Attacks as in the authors' script: FGSM from a random start, MI-FGSM "
        "with a decay of 0.1 from the image itself, DDN of 20 steps "
        "(accuracy: no success within an l2 norm of about 2.65). At scale cpu "
        "LLR's radius and terms grow over the first epoch, without which it "
        "does not begin to learn here."
    ),
)
# Is it the method, or four epochs?
TABLE_1_LONG = dataclasses.replace(
    TABLE_1,
    caption=(
        "MNIST: accuracy in %, clean and at an l-infinity radius of 0.3, of "
        "LFR trained longer than in table 1 where that is cut short"
    ),
    models={
        "LFR": dataclasses.replace(
            _LFR,
            scaled_training={"cpu": {"epochs": 12, "constant_epochs": 6}},
        ),
    },
    published={"LFR": TABLE_1.published["LFR"]},
    notes=(
        f"{TABLE_1.notes} LFR is not done learning in the four epochs of "
        "table 1; here it has twelve. At other scales the two tables "
        "agree. AT, TRADES and LLR: table-1."
    ),
)
_CIFAR10 = {
    "smoke": SMOKE,
    "cpu": CIFAR10_CPU,
    "paper": changed(
        CIFAR10_PAPER,
        training={"architecture": "resnet_v1", "epochs": 300},
        step_size=0.007,
    ),
}
ACTIVATIONS = PaperTable(
    caption=(
        "Not in the paper: LFR on CIFAR-10, where its authors report "
        "failure, with ReLU and with a smooth activation; accuracy in %"
    ),
    settings=_CIFAR10,
    models={
        "AT, relu": ADVERSARIAL_TRAINING,
        # Without it a gain of SiLU's could be the network's, not LFR's.
        "AT, silu": dataclasses.replace(
            ADVERSARIAL_TRAINING, training={"activation": "silu"}
        ),
        **{
            f"LFR, {activation}": PaperModel(
                "lfr",
                {"weight": 0.03},
                training={"activation": activation},
                scaled={"cpu": {"num_steps": 1}},
            )
            for activation in ("relu", "silu")
        },
    },
    looks={"climbs": Attacked({"attacks": ("pgd",)}), **ADDED_LOOKS},
    columns=(
        Column("clean", "climbs", clean),
        Column("PGD-40", "climbs", accuracy("pgd")),
        *ADDED_COLUMNS,
    ),
    notes=(
        "Softplus is left out: the nine-layer network of scale cpu does not "
        "begin to learn with it, even without LFR: `python -m tools.train "
        "--data=cifar10 --architecture=nine_layer_cnn --width=32 "
        "--activation=softplus --augment --defense=standard --epochs=1 "
        "--validation_examples=200` ended at 11.5 %."
    ),
)
_SURFACE = {"surface": Analyzed("surface")}
FIGURES_1_2 = PaperTable(
    caption="MNIST: decision surfaces around one image",
    settings=_MNIST,
    models=single_seeds(TABLE_1.models),
    looks=_SURFACE,
    pictures=("surface",),
    notes=(
        "The paper's figure 1 is of Standard and LFR, its figure 2 of LFR's "
        "loss alone."
    ),
)
FIGURE_3 = PaperTable(
    caption="MNIST: accuracy in % of LFR over lambda",
    settings=_MNIST,
    models={
        f"lambda {w:g}": PaperModel("lfr", {"weight": w})
        for w in (0.005, 0.01, 0.02, 0.04)
    },
    looks=_LOOKS,
    columns=_COLUMNS,
    notes="The weights between which the paper draws a line are ours.",
)
TABLES = {
    "table-1": TABLE_1,
    "table-1-long": TABLE_1_LONG,
    "activations": ACTIVATIONS,
    "figures-1-2": FIGURES_1_2,
    "figure-3": FIGURE_3,
}
