"""Layers, with Keras's names. Each file has one family of layers, and begins with its equations."""

from minicnn._base import keras_errors
from minicnn.layers.activations import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from minicnn.layers.augmentation import (
    RandomAffine,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from minicnn.layers.augmentation_colors import RandomBrightness, RandomContrast
from minicnn.layers.base import Layer, Parameter
from minicnn.layers.containers import Chain, Residual
from minicnn.layers.convolution import Conv2D, DepthwiseConv2D, SeparableConv2D
from minicnn.layers.convolution_transpose import Conv2DTranspose
from minicnn.layers.dense import Dense
from minicnn.layers.dropout import Dropout, GaussianNoise, SpatialDropout2D
from minicnn.layers.function import Lambda
from minicnn.layers.inputs import Input, InputLayer
from minicnn.layers.merging import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from minicnn.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from minicnn.layers.pooling import (
    AveragePooling2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
)
from minicnn.layers.rescaling import Normalization, Rescaling
from minicnn.layers.shape import Cropping2D, Flatten, Permute, Reshape, UpSampling2D, ZeroPadding2D

MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
GlobalAvgPool2D, GlobalMaxPool2D = GlobalAveragePooling2D, GlobalMaxPooling2D
Convolution2D, SeparableConvolution2D = Conv2D, SeparableConv2D
Convolution2DTranspose = Conv2DTranspose
keras_errors.add_getattr(__name__)

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Chain",
    "Concatenate",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPool2D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Parameter",
    "Permute",
    "RandomAffine",
    "RandomBrightness",
    "RandomContrast",
    "RandomErasing",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "Rescaling",
    "Reshape",
    "Residual",
    "SeparableConv2D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout2D",
    "Subtract",
    "UpSampling2D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
