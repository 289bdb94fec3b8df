"""Clusters, cosines and places against numpy loops and scikit-learn."""

import math
import re

import keras
import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from tests import networks
from tfrobust.analysis import features as subject
from tfrobust.attacks import FGSM
from tfrobust.attacks import PGD
from tfrobust.layers import max_mahalanobis_centers
from tfrobust.layers import with_max_mahalanobis_head
from tfrobust.threat_model import NormBall

_FGSM = FGSM(NormBall("inf", epsilon=0.2))
_WEAK = PGD(NormBall("inf", epsilon=0.06), num_steps=2)
_ATTACKS = {"fgsm": _FGSM, "weak": _WEAK}


def _linear(count=40, size=4, classes=3):
    """Return a model whose features are its inputs, some labels wrong."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(size, classes))
    model = networks.linear(kernel)
    x = rng.uniform(0.3, 0.7, (count, size)).astype("float32")
    y = (x @ kernel).argmax(1)
    y[::7] = (y[::7] + 1) % classes
    return model, kernel, x, y


def _centered(width=5):
    model = with_max_mahalanobis_head(
        networks.tiny_dense(6, 4), width=width, center_norm=3.0
    )
    return model, *networks.labelled(model, 30)


def test_clusters_have_means_and_the_commonest_prediction():
    around = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    rows = np.repeat([0, 1, 2], [3, 4, 2])
    rng = np.random.default_rng(0)
    features = around[rows] + rng.uniform(-1, 1, (9, 2))
    # Two of three; three of four; one each, where the lower class stands.
    predictions = np.array([5, 5, 1, 0, 7, 7, 7, 6, 4])
    clusters = subject.ward_clusters(features, predictions, 3)
    means = np.stack([features[rows == k].mean(0) for k in range(3)])
    order = [
        int(np.linalg.norm(clusters.centers - mean, axis=1).argmin())
        for mean in means
    ]
    assert sorted(order) == [0, 1, 2]
    np.testing.assert_allclose(clusters.centers[order], means)
    assert clusters.classes[order].tolist() == [5, 7, 4]
    # Nearer to the means at (10, 0), (0, 10), (0, 0), whatever is predicted.
    points = np.array([[6.5, 1.0], [1.0, 6.5], [3.5, -1.0]])
    assert clusters.nearest_classes(points).tolist() == [7, 4, 5]


def test_match_rates_are_those_of_a_loop_over_points():
    model, kernel, x, y = _linear()
    record = subject.feature_analysis(model, x, y, _ATTACKS, num_clusters=5)
    member = AgglomerativeClustering(5, linkage="ward").fit(x).labels_
    predicted = (x @ kernel).argmax(1)
    classes, means = [], []
    for k in range(5):
        inside = [i for i in range(len(x)) if member[i] == k]
        votes = [predicted[i] for i in inside]
        classes.append(max(sorted(set(votes)), key=votes.count))
        means.append(sum(x[i].astype("float64") for i in inside) / len(inside))
    assert sorted(record.cluster_classes) == sorted(classes)
    adversarial = {n: a(model, x, y).x_adv for n, a in _ATTACKS.items()}
    for name, points in {"clean": x, **adversarial}.items():
        predicted = (points @ kernel).argmax(1)
        nearest = [
            classes[np.argmin([math.dist(point, mean) for mean in means])]
            for point in points
        ]
        assert record.predictions[name] == tuple(predicted)
        assert record.nearest_classes[name] == tuple(nearest)
        assert record.match_rates[name] == np.mean(predicted == nearest)
        assert record.accuracy[name] == np.mean(predicted == y)
    # All differ, so none stands in for another.
    assert len(set(record.predictions.values())) == 3
    assert len(set(record.nearest_classes.values())) == 3
    assert record.labels == tuple(y) and record.num_clusters == 5
    assert record.settings["weak"]["num_steps"] == 2


def test_without_a_number_there_are_as_many_clusters_as_classes():
    model, _, x, y = _linear()
    record = subject.feature_analysis(model, x, y, {"fgsm": _FGSM})
    assert record.num_clusters == 3


def test_cosines_of_hand_made_features():
    model, _, _ = _centered(width=3)  # of a tetrahedron
    mu = max_mahalanobis_centers(4, 3)
    features = np.stack([7 * mu[2], 7 * mu[2], 0 * mu[2], mu[0] + mu[1]])
    found = subject.center_cosines(model, features, np.array([2, 0, 1, 1]))
    # Vertices meet at cosine -1/3; mu_0 + mu_1 lies halfway between them.
    halfway = math.cos(math.acos(-1 / 3) / 2)
    np.testing.assert_allclose(found, [1, -1 / 3, 0, halfway], atol=1e-6)


def test_the_predicted_centre_is_the_nearest_in_angle():
    model, x, y = _centered()
    record = subject.feature_analysis(model, x, y, {"fgsm": _FGSM}, seed=3)
    weights = model.get_layer("features").get_weights()
    backbone = keras.Model(model.inputs[0], model.get_layer("features").input)
    mu = max_mahalanobis_centers(4, 5)
    x_adv = _FGSM(model, x, y).x_adv
    for name, points in {"clean": x, "fgsm": x_adv}.items():
        phi = backbone(points).numpy() @ weights[0] + weights[1]
        phi /= np.linalg.norm(phi, axis=1, keepdims=True)
        largest = (phi @ mu.T).max(1)
        np.testing.assert_allclose(record.cosines[name], largest, atol=1e-5)
        mean, deviation = record.cosine_statistics[name]
        assert mean == pytest.approx(largest.mean(), abs=1e-5)
        assert deviation == pytest.approx(largest.std(), abs=1e-5)
    assert record.predictions["clean"] == tuple(y)


def test_a_plain_model_has_no_centres():
    model, _, x, y = _linear()
    record = subject.feature_analysis(model, x, y, {"fgsm": _FGSM})
    assert record.cosines is None and record.cosine_statistics is None
    features, predictions = subject.features_of(model, x)
    with pytest.raises(ValueError, match=r"has no centres.*Received: .*Dense"):
        subject.center_cosines(model, features, predictions)


def test_clean_and_adversarial_features_share_scikit_learns_embedding():
    model, _, x, y = _linear()
    records = [
        subject.feature_analysis(
            model, x, y, _ATTACKS, num_embedded=12, perplexity=4.0, seed=1
        )
        for _ in range(2)
    ]
    assert records[0] == records[1]
    record = records[0]
    for name, attack in _ATTACKS.items():
        points = np.concatenate([x[:12], attack(model, x, y).x_adv[:12]])
        tsne = TSNE(2, init="pca", perplexity=4.0, random_state=1)
        points = points.astype("float64") - points.mean(0, "float64")
        with threadpool_limits(1):
            places = tsne.fit_transform(points / np.ptp(points, axis=0).max())
        found = (
            record.clean_embedding[name] + record.adversarial_embedding[name]
        )
        np.testing.assert_allclose(found, places, rtol=1e-4, atol=1e-4)
    # Of 24 points each has 23 others, and a third of that would do.
    assert record.perplexity == 4.0
    few = subject.feature_analysis(
        model, x, y, {"fgsm": _FGSM}, num_embedded=12
    )
    assert few.perplexity == pytest.approx(23 / 3)


def test_a_seed_gives_the_same_places_again():
    # Of so many columns the components are found from random vectors.
    model, _, x, y = _linear(size=600)
    first, again, other = (
        np.array(
            subject.feature_analysis(
                model, x, y, {"fgsm": _FGSM}, perplexity=8.0, seed=seed
            ).clean_embedding["fgsm"]
        )
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_embedded_blobs_stay_together():
    rng = np.random.default_rng(0)
    around = 50 * np.eye(3, 6)
    kind = np.repeat([0, 1, 2], 15)
    places = subject.embed_features(
        around[kind] + rng.normal(size=(45, 6)), perplexity=5.0
    )
    apart = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(apart, np.inf)
    np.testing.assert_array_equal(kind[apart.argmin(1)], kind)


def test_one_feature_and_one_place_can_be_embedded():
    line = np.linspace(0, 1, 20)[:, None]
    places = subject.embed_features(line, perplexity=3.0)
    # The same line in a plane, which scikit-learn takes itself.
    plane = np.hstack([line, np.zeros_like(line)])
    direct = subject.embed_features(plane, perplexity=3.0)
    np.testing.assert_array_equal(places, direct)
    assert np.isfinite(places).all() and np.ptp(places, axis=0).max() > 1
    same = subject.embed_features(np.ones((5, 3)), perplexity=1.0)
    assert same.tolist() == [[0.0, 0.0]] * 5


def test_features_of_any_size_can_be_embedded():
    features = np.random.default_rng(0).normal(size=(20, 3))
    places = subject.embed_features(features, perplexity=3.0)
    for scale in (2.0**-100, 2.0**100):  # neither fits float32 when squared
        scaled = subject.embed_features(scale * features, perplexity=3.0)
        np.testing.assert_array_equal(scaled, places)


def test_batches_and_maps_of_features_change_nothing():
    inputs = keras.Input((6, 6, 1))
    maps = keras.layers.Conv2D(2, 3, name="features")(inputs)
    flat = keras.layers.Flatten()(maps)
    model = keras.Model(inputs, keras.layers.Dense(3)(flat))
    x, _ = networks.batch(model, 7)
    kernel, bias = model.get_layer("features").get_weights()
    features, predictions = subject.features_of(model, x, batch_size=3)
    assert features.shape == (7, 32) and features.dtype == np.float64
    corner = np.einsum("nhwc,hwcd->nd", x[:, :3, :3], kernel) + bias
    np.testing.assert_allclose(features[:, :2], corner, atol=1e-6)
    np.testing.assert_array_equal(predictions, model(x).numpy().argmax(1))


def test_progress_counts_each_attacks_examples():
    model, _, x, y = _linear()
    done = []
    subject.feature_analysis(
        model,
        x,
        y,
        _ATTACKS,
        batch_size=16,
        progress=lambda name, count: done.append((name, count)),
    )
    assert done == [(n, k) for n in _ATTACKS for k in (16, 16, 8)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attacks": {}}, "`attacks` must name at least one.*Received: []"),
        ({"attacks": {"clean": _FGSM}}, "Received: ['clean']"),
        ({"num_clusters": 41}, "41 clusters need 41 images.*40 images"),
        ({"num_clusters": 0}, "`num_clusters` must be at least 1"),
        ({"perplexity": 0.0}, "`perplexity` must be positive"),
        ({"num_embedded": 0}, "`num_embedded` must be at least 1"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_line(changes, message):
    model, _, x, y = _linear()
    arguments = {"attacks": {"fgsm": _FGSM}} | changes
    pattern = re.escape(message).replace(re.escape(".*"), ".*")
    with pytest.raises(ValueError, match=pattern) as raised:
        subject.feature_analysis(model, x, y, **arguments)
    assert "\n" not in str(raised.value)


def test_a_model_without_a_feature_layer_is_refused():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))
    x, y = networks.batch(model, 6)
    with pytest.raises(ValueError, match="layer named 'features'"):
        subject.feature_analysis(model, x, y, {"fgsm": _FGSM})
