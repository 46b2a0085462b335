"""Layers, under Keras's names. One family a file; each file opens with the equations that it computes."""

from minicnn.layers.activations import ELU, Activation, LeakyReLU, ReLU, Softmax
from minicnn.layers.augmentation import (
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from minicnn.layers.base import Layer, Parameter
from minicnn.layers.containers import Chain, Input, InputLayer, Residual
from minicnn.layers.convolution import Conv2D, DepthwiseConv2D, SeparableConv2D
from minicnn.layers.dense import Dense, Flatten
from minicnn.layers.dropout import Dropout, SpatialDropout2D
from minicnn.layers.normalization import BatchNormalization, Normalization, Rescaling
from minicnn.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)

MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D

__all__ = [
    "ELU",
    "Activation",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Chain",
    "Conv2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "Normalization",
    "Parameter",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Residual",
    "SeparableConv2D",
    "Softmax",
    "SpatialDropout2D",
]
