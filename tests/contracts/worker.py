"""Train every defense of the contract as one of two workers.

python -m tests.contracts.worker FILE   with TF_CONFIG; the first writes FILE
"""

import os
import sys

import keras
import numpy as np

from tests import networks
from tests.contracts.defense_rows import compiled
from tests.contracts.defense_rows import fit
from tests.contracts.defense_rows import ROWS
from tfrobust.experiments.devices import is_chief
from tfrobust.experiments.devices import make_strategy


def main(path):
    """Train as `defense_rows.trained` does; keep all variables."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    strategy = make_strategy("multi_worker")
    kept = {}
    for name in ROWS:
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = compiled(name)
        fit(model, *networks.batch(model.classifier, 10))
        for index, value in enumerate(model.get_weights()):
            kept[f"{name} {index}"] = value
    if is_chief(strategy):
        np.savez(path, **kept)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    main(sys.argv[1])
