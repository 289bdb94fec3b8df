"""The attack contract over shapes, norms, radii, batches, class counts."""

import hypothesis
import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from tests import networks
from tfrobust import attacks
from tfrobust.threat_model import NormBall

_EVERY = (1, 2, "inf")
_SOME = (2, "inf")
_KINDS = {
    "noise": (_EVERY, lambda b: attacks.UniformNoise(b, num_draws=3)),
    "fgsm": (_EVERY, attacks.FGSM),
    "pgd": (_EVERY, lambda b: attacks.PGD(b, num_steps=3, num_restarts=2)),
    "mi_fgsm": (_EVERY, lambda b: attacks.MIFGSM(b, num_steps=3)),
    "apgd": (_SOME, lambda b: attacks.APGD(b, num_steps=5)),
    "apgd_t": (
        _SOME,
        lambda b: attacks.TargetedAPGD(b, num_steps=3, num_targets=2),
    ),
    "fab_t": (
        _SOME,
        lambda b: attacks.TargetedFAB(b, num_steps=3, num_targets=2),
    ),
    "square": (("inf",), lambda b: attacks.Square(b, num_queries=12)),
    "deepfool": (_SOME, lambda b: attacks.DeepFool(b, num_steps=5)),
    "ddn": ((2,), lambda b: attacks.DDN(b, num_steps=8)),
    "fmn": (_SOME, lambda b: attacks.FMN(b, num_steps=8)),
    "l2_bim": (
        (2,),
        lambda b: attacks.MinimalBIM(b, num_iterations=2, num_searches=3),
    ),
}


@st.composite
def _cases(draw):
    """Return what a case is made of, as plain data."""
    kind = draw(st.sampled_from(sorted(_KINDS)))
    classes = draw(st.integers(2, 11))
    flat = (draw(st.integers(1, 9)),)
    rows = draw(st.integers(1, 7))
    label = st.integers(0, classes - 1)
    return {
        "kind": kind,
        "norm": draw(st.sampled_from(_KINDS[kind][0])),
        "epsilon": draw(st.sampled_from([0.0, 1e-3, 0.05, 0.3, 1.0])),
        "classes": classes,
        "shape": draw(st.sampled_from([flat, (6, 6, 1), (6, 6, 2), (6, 6, 3)])),
        "seed": draw(st.integers(0, 99)),
        "labels": draw(st.lists(label, min_size=rows, max_size=rows)),
        "own": draw(st.lists(st.booleans(), min_size=rows, max_size=rows)),
        "batch_size": draw(st.integers(1, 8)),
    }


def _built(case):
    """Return (classifier, x, y, attack)."""
    shape, classes = case["shape"], case["classes"]
    if len(shape) == 1:
        model = networks.tiny_dense(shape[0], classes)
    else:
        model = networks.tiny_cnn(shape[2], classes)
    x, _ = networks.batch(model, len(case["labels"]), seed=case["seed"])
    # About half of the images get the label that the model gives them.
    y = np.where(case["own"], model(x).numpy().argmax(1), case["labels"])
    ball = NormBall(case["norm"], epsilon=case["epsilon"])
    return model, x, y, _KINDS[case["kind"]][1](ball)


@hypothesis.given(_cases())
@hypothesis.settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_the_contract_holds_whatever_is_attacked(case):
    model, x, y, attack = _built(case)
    batch_size = case["batch_size"]
    result = attack(model, x, y, batch_size=batch_size)
    ball = attack.threat_model
    assert result.x_adv.shape == x.shape and result.x_adv.dtype == x.dtype
    points = tf.constant(result.x_adv)
    assert ball.contains(points, tf.constant(x)).numpy().all()
    predictions = model(points).numpy().argmax(1)
    np.testing.assert_array_equal(result.robust, predictions == y)
    wrong = result.clean_predictions != y
    np.testing.assert_array_equal(result.x_adv[wrong], x[wrong])
    assert result.robust_accuracy <= result.clean_accuracy
    if ball.epsilon == 0:
        np.testing.assert_array_equal(result.x_adv, x)
    together = attack(model, x, y)
    np.testing.assert_array_equal(result.robust, together.robust)
