"""Harden a Keras model you already have: numpy in, robust model out.

python examples/harden_your_model.py
"""

import sys

import keras
import numpy as np
from keras import layers
from sklearn import datasets

import tfrobust
from tfrobust.attacks import PGD

EPSILON = 0.15


def load_numpy():
    """Return your images as floats in [0, 1] and integer labels."""
    digits = datasets.load_digits()
    x = (digits.images / 16).astype("float32")[..., np.newaxis]
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], digits.target[order]
    return (x[450:], y[450:]), (x[:450], y[:450])


def your_model():
    """Return any Keras model; this one has a softmax and wants [-1, 1]."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(epochs=40):
    """Harden, attack, save, load; return (clean, robust) accuracy."""
    keras.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = load_numpy()

    # 1. A classifier from images in [0, 1] to logits.
    to_minus_one_one = layers.Rescaling(2.0, offset=-1.0)
    classifier = tfrobust.as_classifier(your_model(), to_minus_one_one)

    # 2. Wrap it in a defense: an ordinary Keras model.
    model = tfrobust.defenses.AdversarialTraining(
        classifier, epsilon=EPSILON, num_steps=7
    )
    model.compile(
        keras.optimizers.Adam(2e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, epochs=epochs, batch_size=128, verbose=2)
    model.evaluate(x_test, y_test, verbose=2)

    # 3. Attack it, as one would attack any Keras classifier.
    ball = tfrobust.NormBall("inf", epsilon=EPSILON)
    attack = PGD(ball, num_steps=40, num_restarts=3)
    result = attack(classifier, x_test, y_test)
    print(
        f"{attack}\n"
        f"clean {result.clean_accuracy:.1%}, "
        f"robust {result.robust_accuracy:.1%}"
    )

    # 4. Save the defense to train on, or the classifier alone to deploy.
    model.save("hardened_defense.keras")
    model.classifier.save("hardened_classifier.keras")
    deployed = keras.models.load_model("hardened_classifier.keras")
    difference = deployed.predict(x_test) - classifier.predict(x_test)
    print(f"largest difference after reloading: {np.abs(difference).max()}")
    return result.clean_accuracy, result.robust_accuracy


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
