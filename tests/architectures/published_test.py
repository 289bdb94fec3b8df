"""The papers' networks: sizes added up from their tables, layer by layer."""

import math

import keras
import pytest

from tfrobust import architectures


def _conv(before, after, size):
    return size * size * before * after


def _norm(channels):
    return 2 * channels


def _dense(before, after):
    return before * after + after


def _resnet_v1(depth, classes=10):
    """Option A: 6n + 1 convolutions, as many normalisations, one head."""
    units = (depth - 2) // 6
    total, before = _conv(3, 16, 3) + _norm(16), 16
    for width in (16, 32, 64):
        total += _conv(before, width, 3) + _norm(width)
        total += (2 * units - 1) * (_conv(width, width, 3) + _norm(width))
        before = width
    return total + _dense(64, classes)


def _preactivated(table, classes=10):
    """Each convolution after the first comes after its normalisation."""
    total, before = _conv(3, 16, 3), 16
    for units in table:
        for unit in units:
            start = before
            for width, size in unit:
                total += _norm(before) + _conv(before, width, size)
                before = width
            total += _conv(start, before, 1) if start != before else 0
    return total + _norm(before) + _dense(before, classes)


def _resnet_v2(depth, narrow):
    units = (depth - 2) // 9
    widths = zip(narrow, (64, 128, 256), strict=True)
    table = [[[(n, 1), (n, 3), (w, 1)]] * units for n, w in widths]
    return _preactivated(table)


def _wide_resnet(depth, k, classes=10):
    units = (depth - 4) // 6
    table = [[[(w * k, 3), (w * k, 3)]] * units for w in (16, 32, 64)]
    return _preactivated(table, classes)


def _densenet_bc(depth, k):
    total, channels = _conv(3, 2 * k, 3), 2 * k
    for block in range(3):
        if block:
            total += _norm(channels) + _conv(channels, channels // 2, 1)
            channels //= 2
        for _ in range((depth - 4) // 6):
            total += _norm(channels) + _conv(channels, 4 * k, 1)
            total += _norm(4 * k) + _conv(4 * k, k, 3)
            channels += k
    return total + _norm(channels) + _dense(channels, 10)


def _vgg(blocks, dense, classes, side, channels=3, width=64, normalized=False):
    total = 0
    for count, factor in zip(blocks, (1, 2, 4, 8, 8), strict=True):
        for _ in range(count):
            after = factor * width
            total += _conv(channels, after, 3)
            total += _norm(after) if normalized else after
            channels = after
    before = channels * (side // 32) ** 2
    for after in (*dense, classes):
        total += _dense(before, after)
        before = after
    return total


def _trained(model):
    return sum(math.prod(w.shape) for w in model.trainable_weights)


def _millions(count, digits=1):
    return round(count / 1e6, digits)


# The published numbers, of the sums above.


def test_resnet_v1_has_the_papers_sizes():
    assert _resnet_v1(20) == 269722
    published = {20: 0.27, 32: 0.46, 44: 0.66, 56: 0.85}
    for depth, size in published.items():
        assert _millions(_resnet_v1(depth), 2) == size
    assert _millions(_resnet_v1(110)) == 1.7


def test_resnet_v2_has_the_papers_size():
    assert _resnet_v2(164, (16, 32, 64)) == 1703258
    assert _millions(_resnet_v2(164, (16, 32, 64))) == 1.7


def test_wide_resnets_have_the_papers_sizes():
    assert _wide_resnet(28, 10) == 36479194
    assert _wide_resnet(28, 10, classes=100) == 36536884
    published = {
        (40, 1): 0.6,
        (40, 2): 2.2,
        (40, 4): 8.9,
        (40, 8): 35.7,
        (28, 10): 36.5,
        (28, 12): 52.5,
        (22, 8): 17.2,
        (22, 10): 26.8,
        (16, 8): 11.0,
        (16, 10): 17.1,
    }
    for (depth, k), size in published.items():
        assert _millions(_wide_resnet(depth, k)) == size


def test_densenets_have_the_papers_sizes():
    assert _densenet_bc(100, 12) == 769162
    published = {(100, 12): 0.8, (250, 24): 15.3, (190, 40): 25.6}
    for (depth, k), size in published.items():
        assert _millions(_densenet_bc(depth, k)) == size


_TABLE_1 = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}


def test_vggs_have_the_papers_sizes():
    published = {11: 133, 13: 133, 16: 138, 19: 144}
    for depth, size in published.items():
        count = _vgg(_TABLE_1[depth], (4096, 4096), 1000, side=224)
        assert _millions(count, 0) == size


# The networks, against the same sums.


@pytest.mark.parametrize("depth", [20, 32])
def test_resnet_v1_adds_up(depth):
    model = architectures.resnet_v1(depth=depth)
    assert _trained(model) == _resnet_v1(depth)


def test_projections_add_their_kernels():
    model = architectures.resnet_v1(shortcut="projection")
    projections = _conv(16, 32, 1) + _conv(32, 64, 1)
    assert _trained(model) == _resnet_v1(20) + projections
    # Keras' example gives each convolution a bias, and reports 274,442
    # weights with the moving statistics.
    biases = 7 * 16 + (6 + 1) * 32 + (6 + 1) * 64
    assert model.count_params() + biases == 274442


@pytest.mark.parametrize("narrow", [(16, 64, 128), (16, 32, 64)])
@pytest.mark.parametrize("depth", [11, 20])
def test_resnet_v2_adds_up(depth, narrow):
    model = architectures.resnet_v2(depth=depth, bottlenecks=narrow)
    assert _trained(model) == _resnet_v2(depth, narrow)


@pytest.mark.parametrize("depth, k", [(10, 1), (16, 2)])
def test_wide_resnet_adds_up(depth, k):
    model = architectures.wide_resnet(depth=depth, width=k)
    assert _trained(model) == _wide_resnet(depth, k)


@pytest.mark.parametrize("depth, k", [(16, 5), (22, 12)])
def test_densenet_adds_up(depth, k):
    model = architectures.densenet_bc(depth=depth, growth_rate=k)
    assert _trained(model) == _densenet_bc(depth, k)


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("depth", _TABLE_1)
def test_vgg_adds_up(depth, normalized):
    settings = {"width": 4, "dense_units": (7, 5)}
    model = architectures.vgg(
        (64, 64, 3),
        11,
        depth=depth,
        batch_normalization=normalized,
        **settings,
    )
    count = _vgg(
        _TABLE_1[depth],
        (7, 5),
        11,
        side=64,
        width=4,
        normalized=normalized,
    )
    assert _trained(model) == count


def test_the_plain_vgg_has_the_convolutions_of_keras():
    theirs = keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )
    ours = architectures.vgg(dense_units=(), batch_normalization=False)
    kernels = [
        [w.shape for w in model.trainable_weights if len(w.shape) == 4]
        for model in (theirs, ours)
    ]
    assert kernels[0] == kernels[1]


# What the depth counts: weighted layers; of wide networks, convolutions.
_DEPTHS = {
    "vgg": (11, {"width": 2}, 0),
    "resnet_v1": (14, {}, 0),
    "resnet_v2": (20, {}, 3),
    "wide_resnet": (16, {"width": 2}, 1),
    "densenet_bc": (16, {"growth_rate": 4}, 0),
}


@pytest.mark.parametrize("name", _DEPTHS)
def test_the_depth_is_the_number_of_weighted_layers(name):
    depth, settings, uncounted = _DEPTHS[name]
    model = getattr(architectures, name)(depth=depth, **settings)
    kinds = keras.layers.Conv2D | keras.layers.Dense
    weighted = [layer for layer in model.layers if isinstance(layer, kinds)]
    assert len(weighted) == depth + uncounted


# name -> settings, width of the features, last map of 32x32 images.
_MAPS = {
    "vgg": ({"depth": 11, "width": 4, "dense_units": ()}, 32, (1, 1, 32)),
    "resnet_v1": ({"depth": 8}, 64, (8, 8, 64)),
    "resnet_v2": ({"depth": 11}, 256, (8, 8, 256)),
    "wide_resnet": ({"depth": 10, "width": 3}, 192, (8, 8, 192)),
    # 10 + 3 * 5 = 25; 12 + 15 = 27; 13 + 15 = 28.
    "densenet_bc": ({"depth": 22, "growth_rate": 5}, 28, (8, 8, 28)),
}


@pytest.mark.parametrize("name", _MAPS)
def test_features_and_the_last_map(name):
    settings, width, last = _MAPS[name]
    model = getattr(architectures, name)(**settings)
    assert model.get_layer("features").output.shape == (None, width)
    kinds = keras.layers.GlobalAveragePooling2D | keras.layers.Flatten
    pools = [layer for layer in model.layers if isinstance(layer, kinds)]
    assert [pool.input.shape for pool in pools] == [(None, *last)]


def test_maps_of_odd_images_are_rounded_up():
    model = architectures.resnet_v1((29, 27, 1), depth=8)
    pool = keras.layers.GlobalAveragePooling2D
    last = [layer for layer in model.layers if isinstance(layer, pool)]
    assert last[0].input.shape == (None, 8, 7, 64)
