"""What a look attacks: the model in a file, or that through another head."""

import keras
import numpy as np

from tfrobust import architectures
from tfrobust import layers
from tfrobust import recipes
from tfrobust.experiments.papers.looks import Analyzed
from tfrobust.experiments.papers.looks import Attacked
from tfrobust.experiments.papers.looks import AttackedLinear
from tfrobust.experiments.papers.looks import look_digest
from tfrobust.experiments.papers.settings import SMOKE
from tfrobust.recipes.presets import PRESETS


def _of_long_features(gap):
    """Return a linear classifier of digits, with a quadratic head.

    Its features are regressed on the centres, so long that logits differ by
    `gap` where the regression is exact.
    """
    data = recipes.load_data("digits")
    inputs = keras.Input(data.image_shape)
    features = keras.layers.Dense(9, name="features")
    head = layers.MaxMahalanobisHead(10, name="logits")
    flat = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, head(features(flat)))
    x = data.train.images().reshape(len(data.train), -1)
    x = np.hstack([x, np.ones((len(x), 1))])
    centers = head.centers.numpy()
    # Logits differ by 2 phi . (mu_y - mu_k), 2 |mu|^2 (1 + 1 / 9) of phi = mu.
    length = gap / (2 * 100 * 10 / 9)
    solved = np.linalg.lstsq(x, length * centers[data.train.y], rcond=None)[0]
    features.set_weights([solved[:-1], solved[-1]])
    return model


def _found(look, model, directory):
    """Return clean accuracy and that under PGD of an evaluation."""
    path = directory.with_suffix(".keras")
    model.save(path)
    attacked = look({"attacks": ("pgd",), "epsilon": 0.1, "num_examples": 40})
    record = attacked.run(attacked.config(str(path), SMOKE, None), directory)
    return record.clean_accuracy, record.attacks[0].robust_accuracy


def test_a_linear_head_shows_what_a_quadratic_one_saturates(tmp_path):
    # At a difference of 300 cross-entropy has no gradient in float32, at half
    # of it some images have one.
    model = _of_long_features(gap=300.0)
    half = keras.layers.Rescaling(0.5)(model.output)
    halved = keras.Model(model.inputs, half)
    clean, robust = _found(Attacked, model, tmp_path / "own")
    linear = _found(AttackedLinear, model, tmp_path / "linear")
    assert linear == _found(Attacked, halved, tmp_path / "halved")
    assert clean == linear[0]
    assert robust > linear[1] + 0.2


def test_another_models_evaluation_is_made_anew(tmp_path):
    where = tmp_path / "linear"
    near = _found(AttackedLinear, _of_long_features(gap=3.0), where)
    far = _found(AttackedLinear, _of_long_features(gap=600.0), where)
    assert near[1] < far[1]
    written = (where / "evaluation.json").stat().st_mtime_ns
    assert _found(AttackedLinear, _of_long_features(gap=600.0), where) == far
    assert (where / "evaluation.json").stat().st_mtime_ns == written


def test_a_preset_put_right_is_another_look(monkeypatch):
    own = PRESETS["paper-lfr"]

    def digests():
        looks = [Attacked({"attacks": (f"paper-lfr/{n}",)}) for n in own]
        looks[-1] = Attacked({"attacks": ("paper-lfr",)})
        looks += [Analyzed("features", {"attacks": ("paper-lfr/mi_fgsm",)})]
        looks += [Attacked({"attacks": ("pgd",)})]
        configs = [look.config("a.keras", SMOKE, None) for look in looks]
        return [look_digest(config) for config in configs]

    before = digests()
    monkeypatch.setitem(own, "mi_fgsm", own["fgsm"])
    changed = [a != b for a, b in zip(before, digests(), strict=True)]
    # fgsm, pgd, mi_fgsm, the whole preset, an analysis' points; PGD.
    assert changed == [False, False, True, True, True, False]


def test_a_replaced_model_is_analysed_anew(tmp_path):
    look = Analyzed("noise", {"decay_lengths": (1.0,), "norm": "inf"})
    path = tmp_path / "model.keras"
    found = set()
    for _ in range(2):
        architectures.dense_network((8, 8, 1), 10).save(path)
        config = look.config(str(path), SMOKE, None)
        found.add(look.run(config, tmp_path / "run").model_digest)
    assert len(found) == 2
