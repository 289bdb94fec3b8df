"""Attack a saved Keras classifier and print what withstood.

  python -m tools.evaluate --model=runs/digits_at/last.keras --data=digits \\
      --attacks=standard --epsilon=0.15 --output_dir=runs/digits_at_eval
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from absl import flags

from tfrobust import experiments
from tfrobust import recipes
from tools import cli
from tools import data_flags

_MODEL = flags.DEFINE_string("model", None, "a .keras file")
_SPLIT = flags.DEFINE_string("split", "test", "test or train")
_NUM_EXAMPLES = flags.DEFINE_integer(
    "num_examples", None, "the first so many; default all"
)

_ATTACKS = flags.DEFINE_list(
    "attacks",
    "quick",
    f"suites {', '.join(recipes.SUITES)}; attacks {', '.join(recipes.ATTACKS)}",
)
_EPSILON = cli.define_number(
    "epsilon", None, "radius, pixels in [0, 1]; default the data's"
)
_NORM = cli.define_norm()
_NUM_STEPS = flags.DEFINE_integer("num_steps", 40, "of iterative attacks")
_NUM_RESTARTS = flags.DEFINE_integer("num_restarts", 1, "with random starts")
_STEP_SIZE = cli.define_number("step_size", None, "default each attack's own")
_LAST_ITERATE = flags.DEFINE_bool(
    "last_iterate", False, "report last iterates and not best points"
)

_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "run directory; default: only print"
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "replace the run there")
_SEED = flags.DEFINE_integer("seed", 0, "of random starts and noise")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 250, "attacked at a time")

GROUPS = {
    "Model": (_MODEL,),
    "Data": (*data_flags.ALL, _SPLIT, _NUM_EXAMPLES),
    "Attacks": (
        _ATTACKS,
        _EPSILON,
        _NORM,
        _NUM_STEPS,
        _NUM_RESTARTS,
        _STEP_SIZE,
        _LAST_ITERATE,
    ),
    "Run": (_OUTPUT_DIR, _OVERWRITE, _SEED, _BATCH_SIZE),
}
flags.mark_flags_as_required(["model"])


def main() -> None:
    """Evaluate as the flags say."""
    config = experiments.EvaluationConfig(
        _MODEL.value,
        data=data_flags.DATA.value,
        data_dir=data_flags.DATA_DIR.value,
        image_size=data_flags.IMAGE_SIZE.value,
        split=_SPLIT.value,
        num_examples=_NUM_EXAMPLES.value,
        attacks=tuple(_ATTACKS.value),
        norm=cli.norm_value(_NORM.value),
        epsilon=_EPSILON.value,
        num_steps=_NUM_STEPS.value,
        num_restarts=_NUM_RESTARTS.value,
        step_size=_STEP_SIZE.value,
        last_iterate=_LAST_ITERATE.value,
        seed=_SEED.value,
        batch_size=_BATCH_SIZE.value,
    )
    experiments.evaluate(config, _OUTPUT_DIR.value, overwrite=_OVERWRITE.value)
    if _OUTPUT_DIR.value is not None:
        print(f"Record: {_OUTPUT_DIR.value}/evaluation.json")


if __name__ == "__main__":
    cli.run(main, __doc__, GROUPS)
