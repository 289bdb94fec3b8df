"""Manifold-aware training, 2020: CIFAR-10's tables."""

from __future__ import annotations

import dataclasses

from tfrobust.experiments.papers.local_flatness import ADVERSARIAL_TRAINING
from tfrobust.experiments.papers.looks import Attacked
from tfrobust.experiments.papers.manifold_aware import ATTACKS_LOST
from tfrobust.experiments.papers.manifold_aware import LOOKS
from tfrobust.experiments.papers.manifold_aware import LOST
from tfrobust.experiments.papers.manifold_aware import NORMS
from tfrobust.experiments.papers.manifold_aware import ONE_SEED
from tfrobust.experiments.papers.manifold_aware import ROBUSTNESS
from tfrobust.experiments.papers.manifold_aware import TABLE_1
from tfrobust.experiments.papers.manifold_aware import TABLE_4
from tfrobust.experiments.papers.manifold_aware import TABLE_5
from tfrobust.experiments.papers.manifold_aware import WHOLE
from tfrobust.experiments.papers.readings import accuracy
from tfrobust.experiments.papers.readings import clean
from tfrobust.experiments.papers.settings import ADDED_COLUMNS
from tfrobust.experiments.papers.settings import ADDED_LOOKS
from tfrobust.experiments.papers.settings import changed
from tfrobust.experiments.papers.settings import CIFAR10_CPU
from tfrobust.experiments.papers.settings import CIFAR10_PAPER
from tfrobust.experiments.papers.settings import SMOKE
from tfrobust.experiments.papers.tables import Column
from tfrobust.experiments.papers.tables import PaperModel
from tfrobust.experiments.papers.tables import PaperTable

_SETTINGS = {
    "smoke": SMOKE,
    "cpu": CIFAR10_CPU,
    "paper": changed(CIFAR10_PAPER, training={"architecture": "wide_resnet"}),
}
# TRADES' authors: beta = 6 on CIFAR-10, the default.
_OTHERS = {
    "Natural": PaperModel(),
    "AT": ADVERSARIAL_TRAINING,
    "TRADES": PaperModel("trades"),
}
CIFAR10_TABLE_1 = dataclasses.replace(
    TABLE_1,
    caption="CIFAR-10: match rates in %",
    settings=_SETTINGS,
    models={row: _OTHERS[row] for row in TABLE_1.models},
    published={
        "Natural": (99.31, 74.44, 51.53),
        "TRADES": (91.65, 77.42, 56.96),
    },
)
CIFAR10_TABLE_2 = PaperTable(
    caption="CIFAR-10: accuracy in % and mean perturbation norm",
    settings=_SETTINGS,
    models=_OTHERS | ONE_SEED,
    looks=LOOKS | ADDED_LOOKS,
    columns=(*ROBUSTNESS, *ADDED_COLUMNS),
    published={
        "Natural": (95.76, 0.03, 0.432, 0.134),
        "AT": (78.49, 45.93, 0.770, 1.054),
        "TRADES": (84.92, 56.61, 0.722, 0.823),
        "MAT": (94.93, 3.45, 0.488, 0.235),
        "MAT, BIBO": (85.04, 53.58, 1.234, 0.924),
        "MAT, SO": (95.21, 79.92, 0.576, 0.595),
        "MAT, SO, BIBO": (83.80, 80.55, 2.457, 2.750),
    },
    notes=ATTACKS_LOST + NORMS,
)
TABLE_3 = PaperTable(
    caption="CIFAR-10: accuracy in %, radii of 8 and 16 / 255",
    settings=_SETTINGS,
    models={
        "Natural": PaperModel(),
        "AT": ADVERSARIAL_TRAINING,
        "MMC": PaperModel("mmc_at", {"feature_width": 64}),
        "MAT": WHOLE,
    },
    looks=ADDED_LOOKS
    | {
        f"{steps} {radius}": Attacked(
            {
                "attacks": ("pgd_margin", "pgd_least_likely"),
                "epsilon": radius / 255,
                "num_steps": steps,
                "step_size": 2 / 255,
                "last_iterate": True,
            }
        )
        for radius in (8, 16)
        for steps in (10, 50)
    },
    columns=(
        Column("Clean", "10 8", clean),
        *(
            Column(
                f"PGD-{steps} {word}, {radius}",
                f"{steps} {radius}",
                accuracy(attack),
            )
            for radius in (8, 16)
            for steps in (10, 50)
            for word, attack in (
                ("tar", "pgd_least_likely"),
                ("un", "pgd_margin"),
            )
        ),
        *ADDED_COLUMNS,
    ),
    published={
        "Natural": (92.9, 1, 3.7, 1, 3.6, 1, 2.9, 1, 2.6),
        "AT": (80.9, 69.8, 55.4, 69.4, 53.9, 53.3, 34.1, 38.5, 21.5),
        "MMC": (81.8, 70.8, 56.3, 70.1, 55.0, 54.7, 37.4, 39.9, 27.7),
        "MAT": (83.8, 80.1, 80.4, 76.1, 80.4, 79.0, 79.9, 60.4, 79.8),
    },
    notes=(
        "MAT is the whole, with SO and BIBO; the paper's MMC is adversarially "
        "trained; Natural, AT and MMC are there another paper's, of ResNet-32, "
        "MAT of a wide ResNet; here all are of one network. Its 1 stands for 1 "
        "or less. Targets are the least likely classes, what is climbed "
        "(cross-entropy, untargeted the margin) and the step of 2/255 are "
        "ours. " + LOST
    ),
)
CIFAR10_TABLE_4 = dataclasses.replace(
    TABLE_4,
    caption="CIFAR-10: accuracy in % under plain and adaptive PGD",
    settings=_SETTINGS,
    models={"TRADES": _OTHERS["TRADES"], **ONE_SEED},
    published={
        "TRADES": (56.61, 56.26),
        "MAT": (3.45, 0.45),
        "MAT, BIBO": (53.58, 52.27),
        "MAT, SO": (79.92, 1.27),
        "MAT, SO, BIBO": (80.55, 53.65),
    },
    notes=ATTACKS_LOST,
)
CIFAR10_TABLE_5 = dataclasses.replace(
    TABLE_5,
    caption="CIFAR-10: mean cosine to the centre of the predicted class",
    settings=_SETTINGS,
    models=ONE_SEED,
    published={
        "MAT": (0.993, 0.935),
        "MAT, BIBO": (0.879, 0.615),
        "MAT, SO": (0.993, 0.996),
        "MAT, SO, BIBO": (0.845, 0.569),
    },
)
TABLES = {
    "table-1-cifar10": CIFAR10_TABLE_1,
    "table-2-cifar10": CIFAR10_TABLE_2,
    "table-3": TABLE_3,
    "table-4-cifar10": CIFAR10_TABLE_4,
    "table-5-cifar10": CIFAR10_TABLE_5,
}
