"""Networks: functions that return a plain `keras.Model` with logits."""

from tfrobust.architectures.dense_network import dense_network
from tfrobust.architectures.densenet import densenet_bc
from tfrobust.architectures.ds_cnn import ds_convnet
from tfrobust.architectures.ds_cnn import ds_mnist_cnn
from tfrobust.architectures.nine_layer import nine_layer_cnn
from tfrobust.architectures.resnet import resnet_v1
from tfrobust.architectures.resnet import resnet_v2
from tfrobust.architectures.small_cnn import digits_cnn
from tfrobust.architectures.small_cnn import small_cnn
from tfrobust.architectures.vgg import vgg
from tfrobust.architectures.wide_resnet import wide_resnet

__all__ = [
    "dense_network",
    "densenet_bc",
    "digits_cnn",
    "ds_convnet",
    "ds_mnist_cnn",
    "nine_layer_cnn",
    "resnet_v1",
    "resnet_v2",
    "small_cnn",
    "vgg",
    "wide_resnet",
]
