"""Look into a saved Keras classifier: a record, tables and pictures.

  python -m tools.analyze --analysis=gradient_leaking \\
      --model=runs/digits_at/last.keras --output_dir=runs/leaking
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tools import cli
from tools.data_flags import DataFlags

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_ANALYSIS = FLAGS.string(
    "analysis", "gradient_leaking", ", ".join(experiments.ANALYSES)
)
_MODEL = FLAGS.string(
    "model",
    "",
    "a .keras file, or .npz of a zoo; none for poisoning and the two toys",
)

_DATA = DataFlags(FLAGS, of_model=True)
_NUM_EXAMPLES = FLAGS.integer(
    "num_examples", 500, "the first so many test images"
)

FLAGS.group("Perturbations, and paths on a surface")
_ATTACKS = FLAGS.names(
    "attacks", None, "that make them, some take one; default its own"
)
_NORM = FLAGS.norm(None)
_EPSILON = FLAGS.number("epsilon", None, "their radius; default likewise")

FLAGS.group("Gradient leaking, features, noise")
_NUM_COMPONENTS = FLAGS.integer(
    "num_components", None, "principal components; default all, to 1000"
)
_NUM_CLUSTERS = FLAGS.integer(
    "num_clusters", None, "of features; default as many as classes"
)
_DECAY_LENGTHS = FLAGS.names(
    "decay_lengths", "0.5,1,2,4,8", "of noise, in pixels"
)

FLAGS.group("Accuracy against the radius")
_EPSILONS = FLAGS.names(
    "epsilons", "", "radii, rising; default nine up to twice the ball's"
)

FLAGS.group("The toys parabola and sine_surface, poisoning")
_NORMAL_NOISE = FLAGS.number(
    "normal_noise", 0.0, "of a toy's training points, along their normal"
)
_COMPONENT = FLAGS.integer(
    "component", None, "to be poisoned; default the first after 99 % variance"
)
_AMPLITUDES = FLAGS.names("amplitudes", "0.25,0.5,1", "of the poison, l2")
_EPOCHS = FLAGS.integer("epochs", 5, "of each training on poisoned images")

FLAGS.group("Surfaces, flatness")
_REACH = FLAGS.number(
    "reach", None, "and radius of paths; default the usual; of weights 1"
)
_EXAMPLE = FLAGS.integer("example", 0, "that a surface is drawn around")
_RESOLUTION = FLAGS.integer("resolution", 41, "points along each axis")
_SECOND_AXIS = FLAGS.string("second_axis", "random", "or: least likely")

FLAGS.group("Run")
_OUTPUT_DIR = FLAGS.string("output_dir", None, "run directory", required=True)
_OVERWRITE = FLAGS.switch("overwrite", "replace the run there")
_RESUME = FLAGS.switch("resume", "continue the run there, if there is one")
_SEED = FLAGS.integer("seed", 0, "of the attacks")
_BATCH_SIZE = FLAGS.integer("batch_size", 250, "attacked at a time")


def main() -> None:
    """Analyze as the flags say."""
    config = experiments.AnalysisConfig(
        _MODEL.value,
        _ANALYSIS.value,
        **_DATA.settings(_MODEL.value),
        num_examples=_NUM_EXAMPLES.value,
        num_components=_NUM_COMPONENTS.value,
        attacks=_ATTACKS.value,
        norm=_NORM.value,
        epsilon=_EPSILON.value,
        example=_EXAMPLE.value,
        reach=_REACH.value,
        resolution=_RESOLUTION.value,
        second_axis=_SECOND_AXIS.value,
        num_clusters=_NUM_CLUSTERS.value,
        decay_lengths=cli.numbers(_DECAY_LENGTHS, float),
        epsilons=cli.numbers(_EPSILONS, float),
        normal_noise=_NORMAL_NOISE.value,
        component=_COMPONENT.value,
        amplitudes=cli.numbers(_AMPLITUDES, float),
        epochs=_EPOCHS.value,
        seed=_SEED.value,
        batch_size=_BATCH_SIZE.value,
    )
    directory = _OUTPUT_DIR.value
    experiments.analyze(
        config, directory, overwrite=_OVERWRITE.value, resume=_RESUME.value
    )
    print(f"Record: {directory}/analysis.json  Pictures: analysis*.png")


if __name__ == "__main__":
    cli.run(main, FLAGS)
