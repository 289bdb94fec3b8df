"""Working sets, restarts, caches, and the errors of bad input."""

import gc
import pathlib
import resource
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfrobust
from tests import networks
from tfrobust.attacks import BIM
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.objectives import GradientNorm
from tfrobust.objectives import KLDivergence
from tfrobust.objectives import Margin
from tfrobust.objectives import NextLikely
from tfrobust.objectives import Targeted
from tfrobust.threat_model import NormBall

_BALL = NormBall("inf", epsilon=0.3)


class _Counting:
    """A classifier that counts the rows it is shown; (x, training) -> z."""

    def __init__(self, model):
        self.model = model
        self.rows = tf.Variable(0, dtype=tf.int64)

    def __call__(self, x, training):
        self.rows.assign_add(tf.cast(tf.shape(x)[0], tf.int64))
        return self.model(x, training=training)


def test_broken_examples_leave_the_working_set():
    # Class 1 wins after the smallest step, so each example is broken at the
    # second look; chunks are 4 steps, so at most 4 of 40 are taken.
    counting = _Counting(networks.linear(np.eye(2) * [1.0, 1.001]))
    x = np.full((10, 2), 0.5, np.float32) + np.float32([[0.01, 0.0]])
    y = np.zeros(10, int)
    result = BIM(_BALL, num_steps=40)(counting, x, y)
    assert result.success.all()
    clean_and_confirmation = 20
    assert int(counting.rows) <= clean_and_confirmation + 10 * 4


def test_a_full_run_takes_one_pass_a_step():
    # Nothing breaks: 40 gradients, one look at the last iterate, the clean
    # pass and the confirmation.
    weights = np.array([[9.0, 0.0], [9.0, 0.0]])
    counting = _Counting(networks.linear(weights))
    x, y = np.full((10, 2), 0.9, np.float32), np.zeros(10, int)
    result = PGD(_BALL, num_steps=40)(counting, x, y)
    assert not result.success.any()
    assert int(counting.rows) == 10 * (40 + 1 + 2)


def test_one_step_needs_no_look_at_its_end():
    # 12 rows before, through the step and in the fresh confirmation.
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 12)
    counting = _Counting(model)
    ball = NormBall("inf", epsilon=2.0, bounds=None)
    result = FGSM(ball)(counting, x, y)
    assert int(counting.rows) == 36
    last = FGSM(ball, keep_best=False)(model, x, y)
    np.testing.assert_array_equal(result.x_adv, last.x_adv)


def test_restarts_only_go_on_with_survivors_and_never_lose_a_success():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 60)
    ball = NormBall("inf", epsilon=0.12)
    one = PGD(ball, num_steps=2)(model, x, y)
    five = PGD(ball, num_steps=2, num_restarts=5)(model, x, y)
    assert (five.success >= one.success).all()
    kept = one.success
    assert kept.any()
    np.testing.assert_array_equal(five.x_adv[kept], one.x_adv[kept])


def test_the_best_gradient_norm_grows_with_steps(float64):
    # With one start and one step size the best of more steps is no less.
    del float64
    model = networks.tiny_cnn()
    x, y = networks.labelled(model, 6)
    values = []
    for steps in (1, 5, 25):
        attack = PGD(
            NormBall("inf", epsilon=1e-3),
            step_size=1e-4,
            num_steps=steps,
            objective=GradientNorm(),
        )
        points = attack(model, x, y).x_adv
        score = GradientNorm()(model, tf.constant(x), tf.constant(y))
        values.append(score(tf.constant(points))[0].numpy())
    assert (values[1] >= values[0]).all()
    assert (values[2] >= values[1]).all()
    assert (values[2] > values[0]).any()


def test_the_best_gradient_norm_grows_with_restarts(float64):
    # No success to find: the larger value of all restarts is kept.
    del float64
    model = networks.linear(np.array([[9.0, 0.0], [9.0, 0.5]]) / 3)
    x, y = networks.labelled(model, 12, low=0.6, high=0.9)

    def norms(restarts):
        attack = PGD(
            NormBall("inf", epsilon=0.05),
            num_steps=1,
            step_size=1e-3,
            num_restarts=restarts,
            objective=GradientNorm(),
        )
        result = attack(model, x, y)
        assert not result.success.any()
        points = tf.constant(result.x_adv)
        return GradientNorm()(model, points, tf.constant(y))(points)[0].numpy()

    one, five = norms(1), norms(5)
    assert (five >= one).all()
    assert (five > one).any()


def test_an_l1_step_does_not_stick_at_the_box():
    # The steepest pixel is full after half of the radius; by hand the ball
    # holds [1, 1, 1, .5], which is broken.
    weights = np.zeros((4, 2))
    weights[:, 0] = [-5, -4, -4, -4]
    model = networks.linear(weights, np.array([12.0, 0.0]))
    x = np.full((1, 4), 0.5, "float32")
    attack = BIM(NormBall(1, epsilon=1.5), num_steps=100, step_size=0.1)
    result = attack(model, x, np.array([0]))
    assert result.success.all()
    assert result.perturbation_norm[0] <= 1.5 + 1e-6


def test_a_gradient_that_is_not_a_number_stops_only_its_pixel():
    # sqrt'(0) is infinite, and divided by itself NaN; the other pixel
    # breaks the model.
    inputs = keras.Input((2,))
    root = keras.ops.sqrt(inputs[:, :1])
    both = keras.layers.Concatenate()([inputs, root])
    model = keras.Model(inputs, keras.layers.Dense(2)(both))
    weights = np.array([[0.0, 0.0], [1.0, 0.0], [1e-3, 0.0]])
    model.layers[-1].set_weights([weights, np.array([0.0, 0.4])])
    x, y = np.array([[0.0, 0.5]], "float32"), np.array([0])
    result = BIM(NormBall(2, epsilon=0.2))(model, x, y)
    assert result.perturbation_norm[0] <= 0.2 + 1e-6
    assert result.success.all()


def test_a_model_that_was_changed_is_attacked_as_it_is_now():
    model = networks.tiny_dense(activation="relu")
    x, y = networks.labelled(model, 20)
    assert FGSM(_BALL)(model, x, y).clean_accuracy == 1.0
    model.layers[1].activation = keras.activations.tanh
    expected = np.mean(np.asarray(model(x)).argmax(1) == y)
    model.layers[-1].kernel.assign(-model.layers[-1].kernel)
    expected = np.mean(np.asarray(model(x)).argmax(1) == y)
    assert FGSM(_BALL)(model, x, y).clean_accuracy == pytest.approx(expected)


def test_l2_steps_do_not_vanish_on_confident_models():
    # Logits (60, 0): the gradient is 60 e^-60 = 5e-25, its square zero in
    # float32.
    model = networks.linear(np.array([[60.0, 0.0], [0.0, 1.0]]))
    x, y = np.array([[1.0, 0.0]], "float32"), np.array([0])
    ball = NormBall(2, epsilon=0.1, bounds=None)
    result = FGSM(ball, keep_best=False)(model, x, y)
    assert result.perturbation_norm[0] == pytest.approx(0.1, rel=1e-4)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda m, x, y: PGD(0.3), "`threat_model` must be a NormBall"),
        (lambda m, x, y: PGD(_BALL, objective="margin"), "`objective`"),
        (lambda m, x, y: PGD(_BALL, random_start=True), "`random_start`"),
        (lambda m, x, y: BIM(_BALL, objective=KLDivergence()), "vanish at x"),
        (lambda m, x, y: PGD(_BALL)(m, x, y, batch_size=0), "`batch_size`"),
        (
            lambda m, x, y: PGD(_BALL)(m, x, y, example_ids=[1]),
            "`example_ids` must be 8 integers",
        ),
        (lambda m, x, y: PGD(_BALL)("a.keras", x, y), "`classifier`.*'a.k"),
        (lambda m, x, y: PGD(_BALL)([m], x, y), "`classifier` must be"),
        (lambda m, x, y: PGD(_BALL, seed=2**32), "below 2"),
        (lambda m, x, y: NextLikely(0), "`rank` must be at least 1"),
    ],
)
def test_wrong_kinds_of_arguments(call, message):
    model = networks.tiny_cnn()
    with pytest.raises(ValueError, match=message):
        call(model, *networks.batch(model))


def test_a_targeted_attack_reaches_the_given_targets():
    model = networks.linear(np.eye(3))
    x = np.float32([[0.6, 0.5, 0.5], [0.5, 0.6, 0.5]])
    y, targets = np.array([0, 1]), np.array([2, 0])
    # No random start: noise alone must not reach them.
    attack = BIM(_BALL, objective=Targeted(Margin()))
    result = attack(model, x, y, targets=targets)
    np.testing.assert_array_equal(result.predictions, targets)
    assert result.success.all()


def test_targets_need_a_targeted_objective():
    model = networks.tiny_dense()
    x, y = networks.batch(model)
    with pytest.raises(ValueError, match="Targeted"):
        PGD(_BALL)(model, x, y, targets=y)


def test_graphs_go_with_their_model():
    model = networks.tiny_dense()
    x, y = networks.batch(model)
    FGSM(_BALL)(model, x, y)
    alive = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert alive() is None


def test_retrained_weights_are_seen():
    model = networks.tiny_dense()
    x, y = networks.batch(model)
    before = FGSM(_BALL)(model, x, y)
    model.set_weights([-w for w in model.get_weights()])
    after = FGSM(_BALL)(model, x, y)
    expected = np.asarray(model(x)).argmax(1)
    np.testing.assert_array_equal(after.clean_predictions, expected)
    assert (before.clean_predictions != after.clean_predictions).any()


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x, y: (x * 255, y), r"divide pixels of 0-255.*0.\d+ to 2\d\d"),
        (
            lambda x, y: (x - 0.5, y),
            r"\[0, 1\]; for another range.*Received: values",
        ),
        (lambda x, y: (x * np.nan, y), "finite.*8 of 8 images"),
        (lambda x, y: ((x * 255).astype("uint8"), y), "dtype=uint8"),
        (lambda x, y: (x[..., 0], y), "Received: shape"),
        (lambda x, y: (np.repeat(x, 3, -1), y), r"input shape \(None, 6, 6, 1"),
        (lambda x, y: (x[:0], y[:0]), "must not be empty"),
        (lambda x, y: (x, y + 5), r"Labels must lie in \[0, 2\]"),
        (lambda x, y: (x, y - 9), r"Labels must lie in \[0, 2\]"),
        (lambda x, y: (x, y * 1.0), "Labels must be integers"),
        (lambda x, y: (x, np.eye(3)[y].astype(int)), "one-hot"),
        (lambda x, y: (x, y[:3]), "3 labels, 8 images"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, message):
    model = networks.tiny_cnn()
    with pytest.raises(ValueError, match=message) as error:
        PGD(_BALL)(model, *change(*networks.batch(model)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_model_that_ends_in_probabilities_is_refused(head):
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(3, activation=head)(inputs)
    model = keras.Model(inputs, outputs)
    x, y = networks.batch(model)
    with pytest.raises(ValueError, match="as_classifier"):
        FGSM(_BALL)(model, x, y)


def test_probabilities_of_an_unknown_model_are_recognised():
    class Hidden(keras.Model):
        def call(self, x):
            return keras.ops.softmax(x)

    x = np.random.default_rng(0).uniform(size=(5, 3)).astype("float32")
    with pytest.raises(ValueError, match="as_classifier"):
        FGSM(_BALL)(Hidden(), x, np.zeros(5, int))


@pytest.mark.parametrize("kind", [list, dict])
def test_several_outputs_are_refused(kind):
    inputs = keras.Input((4,))
    outputs = {str(n): keras.layers.Dense(n)(inputs) for n in (3, 2)}
    found = outputs if kind is dict else list(outputs.values())
    model = keras.Model(inputs, found)
    x = np.ones((3, 4), "float32")
    with pytest.raises(ValueError, match=f"one tensor.*{kind.__name__} of 2"):
        FGSM(_BALL)(model, x, np.zeros(3, int))
    with pytest.raises(ValueError, match="one input and one output"):
        tfrobust.as_classifier(model)
    alone = tfrobust.as_classifier(keras.Model(inputs, {"3": outputs["3"]}))
    assert FGSM(_BALL)(alone, x, np.zeros(3, int)).x_adv.shape == x.shape


def test_logits_that_are_not_finite_are_refused():
    model = networks.linear(np.full((2, 2), np.nan))
    with pytest.raises(ValueError, match="Logits must be finite"):
        FGSM(_BALL)(model, np.ones((3, 2), "float32"), np.zeros(3, int))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_steps": 0}, "`num_steps` must be at least 1.*num_steps=0"),
        ({"num_steps": 2.5}, "`num_steps` must be an integer"),
        ({"num_restarts": 0}, "`num_restarts`"),
        ({"step_size": -0.1}, "`step_size` must be positive"),
        ({"num_restarts": 2, "random_start": None}, "needs a random start"),
        ({"seed": -1}, "`seed`"),
    ],
)
def test_bad_budgets_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PGD(_BALL, **arguments)


class Scaled(keras.Model):
    """A model whose forward pass reads a plain attribute."""

    def __init__(self, inner, scale):
        super().__init__()
        self.inner, self.scale = inner, scale
        self.build(inner.input_shape)

    def build(self, input_shape):
        self.built = True

    def call(self, x, training=False):
        return self.scale * self.inner(x, training=training)


def test_a_number_that_a_layer_holds_is_read_again():
    inner = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(inner, 10)
    model = Scaled(inner, 1.0)
    attack = FGSM(NormBall("inf", epsilon=0.01))
    assert attack(model, x, y).clean_accuracy == 1.0
    model.scale = -1.0
    assert attack(model, x, y).clean_accuracy == 0.0


def test_a_layer_that_was_adapted_anew_is_seen():
    inner = networks.linear(np.array([[1.0, -1.0]]), np.array([-0.5, 0.5]))
    norm = keras.layers.Normalization(axis=None)
    norm.adapt(np.float32([[-1.0], [1.0]]))  # x as it is
    images = keras.Input((1,))
    model = keras.Model(images, inner(norm(images)))
    attack = FGSM(NormBall("inf", epsilon=0.01))
    x = np.float32([[0.8], [0.9]])
    assert attack(model, x, [0, 0]).clean_accuracy == 1.0
    norm.adapt(np.float32([[0.0], [2.0]]))  # x - 1
    assert attack(model, x, [0, 0]).clean_accuracy == 0.0


def test_what_a_function_closes_over_is_read_again():
    here = {"model": networks.tiny_cnn(activation="relu")}
    x, y = networks.labelled(here["model"], 10)
    attack = FGSM(NormBall("inf", epsilon=0.01))

    def classifier(x, training=False):
        return here["model"](x, training=training)

    assert attack(classifier, x, y).clean_accuracy == 1.0
    inner = here["model"]
    here["model"] = lambda x, training: -inner(x, training=training)
    assert attack(classifier, x, y).clean_accuracy == 0.0


def test_float16_climbs_where_its_cross_entropy_has_no_slope():
    # p(other) is about e^-20: below the least float16, but not nothing.
    kernel = np.array([[0.0, -40.0], [0.0, 40.0]])
    x = np.float32([[0.75, 0.25], [0.8, 0.2]])
    keras.config.set_dtype_policy("float16")
    half = networks.linear(kernel)
    keras.config.set_dtype_policy("float32")
    full = networks.linear(kernel)
    attack = FGSM(NormBall("inf", epsilon=0.1))
    found = [m.x_adv for m in (attack(m, x, [0, 0]) for m in (half, full))]
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)
    np.testing.assert_allclose(found[1], x + [[-0.1, 0.1]] * 2, atol=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(
    not pathlib.Path("/proc/self/statm").exists(), reason="reads /proc"
)
def test_memory_stays_flat_over_a_thousand_batches():
    model = networks.tiny_cnn(activation="relu")
    x, y = networks.labelled(model, 1000)
    pages = []

    def note(_):
        text = pathlib.Path("/proc/self/statm").read_text()
        pages.append(int(text.split()[1]))

    PGD(_BALL, num_steps=2)(model, x, y, batch_size=1, progress=note)
    assert len(pages) == 1000
    # After the first have filled every pool; a tensor left behind by each
    # batch would be no more than a page, a graph hundreds.
    assert (pages[-1] - pages[300]) * resource.getpagesize() < 8e6
