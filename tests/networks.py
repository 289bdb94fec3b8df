"""Small networks and batches; every network has under 5,000 weights."""

import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tfrobust import architectures


def tiny_cnn(
    channels=1, num_classes=3, activation="softplus", normalization=None
):
    """Return a convolutional classifier of 6x6 images."""
    inputs = x = keras.Input((6, 6, channels))
    x = layers.Conv2D(3, 3, use_bias=normalization is None)(x)
    if normalization is not None:
        x = normalization()(x)
    x = layers.Activation(activation)(x)
    x = layers.Flatten(name="features")(x)
    return keras.Model(inputs, layers.Dense(num_classes)(x))


def tiny_dense(width=5, num_classes=3, activation="softplus", hidden=(7,)):
    """Return a classifier of flat inputs."""
    return architectures.dense_network(
        (width,), num_classes, widths=hidden, activation=activation
    )


def batch(model, size=8, *, low=0.0, high=1.0, seed=0):
    """Return images in [low, high] and labels that fit a model."""
    rng = np.random.default_rng(seed)
    dtype = keras.config.floatx()
    x = rng.uniform(low, high, (size, *model.input_shape[1:])).astype(dtype)
    return x, rng.integers(0, model.output_shape[-1], size)


def labelled(model, size=8, *, low=0.0, high=1.0, seed=0):
    """Return images and the labels the model gives them."""
    x, _ = batch(model, size, low=low, high=high, seed=seed)
    return x, np.asarray(model(x)).argmax(1)


def linear(weights, bias=None):
    """Return the model z = x W + b; `weights` has shape (D, classes)."""
    model = tiny_dense(weights.shape[0], weights.shape[1], hidden=())
    zeros = np.zeros(weights.shape[1])
    model.set_weights([weights, zeros if bias is None else bias])
    return model


def sparse_loss():
    """Return the usual loss."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@functools.cache
def two_replicas():
    """Return the one strategy of all tests.

    A strategy counts its collectives from 100, and in a process two of one
    number must have one shape.
    """
    devices = [d.name for d in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(devices)
    if strategy.num_replicas_in_sync != 2:
        raise RuntimeError(f"Two logical devices wanted. Received: {devices}")
    return strategy
