"""What Keras 3 has and minicnn has not, each with the nearest thing that is here: data, which keras_errors.py reads.

It is meant to be complete for the modules below: a test compares it with Keras's own list of names. Delete an entry
when it is implemented.
"""

from typing import Any, NamedTuple

ANY: Any = object()  # every value of the argument is let through


class Argument(NamedTuple):
    """Arguments that Keras has.

    Attributes:
        names: the arguments.
        owners: the classes and methods that take them; "Layer" stands for every layer.
        harmless: values that change nothing here: they are let through; or ANY.
        nearest: what to use in place of the other values.
    """

    names: str
    owners: str
    harmless: Any
    nearest: str


WEIGHTS_PENALTY = 'a regularizer, such as kernel_regularizer="l2", or the optimizer\'s weight_decay'
OVER_CHANNELS = (
    "Conv2D DepthwiseConv2D SeparableConv2D MaxPooling2D AveragePooling2D GlobalAveragePooling2D GlobalMaxPooling2D "
    "Flatten ZeroPadding2D UpSampling2D SpatialDropout2D RandomErasing RandomFlip RandomRotation RandomTranslation "
    "RandomZoom"
)

ARGUMENTS = [
    # ---- layers
    Argument(
        "data_format", OVER_CHANNELS, (None, "channels_last"),
        "channels last: turn your images with np.moveaxis(x, 1, -1)",
    ),
    Argument("activity_regularizer", "Layer", (None,), "kernel_regularizer, a penalty on weights"),
    Argument("autocast", "Layer", ANY, "a layer alone casts no floats; a model casts each batch to its own type"),
    Argument("groups", "Conv2D", (1,), "DepthwiseConv2D, each channel by itself, or SeparableConv2D"),
    Argument(
        "kernel_constraint bias_constraint depthwise_constraint pointwise_constraint",
        "Conv2D DepthwiseConv2D SeparableConv2D Dense", (None,), WEIGHTS_PENALTY,
    ),
    Argument("beta_constraint gamma_constraint", "BatchNormalization", (None,), WEIGHTS_PENALTY),
    Argument("alpha_constraint", "PReLU", (None,), WEIGHTS_PENALTY),
    Argument("lora_rank lora_alpha quantization_config", "Dense", (None,), "Dense as it is"),
    Argument("renorm", "BatchNormalization", (False,), "BatchNormalization with larger batches"),
    Argument("renorm_clipping renorm_momentum", "BatchNormalization", ANY, "only renorm uses them"),
    Argument("synchronized", "BatchNormalization", ANY, "one process trains: there is nothing to synchronise"),
    Argument("noise_shape", "Dropout", (None,), "SpatialDropout2D, which drops whole maps"),
    Argument("max_value", "ReLU", (None,), "ReLU without an upper end"),
    Argument("threshold", "ReLU", (0, None), "ReLU, whose threshold is 0"),
    Argument("interpolation", "UpSampling2D", ("nearest",), 'interpolation="nearest"'),
    Argument("invert", "Normalization", (False,), "Rescaling(scale=deviation, offset=mean)"),
    Argument("tensor input_tensor", "InputLayer", (None,), "shape, and the array as fit's x"),
    Argument("sparse ragged optional", "InputLayer", (None, False), "dense arrays of one length"),
    # ---- training
    Argument("layer_range", "summary", (None,), "summary of all layers, or [layer.name for layer in model.layers]"),
    Argument("loss_weights", "compile", (None,), "one output, one loss; class_weight or sample_weight in fit"),
    Argument("run_eagerly", "compile", ANY, "every step runs eagerly; to step into it, minicnn.ops.use('reference')"),
    Argument("jit_compile", "compile Optimizer", ANY, "the Numba kernels are compiled in any case"),
    Argument("steps_per_execution", "compile", (1,), "1: callbacks are told of every batch"),
    Argument("auto_scale_loss", "compile", ANY, "it serves float16, which minicnn does not compute in"),
    Argument("loss_scale_factor", "Optimizer", (None,), "float32: nothing has to be scaled"),
    Argument("gradient_accumulation_steps", "Optimizer", (None,), "a larger batch_size"),
    Argument("dtype", "Loss", (None, "float32", "float64"), "the predictions' type"),
    Argument(
        "axis", "CategoricalCrossentropy BinaryCrossentropy SparseCategoricalCrossentropy", (-1, None),
        "classes on the last axis",
    ),
    Argument("ignore_class", "SparseCategoricalCrossentropy", (None,), "sample_weight=0 for those samples"),
    Argument("from_sorted_ids", "SparseTopKCategoricalAccuracy", (False,), "scores, (N, K)"),
    Argument("double_checkpoint", "BackupAndRestore", (False,), "one backup, replaced in one step: never half of one"),
    Argument("num_labels", "AUC", ANY, "it is as wide as the predictions"),
    Argument("label_weights", "AUC", (None,), "multi_label=True, which weighs all classes alike"),
    Argument("summation_method", "AUC", ("interpolation",), 'summation_method="interpolation"'),
    Argument("from_logits", "AUC", (False,), 'a model that ends in activation="sigmoid" or "softmax"'),
]  # fmt: skip

SEQUENCES = "none: series and texts are not here; for images Conv2D, then GlobalAveragePooling2D"
OTHER_DIMENSIONS = "the layer of the same name in 2D; a series is a map of height 1"
AUGMENTATION = (
    "RandomFlip, RandomRotation, RandomTranslation, RandomZoom, RandomErasing; brightness and shear: "
    "preprocessing.image.ImageDataGenerator"
)
OWN_LAYER = "a layer of your own with forward and backward: see minicnn.layers.base"
OTHER_LIBRARIES = "none: layers of other libraries cannot be trained here"
DISTANCES = "CategoricalCrossentropy, MeanSquaredError or CategoricalHinge"
OPTIMIZERS = "Adam, AdamW, RMSprop or SGD"
ACTIVATIONS = "relu, leaky_relu, elu or gelu"

# module -> {names: the nearest thing}
NAMES: dict[str, dict[str, str]] = {
    "": {
        "applications": "a network of your own; fer.networks.architectures has a VGG for 48 × 48 pixels",
        "datasets": "fer.load(path), fer.data.synthetic.load(n)",
        "Variable KerasTensor Operation Function StatelessScope SymbolicScope RematScope remat name_scope": (
            "NumPy: minicnn's tensors are its arrays; minicnn.ops has forward and backward passes"
        ),
        "config": "minicnn.backend: floatx, set_floatx, image_data_format",
        "constraints": WEIGHTS_PENALTY,
        "mixed_precision DTypePolicy FloatDTypePolicy dtype_policies": 'dtype="float32" or "float64"',
        "device distribution": "the CPU; NUMBA_NUM_THREADS says how many threads",
        "quantizers Quantizer distillation": "none: weights are float32 or float64",
        "export": "minicnn.saving.export_onnx",
        "legacy": "the names of Keras 3",
        "tree": "NumPy arrays: a model takes one array",
        "visualization": "utils.plot_model, and fer.figures.plots",
        "InputSpec": "layers.Input",
        "version": "minicnn.__version__",
    },
    "layers": {
        "LSTM LSTMCell GRU GRUCell SimpleRNN SimpleRNNCell RNN StackedRNNCells Bidirectional ConvLSTM1D "
        "ConvLSTM2D "
        "ConvLSTM3D TimeDistributed Masking Embedding ReversibleEmbedding RepeatVector": SEQUENCES,
        "Attention AdditiveAttention MultiHeadAttention GroupQueryAttention": (
            "GlobalAveragePooling2D, which weighs all places alike"
        ),
        "Conv1D Conv3D Convolution1D Convolution3D DepthwiseConv1D SeparableConv1D SeparableConvolution1D "
        "MaxPooling1D MaxPooling3D MaxPool1D MaxPool3D AveragePooling1D AveragePooling3D AvgPool1D AvgPool3D "
        "GlobalAveragePooling1D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool3D GlobalMaxPooling1D "
        "GlobalMaxPooling3D GlobalMaxPool1D GlobalMaxPool3D ZeroPadding1D ZeroPadding3D UpSampling1D "
        "UpSampling3D "
        "SpatialDropout1D SpatialDropout3D": OTHER_DIMENSIONS,
        "Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1DTranspose Convolution2DTranspose "
        "Convolution3DTranspose": "UpSampling2D, then Conv2D",
        "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D": "GlobalAveragePooling2D",
        "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D": "GlobalMaxPooling2D",
        "LayerNormalization GroupNormalization RMSNormalization UnitNormalization SpectralNormalization": (
            "BatchNormalization"
        ),
        "AlphaDropout GaussianDropout": "Dropout, or GaussianNoise",
        "ActivityRegularization": 'kernel_regularizer="l2", a penalty on weights',
        "Identity": 'Activation("linear")',
        "Cropping1D Cropping2D Cropping3D CenterCrop RandomCrop": "slices of the array, x[:, 2:-2, 2:-2]",
        "Resizing": "preprocessing.image.load_img(path, target_size=(48, 48))",
        "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MixUp "
        "MaxNumBoundingBoxes RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter "
        "RandomContrast "
        "RandomElasticTransform RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective "
        "RandomPosterization RandomSaturation RandomSharpness RandomShear Solarization": AUGMENTATION,
        "CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup StringLookup "
        "TextVectorization": "utils.to_categorical for labels; texts and tables are not here",
        "MelSpectrogram STFTSpectrogram": "none: sounds are not here",
        "Lambda": f"Rescaling for x / 255; {OWN_LAYER}",
        "Wrapper InputSpec": OWN_LAYER,
        "EinsumDense Dot dot": "Dense",
        "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper": OTHER_LIBRARIES,
        "Pipeline": "Chain, layers in a row",
        "serialize deserialize": "minicnn.layers.serialization",
    },
    "optimizers": {
        "Adadelta Adafactor Adagrad Adamax Ftrl Lamb Lion Muon Nadam ScheduleFreeAdamW": OPTIMIZERS,
        "LossScaleOptimizer": "the optimizer itself: float32 needs no scaling",
        "MultiOptimizer OptimizerMap": "one optimizer; exclude_from_weight_decay for single weights",
    },
    "losses": {
        "BinaryFocalCrossentropy CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy "
        "binary_focal_crossentropy categorical_focal_crossentropy categorical_generalized_cross_entropy": (
            "CategoricalCrossentropy, with class_weight in fit"
        ),
        "Circle CosineSimilarity CTC Dice Hinge Huber KLDivergence LogCosh MeanAbsoluteError "
        "MeanAbsolutePercentageError MeanSquaredLogarithmicError Poisson SquaredHinge Tversky mae mape "
        "msle kld": DISTANCES,
    },
    "metrics": {
        "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU": "confusion_matrix, classification_report",
        "FBetaScore": "F1Score, or Precision and Recall",
        "PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity": "AUC, Recall",
        "CategoricalHinge CosineSimilarity ConcordanceCorrelation Hinge KLDivergence LogCoshError "
        "MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError PearsonCorrelation Poisson "
        "R2Score RootMeanSquaredError SquaredHinge Sum binary_focal_crossentropy categorical_focal_crossentropy "
        "huber log_cosh mae mape msle": "Mean, or MeanSquaredError; a function of (y_true, y_pred) is a metric too",
    },
    "callbacks": {
        "TensorBoard RemoteMonitor": "CSVLogger, a line for each epoch",
        "OrbaxCheckpoint": "ModelCheckpoint",
        "ProgbarLogger": "fit(verbose=1)",
    },
    "regularizers": {
        "OrthogonalRegularizer orthogonal_regularizer": "L2; initializers.Orthogonal to start there"
    },
    "initializers": {"STFT STFTInitializer": "none: it is for sounds"},
    "activations": {
        "silu swish hard_silu hard_swish mish": "gelu",
        "selu celu softplus squareplus sparse_plus": "elu",
        "relu6": "relu",
        "exponential": "elu",
        "hard_sigmoid sparse_sigmoid log_sigmoid": "sigmoid",
        "hard_tanh softsign tanh_shrink": "tanh",
        "sparsemax": "softmax",
        "glu hard_shrink soft_shrink threshold": ACTIVATIONS,
    },
    "utils": {
        "image_dataset_from_directory": "preprocessing.image.ImageDataGenerator().flow_from_directory(folder)",
        "audio_dataset_from_directory text_dataset_from_directory timeseries_dataset_from_array "
        "pad_sequences "
        "FeatureSpace": SEQUENCES,
        "split_dataset": "fit(validation_split=0.2)",
        "get_file": "the file on your disk",
        "Progbar disable_interactive_logging enable_interactive_logging is_interactive_logging_enabled": (
            "fit(verbose=…)"
        ),
        "CustomObjectScope custom_object_scope get_custom_objects get_registered_name get_registered_object "
        "register_keras_serializable": "load_model(path, custom_objects={name: class})",
        "Config deserialize_keras_object serialize_keras_object": "get_config and from_config of each object",
        "model_to_dot": "plot_model",
        "bounding_boxes get_source_inputs is_keras_tensor legacy pack_x_y_sample_weight standardize_dtype "
        "unpack_x_y_sample_weight": "NumPy arrays",
    },
    "backend": {
        "backend": "minicnn.ops.active(): which operations run",
        "set_epsilon": "none: the losses' epsilon is Keras's, 1e-7",
        "get_uid is_float_dtype is_int_dtype is_keras_tensor result_type standardize_dtype": "NumPy",
    },
    "preprocessing": {
        "image_dataset_from_directory": "preprocessing.image.ImageDataGenerator().flow_from_directory(folder)",
        "sequence text text_dataset_from_directory timeseries_dataset_from_array": SEQUENCES,
    },
    "preprocessing.image": {"smart_resize": "load_img(path, target_size=(48, 48))"},
}
