"""Tables and pictures of landscapes: what is in them."""

import dataclasses

import numpy as np
import pytest
from mpl_toolkits.mplot3d import Axes3D

from tfrobust.records import SurfaceRecord
from tfrobust.records.landscapes import CurvaturePathRecord
from tfrobust.records.landscapes import WeightSurfaceRecord
from tfrobust.reports import landscapes

WEIGHTS = WeightSurfaceRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    num_examples=8,
    seed=0,
    coordinates=(-0.5, 0.0, 0.5),
    loss=((2.0, 1.0, 2.0), (3.0, 0.5, 1.0), (2.0, 0.75, 1.25)),
    accuracy=((0.5, 0.5, 0.5), (0.25, 1.0, 0.5), (0.5, 0.75, 0.5)),
    provenance={"seed": 0},
)
PATH = CurvaturePathRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    num_examples=3,
    attack={"name": "PGD"},
    examples=(0, 2),
    labels=(7, 1),
    lengths=(0.5, 1.5),
    places=(0.0, 1.0),
    loss=((0.25, 2.0), (0.75, 1.0)),
    decision=((2.0, -1.0), (4.0, 0.5)),
    slope=((1.0, 3.0), (2.0, 5.0)),
    curvature=((0.5, -1.5), (1.5, 0.5)),
    image_shape=(1, 2, 2),
    images=((0.0, 0.5, 1.0, 0.25), (0.5, 0.5, 0.5, 0.5)),
    deltas=((0.1, -0.2, 0.0, 0.0), (0.0, 0.0, 0.05, 0.05)),
    jacobians=((1.0, 2.0, -5.0, 1.0), (0.5, 0.0, 0.0, 0.0)),
    provenance={"seed": 0},
)
SURFACE = SurfaceRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    example=3,
    label=7,
    axes=("loss", "random"),
    coordinates=(-0.1, 0.0, 0.1),
    loss=((2.0, 1.5, 1.0), (1.5, 1.0, 0.5), (1.0, 0.5, 0.25)),
    decision=((-1.0, -0.5, 0.0), (-0.75, 0.5, 1.5), (0.25, 2.5, 3.0)),
    paths={},
    provenance={"seed": 0},
)


@pytest.fixture
def figures(monkeypatch):
    """Keep the figures that are written."""
    kept = []
    write = landscapes.save_figure

    def save(figure, path):
        kept.append(figure)
        write(figure, path)

    monkeypatch.setattr(landscapes, "save_figure", save)
    return kept


def _is_png(path):
    # Whole, and nothing beside it.
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_weight_surface_in_numbers():
    rows = {r[0]: r[1:] for r in landscapes.weight_surface_rows(WEIGHTS)}
    assert rows["loss"] == ["0.5", "1.5", "0.5", "3"]
    assert rows["accuracy %"] == ["100", "55.56", "25", "100"]
    # (1 - 2 * 0.5 + 0.75) / 0.5^2 and (3 - 2 * 0.5 + 1) / 0.5^2.
    assert rows["bend of the loss, first direction"][0] == "3"
    assert rows["bend of the loss, second direction"][0] == "12"


def test_a_loss_that_is_not_finite_is_a_dash():
    rows = list(WEIGHTS.loss)
    rows[2] = (None, None, 1.25)
    record = dataclasses.replace(WEIGHTS, loss=tuple(rows))
    table = {r[0]: r[1:] for r in landscapes.weight_surface_rows(record)}
    assert table["loss"] == ["0.5", "-", "0.5", "-"]
    assert table["bend of the loss, first direction"][0] == "-"
    assert table["bend of the loss, second direction"][0] == "12"


def test_a_path_in_numbers_is_means_over_images():
    assert landscapes.curvature_path_rows(PATH) == [
        ["of the way to x_adv", "right %", "loss", "S", "slope", "bend"],
        ["0.00", "100.0", "0.5", "3", "1.5", "1"],
        ["1.00", "50.0", "1.5", "-0.25", "4", "-0.5"],
    ]


def test_the_weight_surfaces_share_one_scale(figures, tmp_path):
    other = tuple(tuple(10 * v for v in row) for row in WEIGHTS.loss)
    rows = list(other)
    rows[0] = (None, *rows[0][1:])
    steep = dataclasses.replace(WEIGHTS, model="n", loss=tuple(rows))
    path = tmp_path / "weights.png"
    landscapes.plot_weight_surface([WEIGHTS, steep], path)
    _is_png(path)
    solids = [a for a in figures[0].axes if a.name == "3d"]
    assert [a.get_zlim() for a in solids] == [(0.5, 30.0)] * 2
    assert solids[0].get_zlabel() == "mean cross-entropy"


def test_the_solid_has_the_first_direction_along_x(
    figures, tmp_path, monkeypatch
):
    path = tmp_path / "surface.png"
    solids = []
    draw = Axes3D.plot_surface

    def plot_surface(axes, *grids, **how):
        solids.append(grids)
        return draw(axes, *grids, **how)

    monkeypatch.setattr(Axes3D, "plot_surface", plot_surface)
    landscapes.plot_surface_3d(SURFACE, path)
    _is_png(path)
    decision, loss = (a for a in figures[0].axes if a.name == "3d")
    assert decision.get_zlim() == (-3.0, 3.0)
    assert loss.get_zlim() == (0.25, 2.0)
    assert decision.get_xlabel().startswith("loss")
    first, second, heights = solids[0]
    for row, a in enumerate(SURFACE.coordinates):
        for column, b in enumerate(SURFACE.coordinates):
            at = np.nonzero((first == a) & (second == b))
            assert heights[at] == [SURFACE.decision[row][column]]


def test_paths_lie_on_the_solid(figures, tmp_path):
    # At a point of the grid, in the middle of a cell, and beyond the edge.
    places = ((0.0, 0.0), (0.05, 0.05), (0.1, 0.3))
    record = dataclasses.replace(SURFACE, paths={"PGD": places})
    landscapes.plot_surface_3d(record, tmp_path / "surface.png")
    decision, loss = (a for a in figures[0].axes if a.name == "3d")
    middle = (0.5 + 1.5 + 2.5 + 3.0) / 4
    heights = decision.lines[0].get_data_3d()[2]
    np.testing.assert_allclose(heights, [0.5, middle, 3.0])
    middle = (1.0 + 0.5 + 0.5 + 0.25) / 4
    heights = loss.lines[0].get_data_3d()[2]
    np.testing.assert_allclose(heights, [1.0, middle, 0.25])


def test_the_curvature_picture_draws_means_and_medians(figures, tmp_path):
    third = {
        name: (*getattr(PATH, name), (10.0, 10.0))
        for name in ("loss", "decision", "slope", "curvature")
    }
    record = dataclasses.replace(PATH, **third)
    path = tmp_path / "path.png"
    landscapes.plot_curvature_path([PATH, record], path)
    _is_png(path)
    lines = figures[0].axes[2].lines
    drawn = [line.get_ydata() for line in lines[:4]]
    np.testing.assert_allclose(drawn[0], [1.5, 4.0])
    np.testing.assert_allclose(drawn[2], [13 / 3, 6.0])
    np.testing.assert_allclose(drawn[3], [2.0, 5.0])


def test_jacobians_have_a_scale_around_zero(figures, tmp_path):
    path = tmp_path / "jacobians.png"
    landscapes.plot_jacobians(PATH, path)
    _is_png(path)
    panels = [a for a in figures[0].axes if a.images]
    image, delta, jacobian = (a.images[0] for a in panels[:3])
    # Two channels: their mean in grey, their sum by brightness.
    np.testing.assert_allclose(image.get_array(), [[0.25, 0.625]])
    # The largest entry, 0.2, becomes half the range of greys.
    np.testing.assert_allclose(delta.get_array(), [[0.375, 0.5]])
    assert panels[1].get_title() == "perturbation x 2.5"
    np.testing.assert_allclose(jacobian.get_array(), [[3.0, -4.0]])
    assert jacobian.get_clim() == (-4.0, 4.0)
    assert panels[3].get_ylabel() == "image 2, class 1"
    empty = dataclasses.replace(PATH, images=(), deltas=(), jacobians=())
    with pytest.raises(ValueError, match="must have images"):
        landscapes.plot_jacobians(empty, path)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((9,), (3, 3)),
        ((6,), (1, 6)),
        ((2, 3, 1), (2, 3)),
        ((1, 2, 3), (1, 2, 3)),
    ],
)
def test_any_input_has_a_picture(shape, expected, figures, tmp_path):
    size = int(np.prod(shape))
    row = (tuple(float(k) for k in range(size)),)
    record = dataclasses.replace(
        PATH, image_shape=shape, images=row, deltas=row, jacobians=row
    )
    landscapes.plot_jacobians(record, tmp_path / "p.png")
    drawn = figures[0].axes[0].images[0].get_array()
    assert drawn.shape == expected
    # Beyond [0, 1]: its own range.
    assert drawn.min() == 0.0 and drawn.max() == 1.0
