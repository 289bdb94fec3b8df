"""List the trained models that ride along, show a card, or add one.

  python -m tools.zoo
  python -m tools.zoo --name=mnist-smallcnn-trades
  python -m tools.zoo --add=runs/trades --name=digits-trades --directory=models
  python -m tools.evaluate --model=models/digits-trades.npz \\
      --attacks=autoattack --output_dir=runs/digits_trades_autoattack
  python -m tools.zoo --evaluation=runs/digits_trades_autoattack \\
      --name=digits-trades --directory=models
"""

from __future__ import annotations

import tools.quiet  # noqa: F401  (first: it silences the imports below)

# isort: split
from tfrobust import experiments
from tfrobust import reports
from tfrobust import zoo
from tools import cli

FLAGS = cli.FlagSet(__doc__)
FLAGS.group("What")
_ADD = FLAGS.string("add", None, "run directory of a training to add")
_EVALUATION = FLAGS.names(
    "evaluation", "", "run directories of tools.evaluate, for the card"
)
_NAME = FLAGS.string("name", None, "of the model; alone, its card is shown")

FLAGS.group("Where")
_DIRECTORY = FLAGS.string(
    "directory", None, "of models and cards; default those that ride along"
)
_PAGE = FLAGS.string(
    "page", None, "a Markdown file whose table of the zoo is written anew"
)
_OVERWRITE = FLAGS.switch("overwrite", "replace a model, or a card's results")


def main() -> None:
    """Add what the flags name, then list; or show a card."""
    given = _ADD.value is not None or bool(_EVALUATION.value)
    if given and _NAME.value is None:
        raise ValueError(
            "Pass --name with --add and --evaluation. Received: name=None"
        )
    directory = _DIRECTORY.value
    if _NAME.value is not None and not given:
        print("\n".join(reports.card_lines(zoo.card(_NAME.value, directory))))
        return
    if _PAGE.value is not None:
        experiments.check_zoo_page(_PAGE.value)
    if _ADD.value is not None:
        experiments.add_to_zoo(
            _ADD.value, _NAME.value, directory, overwrite=_OVERWRITE.value
        )
    if _EVALUATION.value:
        experiments.add_results(
            _NAME.value,
            _EVALUATION.value,
            directory,
            overwrite=_OVERWRITE.value,
        )
    if _PAGE.value is not None:
        experiments.write_zoo_table(_PAGE.value, directory)
    print(reports.as_text(experiments.zoo_table(directory)))


if __name__ == "__main__":
    cli.run(main, FLAGS)
