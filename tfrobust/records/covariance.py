"""How perturbations hang together, and what correlated noise does."""

from __future__ import annotations

import dataclasses
from typing import Any

from tfrobust.records.shapes import Share

_Number = float | None


@dataclasses.dataclass(frozen=True)
class CovarianceRecord:
    """Covariance of perturbations, and of the images, by displacement.

    A source is the name of an attack or "images". Of perturbations it is the
    raw second moment, no mean subtracted, as Roth et al. (2018) regularise
    with; of images it is about their mean image. K is divided by `scale`, so
    that the mean over channels of K[c][c] at displacement zero is 1.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        image_shape: height, width, channels.
        counts: source -> how many vectors that is the mean of.
        scale: source -> mean square of an entry, in squared input units.
        function: source -> K[c][d][dy + height - 1][dx + width - 1], rounded
            to 1e-6; each displacement's sum of products over channel c at p
            and d at p - (dy, dx), divided by height * width.
        profile: source -> [c][d][r], the mean of K over displacements whose
            length rounds to r = 0, 1, ... pixels.
        decay_length: source -> [c][d], in pixels, where the profile first
            falls to 1 / e of its value at 0; `None` where it never does.
        pair_decay_length: likewise, of K with each displacement divided by
            its number of pairs: free of the taper (1 - |dy| / height) *
            (1 - |dx| / width) that division by height * width leaves, which
            shortens long decays.
        matrix: source -> the (D, D) second moment in row-major order, divided
            by `scale`, rounded to 1e-6; `None` above D = 64.
        settings: attack -> its budget.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    image_shape: tuple[int, int, int]
    counts: dict[str, int]
    scale: dict[str, float]
    function: dict[str, tuple[Any, ...]]
    profile: dict[str, tuple[tuple[tuple[float, ...], ...], ...]]
    decay_length: dict[str, tuple[tuple[_Number, ...], ...]]
    pair_decay_length: dict[str, tuple[tuple[_Number, ...], ...]]
    matrix: dict[str, tuple[tuple[float, ...], ...]] | None
    settings: dict[str, Any]
    provenance: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class NoiseRecord:
    """Accuracy under the worst of several draws of correlated noise.

    Attributes:
        model: how the model is called.
        model_digest: SHA-256 of its weights.
        data: name of the image set.
        num_examples: how many images were looked at.
        norm: 1, 2 or "inf"; noise lies on its sphere, clipped to the box.
        epsilons: radii, in input units.
        decay_lengths: of the noise, in pixels.
        num_draws: per image.
        seed: of the draws.
        clean_accuracy: share of images right without noise.
        accuracy: share right under noise; a row per decay length, in it a
            number per radius.
        provenance: configuration, seed, versions, revision.
    """

    model: str
    model_digest: str
    data: str
    num_examples: int
    norm: int | str
    epsilons: tuple[float, ...]
    decay_lengths: tuple[float, ...]
    num_draws: int
    seed: int
    clean_accuracy: Share
    accuracy: tuple[tuple[Share, ...], ...]
    provenance: dict[str, Any]
