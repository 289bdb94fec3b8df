"""How each kind of analysis is told and drawn."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from tfrobust.records import CovarianceRecord
from tfrobust.records import CurvaturePathRecord
from tfrobust.records import CurvatureRecord
from tfrobust.records import CurveRecord
from tfrobust.records import FeatureRecord
from tfrobust.records import FlatnessRecord
from tfrobust.records import LeakingRecord
from tfrobust.records import NoiseRecord
from tfrobust.records import PoisoningRecord
from tfrobust.records import SearchRecord
from tfrobust.records import SoftmaxPathRecord
from tfrobust.records import SurfaceRecord
from tfrobust.records import ToyRecord
from tfrobust.records import WeightSurfaceRecord
from tfrobust.reports import covariance
from tfrobust.reports import examples
from tfrobust.reports import features
from tfrobust.reports import figures
from tfrobust.reports import landscapes
from tfrobust.reports import searches
from tfrobust.reports import tables
from tfrobust.reports import toys

Rows = list[list[str]]
_MOST_ABREAST = 3


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A picture of records.

    Attributes:
        meaning: what it shows, in a sentence.
        draw: (records, path) -> PNG.
        abreast: whether several records stand side by side; otherwise each
            has a picture of its own.
    """

    meaning: str
    draw: Callable[[Sequence[Any], pathlib.Path], None]
    abreast: bool = True

    def save(self, records: Sequence[Any], path: pathlib.Path) -> None:
        """Draw records as PNG; a dollar in a name begins no formula."""
        plain = [
            dataclasses.replace(
                record,
                model=record.model.replace("$", r"\$"),
                data=record.data.replace("$", r"\$"),
            )
            for record in records
        ]
        self.draw(plain, path)

    def groups(self, records: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Yield the records of each picture."""
        width = _MOST_ABREAST if self.abreast else 1
        for first in range(0, len(records), width):
            yield records[first : first + width]


@dataclasses.dataclass(frozen=True)
class Kind:
    """An analysis: what it is called, its table and its pictures.

    Attributes:
        title: heading.
        tables: record -> table, one at least.
        drawings: one at least.
    """

    title: str
    tables: tuple[Callable[[Any], Rows], ...]
    drawings: tuple[Drawing, ...]


def _single(meaning: str, draw: Callable[[Any, pathlib.Path], None]) -> Drawing:
    """Return a picture of one record."""
    return Drawing(
        meaning, lambda records, path: draw(records[0], path), abreast=False
    )


KINDS: dict[type, Kind] = {
    SoftmaxPathRecord: Kind(
        "Examples",
        (examples.softmax_path_rows, examples.label_leaking_rows),
        (
            _single(
                "Images, what the attack added, magnified, and what the "
                "model says of both.",
                examples.plot_examples,
            ),
            Drawing(
                "The softmax of every class on the way from the image to its "
                "adversarial one.",
                examples.plot_softmax_paths,
                abreast=False,
            ),
        ),
    ),
    CurveRecord: Kind(
        "Accuracy against the radius",
        (tables.curve_rows,),
        (
            Drawing(
                "Accuracy under one attack as the ball grows.",
                figures.plot_accuracy_against_epsilon,
            ),
        ),
    ),
    LeakingRecord: Kind(
        "Gradient leaking",
        (tables.leaking_rows,),
        (
            Drawing(
                "How much of the loss gradient and of perturbations lies in "
                "the images' first principal components.",
                figures.plot_gradient_leaking,
            ),
        ),
    ),
    SurfaceRecord: Kind(
        "Decision surface",
        (tables.surface_rows,),
        (
            Drawing(
                "The own logit less the largest other on a plane through one "
                "image; the line is where the class changes.",
                figures.plot_surfaces,
            ),
            _single(
                "The same, and the loss, in three dimensions.",
                landscapes.plot_surface_3d,
            ),
        ),
    ),
    WeightSurfaceRecord: Kind(
        "Loss surface over the weights",
        (landscapes.weight_surface_rows,),
        (
            Drawing(
                "Mean loss on a plane through the weights, along random "
                "directions as long as the filters.",
                landscapes.plot_weight_surface,
            ),
        ),
    ),
    CurvatureRecord: Kind(
        "Jacobian and Hessian",
        (tables.curvature_rows,),
        (
            Drawing(
                "How steep the decision function and how bent the loss is at "
                "each image.",
                figures.plot_curvature,
            ),
        ),
    ),
    CurvaturePathRecord: Kind(
        "Curvature along an attack",
        (landscapes.curvature_path_rows,),
        (
            Drawing(
                "Loss, decision function, slope and bend on the way from an "
                "image to its adversarial one.",
                landscapes.plot_curvature_path,
            ),
            _single(
                "Images, what was added, and the Jacobian of the decision "
                "function.",
                landscapes.plot_jacobians,
            ),
        ),
    ),
    FlatnessRecord: Kind(
        "Local flatness",
        (tables.flatness_rows,),
        (
            Drawing(
                "The largest loss gradient in the ball, and how far the loss "
                "rises.",
                figures.plot_flatness,
            ),
        ),
    ),
    FeatureRecord: Kind(
        "Features",
        (features.feature_rows,),
        (
            Drawing(
                "Features in two dimensions (t-SNE): dots are clean images, "
                "triangles adversarial ones.",
                features.plot_features,
            ),
        ),
    ),
    CovarianceRecord: Kind(
        "Covariance of perturbations and images",
        (covariance.covariance_rows,),
        (
            Drawing(
                "The covariance function by distance, with the distance "
                "where it falls to 1 / e.",
                covariance.plot_covariance,
                abreast=False,
            ),
        ),
    ),
    NoiseRecord: Kind(
        "Long-range correlated noise",
        (covariance.noise_rows,),
        (
            Drawing(
                "Accuracy under the worst of several draws against the "
                "noise's decay length.",
                covariance.plot_noise,
            ),
        ),
    ),
    SearchRecord: Kind(
        "Search",
        (
            searches.search_rows,
            searches.trial_rows,
            searches.finalist_rows,
        ),
        (
            _single(
                "Each trial's clean accuracy against its accuracy under "
                "attack, on validation examples.",
                searches.plot_search,
            ),
        ),
    ),
    ToyRecord: Kind(
        "A toy of gradient leaking",
        (lambda record: toys.toy_rows([record]),),
        (
            Drawing(
                "Points of a curved manifold, what a network makes of the "
                "space around, and loss gradients.",
                toys.plot_toy,
                abreast=False,
            ),
        ),
    ),
    PoisoningRecord: Kind(
        "A small feature that tells the class",
        (toys.poisoning_rows,),
        (
            Drawing(
                "How many predictions follow a signal along a direction in "
                "which the images hardly vary.",
                toys.plot_poisoning,
                abreast=False,
            ),
        ),
    ),
}


def told(record: Any) -> list[Rows]:
    """Return the tables of a record, or why there are none."""
    try:
        return [rows(record) for rows in KINDS[type(record)].tables]
    # One odd record must not cost the whole report.
    except Exception as error:
        return [[["no table"], [f"{type(error).__name__}: {error}"]]]


def caption(meaning: str, records: Sequence[Any]) -> str:
    """Return what is to be seen and where it comes from, from the records."""
    return " ".join([meaning, *map(_origin, records)])


def _origin(record: Any) -> str:
    origin = record.provenance
    parts = [f"weights {record.model_digest[:12]}"]
    parts += [
        f"{name} {origin[name]}"
        for name in ("seed", "revision", "tensorflow")
        if name in origin
    ]
    return f"{record.model} ({', '.join(parts)})."
