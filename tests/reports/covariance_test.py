"""Tables and pictures of covariances and of noise, from records alone."""

import dataclasses
import struct

import pytest

from tfrobust.records.covariance import CovarianceRecord
from tfrobust.records.covariance import NoiseRecord
from tfrobust.reports import covariance

_ROW = ((0.0, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.0))
_PROFILE = (1.0, 0.4, 0.2)
COVARIANCE = CovarianceRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    num_examples=8,
    image_shape=(2, 2, 2),
    counts={"pgd": 6, "images": 8},
    scale={"pgd": 0.04, "images": 0.25},
    function={name: ((_ROW, _ROW), (_ROW, _ROW)) for name in ("pgd", "images")},
    profile={
        "pgd": ((_PROFILE, (0.5, 0.1, 0.0)), ((0.5, 0.1, 0.0), _PROFILE)),
        "images": ((_PROFILE, _PROFILE), (_PROFILE, _PROFILE)),
    },
    decay_length={
        "pgd": ((1.161, 0.79), (0.79, 1.161)),
        "images": ((1.161, None), (None, 1.161)),
    },
    pair_decay_length={
        "pgd": ((1.5, 0.9), (0.9, 1.5)),
        "images": ((None, None), (None, None)),
    },
    matrix=None,
    settings={"pgd": {"name": "PGD"}},
    provenance={"seed": 0},
)
NOISE = NoiseRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    num_examples=8,
    norm=2,
    epsilons=(0.5, 1.25),
    decay_lengths=(0.5, 2.0, 4.0),
    num_draws=10,
    seed=0,
    clean_accuracy=1.0,
    accuracy=((1.0, 0.875), (0.875, 0.5), (0.75, 0.25)),
    provenance={"seed": 0},
)


def _size(path):
    """Return width and height of a PNG, from its header."""
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    return struct.unpack(">II", head[16:])


def test_a_row_per_source_and_pair_of_channels():
    rows = covariance.covariance_rows(COVARIANCE)
    # sqrt(0.04) and sqrt(0.25); the pair (1, 0) is the pair (0, 1).
    assert rows[1:] == [
        ["pgd", "0, 0", "6", "0.2", "1.000", "0.400", "1.16", "1.50"],
        ["pgd", "0, 1", "6", "0.2", "0.500", "0.100", "0.79", "0.90"],
        ["pgd", "1, 1", "6", "0.2", "1.000", "0.400", "1.16", "1.50"],
        ["images", "0, 0", "8", "0.5", "1.000", "0.400", "1.16", "-"],
        ["images", "0, 1", "8", "0.5", "1.000", "0.400", "-", "-"],
        ["images", "1, 1", "8", "0.5", "1.000", "0.400", "1.16", "-"],
    ]
    assert all(len(row) == len(rows[0]) for row in rows)


def test_a_row_per_decay_length_and_a_column_per_radius():
    assert covariance.noise_rows(NOISE) == [
        ["decay length, pixels", "clean", "l2 0.5", "l2 1.25"],
        ["0.5", "100.0", "100.0", "87.5"],
        ["2", "100.0", "87.5", "50.0"],
        ["4", "100.0", "75.0", "25.0"],
    ]


@pytest.mark.parametrize("channels", [(0, 0), (0, 1)])
def test_the_covariance_picture_has_a_row_per_record(channels, tmp_path):
    path = tmp_path / "covariance.png"
    fewer = dataclasses.replace(
        COVARIANCE,
        profile={"pgd": COVARIANCE.profile["pgd"]},
        function={"pgd": COVARIANCE.function["pgd"]},
    )
    covariance.plot_covariance([COVARIANCE, fewer], path, channels=channels)
    # 5.2 + 2 * 2.3 and 2 * 3.6 inches of 150 dots.
    assert _size(path) == (1470, 1080)


def test_the_noise_picture_has_a_panel_per_model(tmp_path):
    path = tmp_path / "noise.png"
    covariance.plot_noise([NOISE, NOISE, NOISE], path)
    assert _size(path) == (2250, 630)
    # A fourth begins a row.
    covariance.plot_noise([NOISE] * 4, path)
    assert _size(path) == (2250, 1260)
