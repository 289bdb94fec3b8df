"""Networks: functions that return a plain `keras.Model` with logits."""

from tfrobust.architectures.dense_network import dense_network
from tfrobust.architectures.ds_cnn import ds_convnet
from tfrobust.architectures.ds_cnn import ds_mnist_cnn
from tfrobust.architectures.nine_layer import nine_layer_cnn
from tfrobust.architectures.small_cnn import digits_cnn
from tfrobust.architectures.small_cnn import small_cnn

__all__ = [
    "dense_network",
    "digits_cnn",
    "ds_convnet",
    "ds_mnist_cnn",
    "nine_layer_cnn",
    "small_cnn",
]
