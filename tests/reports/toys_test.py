"""Pictures and tables of paths, toys and signals, from records alone."""

import dataclasses

import numpy as np
import pytest

from tfrobust.records.toys import PoisoningRecord
from tfrobust.records.toys import SoftmaxPathRecord
from tfrobust.records.toys import ToyRecord
from tfrobust.reports import examples
from tfrobust.reports import toys

_PATH = SoftmaxPathRecord(
    model="m",
    model_digest="0" * 64,
    data="digits",
    num_examples=8,
    examples=(3, 5),
    images=(
        (((0.5,), (0.25,)), ((1.0,), (0.0,))),
        (((0.5,), (0.5,)), ((0.5,), (0.5,))),
    ),
    adversarial=(
        (((0.6,), (0.25,)), ((0.95,), (0.0,))),
        (((0.5,), (0.5,)), ((0.5,), (0.5,))),
    ),
    labels=(0, 1),
    before=(0, 1),
    after=(2, 1),
    positions=(0.0, 0.5, 1.0),
    probabilities=(
        ((0.9, 0.05, 0.05), (0.8, 0.05, 0.15), (0.2, 0.05, 0.75)),
        ((0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0)),
    ),
    perturbation_norms=(0.1, 0.0),
    clean_accuracy=0.75,
    true_label_accuracy=0.5,
    predicted_label_accuracy=0.375,
    settings={"name": "PGD", "threat_model": {"norm": "inf", "epsilon": 0.1}},
    provenance={},
)
_TOY = ToyRecord(
    model="m",
    model_digest="",
    data="parabola",
    num_examples=4,
    height=0.5,
    normal_noise=0.25,
    accuracy=0.75,
    axes=("x1", "x2"),
    horizontal=(-1.0, 0.0, 1.0),
    vertical=(-0.5, 0.5),
    decision=((-2.0, -2.0, -2.0), (2.0, 2.0, 2.0)),
    manifold=((-1.0, 0.5), (0.0, 0.0), (1.0, 0.5)),
    threshold=0.25,
    points=((-1.0, 0.5), (0.0, 0.0)),
    labels=(1, 0),
    gradients=((3e-9, -4e-9), (0.0, 0.0)),
    tangent_shares=(0.5, 0.25),
    principal_shares=(0.125, 1.0),
    energy=(0.9, 1.0),
    mean_gradient_norm=0.5,
    normal_flip_share=0.625,
    settings={},
    provenance={},
)
_POISON = PoisoningRecord(
    model="m",
    model_digest="",
    data="digits",
    num_examples=8,
    component=40,
    standard_deviation=0.05,
    amplitudes=(0.05, 0.2),
    accuracy=(0.75, 0.5),
    own_accuracy=(0.875, 1.0),
    follow_shares=(0.25, 0.9),
    gradient_shares=(0.1, 0.6),
    clean_accuracy=1.0,
    clean_gradient_share=0.03,
    clean_follow_shares=(0.0, 0.125),
    provenance={},
)


@pytest.fixture
def drawn(monkeypatch):
    """Return the figures that would have been written."""
    figures = []
    for module in (examples, toys):
        monkeypatch.setattr(
            module, "save_figure", lambda f, path: figures.append(f)
        )
    return figures


@pytest.mark.parametrize(
    "draw, record",
    [
        (lambda r, p: examples.plot_softmax_paths([r, r], p), _PATH),
        (examples.plot_examples, _PATH),
        (lambda r, p: toys.plot_toy([r, r], p), _TOY),
        (lambda r, p: toys.plot_poisoning([r, r], p), _POISON),
    ],
)
def test_a_picture_is_one_png(draw, record, tmp_path):
    draw(record, tmp_path / "it.png")
    assert (tmp_path / "it.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [p.name for p in tmp_path.iterdir()] == ["it.png"]


def test_a_path_has_its_ends_and_its_steepest_step():
    assert examples.softmax_path_rows(_PATH)[1:] == [
        # From 0.8 to 0.2 in half of the path.
        ["3", "0", "0 (90.0 %)", "2 (75.0 %)", "0.1", "1.2"],
        ["5", "1", "1 (100.0 %)", "1 (100.0 %)", "0", "0"],
    ]


def test_leaking_is_the_difference_of_two_accuracies():
    rows = dict(examples.label_leaking_rows(_PATH)[1:])
    assert rows["attack with true labels"] == "50.0"
    assert rows["attack with predicted labels"] == "37.5"
    assert rows["what true labels leak"] == "12.5"


def test_a_panel_draws_the_record_and_names_what_counts(drawn):
    examples.plot_softmax_paths([_PATH], "")
    broken, withstood = drawn[0].axes
    lines = {line.get_label(): line.get_ydata() for line in broken.lines}
    assert list(lines["class 0 (its own)"]) == [0.9, 0.8, 0.2]
    assert list(lines["class 2"]) == [0.05, 0.15, 0.75]
    # Class 1 never gets to a tenth: there, but not named.
    assert "class 1" not in lines and len(lines) == 3
    assert "withstood" not in broken.get_title()
    assert "image 5" in withstood.get_title()
    assert "withstood" in withstood.get_title()


def test_a_perturbation_is_shown_so_many_times(drawn):
    examples.plot_examples(_PATH, "")
    image, _, between, nothing, other, _ = drawn[0].axes
    assert between.get_title() == "perturbation, 5 times\nlinf norm 0.1"
    pixels = np.asarray(between.images[0].get_array())
    # 0.5 + 5 * 0.1, 0.5, 0.5 - 5 * 0.05, 0.5.
    np.testing.assert_allclose(pixels, [[1.0, 0.5], [0.25, 0.5]])
    np.testing.assert_allclose(
        np.asarray(image.images[0].get_array()), [[0.5, 0.25], [1.0, 0.0]]
    )
    assert image.get_title() == "image 3, class 0\n0 (90.0 %)"
    assert other.get_title() == "adversarial\n2 (75.0 %)"
    assert image.images[0].get_clim() == (0.0, 1.0)
    assert nothing.get_title() == "perturbation, 1 times\nlinf norm 0"


def test_colours_and_flat_squares_are_pictures_too(drawn):
    pixels = ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    colour = dataclasses.replace(
        _PATH, images=((pixels,),) * 2, adversarial=((pixels,),) * 2
    )
    examples.plot_examples(colour, "")
    shown = np.asarray(drawn[0].axes[0].images[0].get_array())
    np.testing.assert_allclose(shown, [pixels])
    flat = (0.1, 0.2, 0.3, 0.4)
    square = dataclasses.replace(
        _PATH, images=(flat, flat), adversarial=(flat, flat)
    )
    examples.plot_examples(square, "")
    shown = np.asarray(drawn[1].axes[0].images[0].get_array())
    np.testing.assert_allclose(shown, [[0.1, 0.2], [0.3, 0.4]])


@pytest.mark.parametrize(
    "image, message",
    [((0.1, 0.2, 0.3), "squares.*3 pixels"), ((((0.1, 0.2),),), "channels.*2")],
)
def test_what_makes_no_picture_is_refused(image, message):
    record = dataclasses.replace(
        _PATH, images=(image, image), adversarial=(image, image)
    )
    with pytest.raises(ValueError, match=message):
        examples.plot_examples(record, "")


def test_nothing_to_draw_is_refused():
    nothing = {
        f.name: ()
        for f in dataclasses.fields(SoftmaxPathRecord)
        if f.type.startswith("tuple")
    }
    empty = dataclasses.replace(_PATH, **nothing)
    for draw in (
        lambda: examples.plot_softmax_paths([empty], ""),
        lambda: examples.plot_examples(empty, ""),
    ):
        with pytest.raises(ValueError, match="There must be"):
            draw()


def test_a_toys_row_has_its_shares():
    assert toys.toy_rows([_TOY])[1] == [
        "parabola",
        "0.25",
        "75.0",
        "37.5",  # of 50 and 25
        "12.5",
        "62.5",
    ]


def test_arrows_are_unit_vectors_on_axes_of_one_scale(drawn):
    toys.plot_toy([_TOY], "")
    axes = drawn[0].axes[0]
    arrows = next(c for c in axes.collections if hasattr(c, "U"))
    np.testing.assert_allclose(arrows.U, [0.6, 0.0])
    np.testing.assert_allclose(arrows.V, [-0.8, 0.0])
    assert axes.get_aspect() == 1.0
    points = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(points["class 1"], [[-1.0, 0.5]])
    np.testing.assert_allclose(points["class 0"], [[0.0, 0.0]])


def test_a_signals_rows_begin_with_the_model_without():
    assert toys.poisoning_rows(_POISON)[1:] == [
        ["none", "0", "100.0", "-", "-", "-", "3.0"],
        ["0.05", "1", "75.0", "87.5", "25.0", "0.0", "10.0"],
        ["0.2", "4", "50.0", "100.0", "90.0", "12.5", "60.0"],
    ]


def test_the_signals_picture_begins_at_none(drawn):
    toys.plot_poisoning([_POISON], "")
    left, right = drawn[0].axes
    np.testing.assert_allclose(right.lines[0].get_xdata(), [0.0, 0.05, 0.2])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [3.0, 10.0, 60.0])
    np.testing.assert_allclose(left.lines[0].get_ydata(), [25.0, 90.0])
    np.testing.assert_allclose(left.lines[1].get_ydata(), [0.0, 12.5])
