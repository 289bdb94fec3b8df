"""Attack a saved Keras classifier and print what withstood.

  python -m tools.evaluate --model=runs/digits_at/last.keras --data=digits \\
      --attacks=standard --epsilon=0.15 --output_dir=runs/digits_at_eval
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tfrobust import recipes
from tools import cli
from tools.data_flags import DataFlags

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("Model")
_MODEL = FLAGS.string(
    "model", None, "a .keras file, a .npz of a zoo, or zoo:NAME", required=True
)

_DATA = DataFlags(FLAGS, of_model=True)
_SPLIT = FLAGS.string("split", "test", "test or train")
_NUM_EXAMPLES = FLAGS.integer(
    "num_examples", None, "the first so many; default all"
)

FLAGS.group("Attacks")
_ATTACKS = FLAGS.names(
    "attacks",
    "standard",
    f"suites {', '.join(recipes.SUITES)}; "
    f"presets {', '.join(recipes.PRESETS)}, or one attack of these, "
    "foolbox-3/ddn; "
    f"attacks {', '.join(recipes.ATTACKS)}",
)
_EPSILON = FLAGS.number(
    "epsilon", None, "radius, pixels in [0, 1], or inf; default the data's"
)
_NORM = FLAGS.norm()
_NUM_STEPS = FLAGS.integer("num_steps", 40, "of iterative attacks")
_NUM_RESTARTS = FLAGS.integer("num_restarts", 1, "with random starts")
_STEP_SIZE = FLAGS.number("step_size", None, "default each attack's own")
_LAST_ITERATE = FLAGS.switch(
    "last_iterate", "report last iterates and not best points"
)
_NUM_SAMPLES = FLAGS.integer(
    "num_samples", 1, "passes averaged at each step; 20 for a random model"
)
_MASKING_EXAMPLES = FLAGS.integer(
    "masking_examples", 200, "to look for masked gradients on; 0: don't"
)
_SURROGATES = FLAGS.names(
    "surrogates", "", "models whose adversarial points are tried on this one"
)
_BFLOAT16 = FLAGS.switch(
    "bfloat16", "climb a copy in bfloat16, confirm in float32"
)

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string(
    "output_dir", None, "run directory; default: only print"
)
_OVERWRITE = FLAGS.switch("overwrite", "replace the run there")
_RESUME = FLAGS.switch("resume", "continue the run there, if there is one")
_SHARD = FLAGS.shard(
    "shard", "i/n: every n-th batch from the i-th; the last to end merges"
)
_SEED = FLAGS.integer("seed", 0, "of random starts and noise")
_BATCH_SIZE = FLAGS.integer("batch_size", 250, "attacked at a time")


def main() -> None:
    """Evaluate as the flags say."""
    config = experiments.EvaluationConfig(
        _MODEL.value,
        **_DATA.settings(_MODEL.value),
        split=_SPLIT.value,
        num_examples=_NUM_EXAMPLES.value,
        attacks=_ATTACKS.value,
        norm=_NORM.value,
        epsilon=_EPSILON.value,
        num_steps=_NUM_STEPS.value,
        num_restarts=_NUM_RESTARTS.value,
        step_size=_STEP_SIZE.value,
        last_iterate=_LAST_ITERATE.value,
        seed=_SEED.value,
        num_samples=_NUM_SAMPLES.value,
        batch_size=_BATCH_SIZE.value,
        masking_examples=_MASKING_EXAMPLES.value,
        surrogates=_SURROGATES.value,
        bfloat16=_BFLOAT16.value,
    )
    directory = _OUTPUT_DIR.value
    record = experiments.evaluate(
        config,
        directory,
        overwrite=_OVERWRITE.value,
        resume=_RESUME.value,
        shard=experiments.Shard(*(_SHARD.value or ())),
    )
    if directory is not None and record is not None:
        print(f"Record: {directory}/evaluation.json")


if __name__ == "__main__":
    cli.run(main, FLAGS)
