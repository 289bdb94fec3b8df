"""The compiled calls that no method can do without, written out bare.

This file imports nothing of the library: it is what the library's steps are
measured against. Every call takes (x, y) and is one compiled function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Call = Callable[[tf.Tensor, tf.Tensor], Any]


def _cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    logits = tf.cast(logits, tf.float32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)


def _input_gradient(
    network: keras.Model, x: tf.Tensor, y: tf.Tensor, training: bool
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the mean loss and each example's input gradient."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        losses = _cross_entropy(y, network(x, training=training))
    return tf.reduce_mean(losses), tape.gradient(losses, x)


def bare_calls(
    network: keras.Model, optimizer: keras.optimizers.Optimizer
) -> dict[str, Call]:
    """Return name -> compiled call.

    forward: logits, inference mode.
    input_gradient: of the loss, inference mode.
    second_order_gradient: of the l1 norm of the input gradient, by the input.
    weight_gradient: of the loss, training mode, without an update.
    double_backpropagation: the weight gradient of loss + squared norm of
        the input gradient, training mode.
    update: of the weights, from given gradients.
    """
    weights = network.trainable_weights
    zeros = [tf.zeros_like(w) for w in weights]

    def forward(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        del y
        return network(x, training=False)

    def input_gradient(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        return _input_gradient(network, x, y, training=False)[1]

    def second_order_gradient(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            _, gradient = _input_gradient(network, x, y, training=False)
            size = tf.reduce_sum(tf.abs(gradient))
        return tape.gradient(size, x)

    def weight_gradient(x: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            logits = network(x, training=True)
            loss = tf.reduce_mean(_cross_entropy(y, logits))
        return tape.gradient(loss, weights)

    def double_backpropagation(x: tf.Tensor, y: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, gradient = _input_gradient(network, x, y, training=True)
            loss += 0.01 * tf.reduce_mean(
                tf.square(tf.cast(gradient, "float32"))
            )
        return tape.gradient(loss, weights)

    def update(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        del x, y
        optimizer.apply_gradients(zip(zeros, weights, strict=True))
        return optimizer.iterations

    optimizer.build(weights)
    calls = (
        forward,
        input_gradient,
        second_order_gradient,
        weight_gradient,
        double_backpropagation,
        update,
    )
    return {f.__name__: tf.function(f, autograph=False) for f in calls}


def bare_gradient_norm_step(
    network: keras.Model, optimizer: keras.optimizers.Optimizer
) -> Call:
    """Return a whole step of gradient-norm training, written by hand."""
    weights = network.trainable_weights
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss, gradient = _input_gradient(network, x, y, training=True)
            squares = tf.square(tf.cast(gradient, tf.float32))
            loss += 0.05 * tf.reduce_mean(tf.reduce_sum(squares, (1, 2, 3)))
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    return step


def bare_adversarial_step(
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    *,
    epsilon: float,
    num_steps: int,
) -> Call:
    """Return a whole step of adversarial training, written by hand."""
    weights = network.trainable_weights
    optimizer.build(weights)

    def ascend(x: tf.Tensor, y: tf.Tensor, clean: tf.Tensor) -> tf.Tensor:
        _, gradient = _input_gradient(network, x, y, training=False)
        x += 2.5 * epsilon / num_steps * tf.sign(gradient)
        x = tf.clip_by_value(x, clean - epsilon, clean + epsilon)
        return tf.clip_by_value(x, 0.0, 1.0)

    @tf.function(autograph=False)
    def step(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        noise = tf.random.uniform(tf.shape(x), -epsilon, epsilon)
        (x_adv,) = tf.while_loop(
            lambda _: True,
            lambda here: (ascend(here, y, x),),
            (tf.clip_by_value(x + noise, 0.0, 1.0),),
            maximum_iterations=num_steps,
        )
        with tf.GradientTape() as tape:
            logits = network(tf.stop_gradient(x_adv), training=True)
            loss = tf.reduce_mean(_cross_entropy(y, logits))
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    return step


def bare_loops(
    network: keras.Model, x: tf.Tensor, num_candidates: int = 10
) -> dict[str, Callable]:
    """Return name -> compiled `(x, y, steps) -> x`, the call so many times.

    Each pass looks at what the one before left, or none would wait for it.

    Args:
        network: maps images to logits.
        x: images of the shape and dtype to come.
        num_candidates: classes of the Jacobian.
    """

    def forward(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        del y
        logits = network(x, training=False)
        return x + 1e-12 * tf.cast(tf.reduce_sum(logits), x.dtype)

    def input_gradient(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        gradient = _input_gradient(network, x, y, training=False)[1]
        return x + 1e-12 * gradient

    def jacobian(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        del y
        with tf.GradientTape(
            persistent=True, watch_accessed_variables=False
        ) as tape:
            tape.watch(x)
            logits = network(x, training=False)
            columns = tf.unstack(logits, axis=1)[:num_candidates]
        rows = [tape.gradient(column, x) for column in columns]
        return x + 1e-12 * tf.add_n(rows)

    def loop(call: Callable) -> Callable:
        def run(x: tf.Tensor, y: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
            (x,) = tf.while_loop(
                lambda _: True,
                lambda x: (call(x, y),),
                (x,),
                maximum_iterations=steps,
            )
            return x

        images = tf.TensorSpec((None, *x.shape[1:]), x.dtype)
        labels = tf.TensorSpec((None,), tf.int64)
        steps = tf.TensorSpec((), tf.int32)
        return tf.function(
            run, autograph=False, input_signature=[images, labels, steps]
        )

    return {f.__name__: loop(f) for f in (forward, input_gradient, jacobian)}
