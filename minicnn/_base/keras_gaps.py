"""What a Keras script may use and minicnn does not have, and what to use instead: data for keras_errors.py.

    Gap   Keras 3 has it, minicnn does not.
    Old   Keras 1 or 2 had it, Keras 3 does not: ``instead`` is today's spelling.

A test compares the gaps with Keras's own lists of names and arguments. Delete a name when it is implemented.
"""

from typing import Any, NamedTuple

ANY: Any = object()  # in place of ``harmless``: every value


class Gap(NamedTuple):
    """One row: names of one kind that have the same replacement.

    Attributes:
        of: the module of the names; or the classes and methods that take the arguments or have the
            attributes. "layer" means every layer; so do "optimizer", "loss", "metric", "callback", "model"
            and "method".
        names: the names, arguments or attributes.
        instead: what to use.
        harmless: for arguments: the values that change nothing, which are accepted; or ANY.
    """

    of: str
    names: str
    instead: str
    harmless: Any = ()


class Old(Gap):
    """A row of what Keras itself has removed."""


SEQUENCES = "none: minicnn has no series and no texts; for images Conv2D, then GlobalAveragePooling2D"
WEIGHTS_PENALTY = 'a regularizer, such as kernel_regularizer="l2", or the optimizer\'s weight_decay'
OWN_LAYER = "a layer of your own with forward and backward: see minicnn.layers.base"
CHANNELS_LAST = "nothing: images are (N, height, width, channels)"
DECAY = "learning_rate=schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)"

NAMES = [
    Gap("keras", "applications",
        "a network of your own; fer.networks.architectures has a VGG for 48 × 48 pixels"),
    Gap("datasets", "boston_housing california_housing imdb reuters", "none: minicnn has no tables and no texts"),
    Gap("datasets", "cifar100", "datasets.cifar10; fer.load(path) for faces"),
    Gap("keras", "Variable KerasTensor Operation Function StatelessScope SymbolicScope RematScope remat "
        "name_scope", "NumPy: minicnn's tensors are its arrays; minicnn.ops has forward and backward passes"),
    Gap("keras", "config", "minicnn.backend: floatx, set_floatx, image_data_format"),
    Gap("keras", "constraints", WEIGHTS_PENALTY),
    Gap("keras", "mixed_precision DTypePolicy FloatDTypePolicy dtype_policies quantizers Quantizer",
        'dtype="float32" or "float64"'),
    Gap("keras", "device distribution", "the CPU; NUMBA_NUM_THREADS sets the number of threads"),
    Gap("keras", "distillation", "a loss of your own, a subclass of losses.Loss"),
    Gap("keras", "export", "minicnn.saving.export_onnx"),
    Gap("keras", "legacy", "the names of Keras 3"),
    Gap("keras", "tree", "NumPy arrays: a model takes one array"),
    Gap("keras", "visualization", "utils.plot_model, and fer.figures.plots"),
    Gap("keras", "InputSpec", "layers.Input"),
    Gap("keras", "wrappers", "a few lines of your own around models.Sequential"),
    Gap("keras", "version", "minicnn.__version__"),
    Old("keras", "objectives", "losses"),
    Old("keras", "initializations", "initializers"),
    # ---- layers
    Gap("layers", "LSTM LSTMCell GRU GRUCell SimpleRNN SimpleRNNCell RNN StackedRNNCells Bidirectional "
        "ConvLSTM1D ConvLSTM2D ConvLSTM3D TimeDistributed Masking Embedding ReversibleEmbedding RepeatVector",
        SEQUENCES),
    Gap("layers", "Attention AdditiveAttention MultiHeadAttention GroupQueryAttention",
        "GlobalAveragePooling2D, which gives every position the same weight"),
    Gap("layers", "Conv1D Conv3D Convolution1D Convolution3D DepthwiseConv1D SeparableConv1D "
        "SeparableConvolution1D MaxPooling1D MaxPooling3D MaxPool1D MaxPool3D AveragePooling1D "
        "AveragePooling3D AvgPool1D AvgPool3D GlobalAveragePooling1D GlobalAveragePooling3D GlobalAvgPool1D "
        "GlobalAvgPool3D GlobalMaxPooling1D GlobalMaxPooling3D GlobalMaxPool1D GlobalMaxPool3D ZeroPadding1D "
        "ZeroPadding3D UpSampling1D UpSampling3D SpatialDropout1D SpatialDropout3D",
        "the layer of the same name in 2D; a series is an image of height 1"),
    Gap("layers", "Conv1DTranspose Conv3DTranspose Convolution1DTranspose Convolution3DTranspose",
        "Conv2DTranspose; a series is an image of height 1"),
    Old("layers", "Deconvolution2D", "Conv2DTranspose"),
    Old("layers", "AtrousConvolution2D", "Conv2D(…, dilation_rate=…)"),
    Gap("layers", "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D",
        "GlobalAveragePooling2D"),
    Gap("layers", "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D", "GlobalMaxPooling2D"),
    Gap("layers", "RMSNormalization UnitNormalization SpectralNormalization",
        "BatchNormalization or LayerNormalization"),
    Gap("layers", "AlphaDropout GaussianDropout", "Dropout, or GaussianNoise"),
    Gap("layers", "ActivityRegularization", 'kernel_regularizer="l2", a penalty on weights'),
    Gap("layers", "Identity", 'Activation("linear")'),
    Old("layers", "ThresholdedReLU", "ReLU"),
    Gap("layers", "Cropping1D Cropping3D CenterCrop RandomCrop", "Cropping2D"),
    Gap("layers", "Resizing", "preprocessing.image.load_img(path, target_size=(48, 48))"),
    Gap("layers", "AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization "
        "MixUp MaxNumBoundingBoxes RandAugment RandomColorDegeneration RandomColorJitter "
        "RandomElasticTransform RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
        "RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear Solarization",
        "RandomFlip, RandomRotation, RandomTranslation, RandomZoom, RandomErasing, RandomContrast, "
        "RandomBrightness; shear: preprocessing.image.ImageDataGenerator"),
    Gap("layers", "CategoryEncoding Discretization HashedCrossing Hashing IntegerLookup StringLookup "
        "TextVectorization", "utils.to_categorical for labels; minicnn has no texts and no tables"),
    Gap("layers", "MelSpectrogram STFTSpectrogram", "none: minicnn has no sounds"),
    Gap("layers", "Wrapper InputSpec", OWN_LAYER),
    Gap("layers", "EinsumDense Dot dot", "Dense"),
    Gap("layers", "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper",
        "none: layers of other libraries cannot train here"),
    Gap("layers", "Pipeline", "Chain, layers in a row"),
    Gap("layers", "serialize deserialize", "minicnn.layers.serialization"),
    Old("layers", "merge Merge", "Add, Concatenate (or add, concatenate) of minicnn.layers"),
    Old("layers", "core convolutional advanced_activations noise local recurrent embeddings experimental",
        "minicnn.layers: from minicnn.layers import …"),
    # ---- training
    Old("models", "model_from_yaml", "model_from_json"),
    Gap("optimizers", "Adafactor Adamax Ftrl Lamb Lion Muon ScheduleFreeAdamW",
        "Adam, AdamW, RMSprop or SGD"),
    Gap("optimizers", "LossScaleOptimizer", "the optimizer itself: float32 needs no scaling"),
    Gap("optimizers", "MultiOptimizer OptimizerMap",
        "one optimizer; exclude_from_weight_decay for single weights"),
    Old("optimizers", "legacy adam_v2", "minicnn.optimizers: Adam, SGD, …"),
    Gap("losses", "CategoricalGeneralizedCrossEntropy categorical_generalized_cross_entropy",
        "CategoricalFocalCrossentropy, or CategoricalCrossentropy with class_weight in fit"),
    Gap("losses", "Circle CosineSimilarity CTC Dice Hinge LogCosh "
        "MeanAbsolutePercentageError MeanSquaredLogarithmicError Poisson SquaredHinge Tversky mape msle",
        "Huber, MeanAbsoluteError, CategoricalCrossentropy, MeanSquaredError or CategoricalHinge"),
    Gap("metrics", "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
        "confusion_matrix, classification_report"),
    Gap("metrics", "FBetaScore", "F1Score, or Precision and Recall"),
    Gap("metrics", "PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity",
        "AUC, Recall"),
    Gap("metrics", "CategoricalHinge CosineSimilarity ConcordanceCorrelation Hinge LogCoshError "
        "MeanAbsolutePercentageError MeanSquaredLogarithmicError PearsonCorrelation "
        "Poisson R2Score RootMeanSquaredError SquaredHinge Sum log_cosh mape msle",
        "Mean, MeanAbsoluteError or MeanSquaredError; a function of (y_true, y_pred) is a metric too"),
    Gap("callbacks", "RemoteMonitor", "CSVLogger, a line for each epoch"),
    Gap("callbacks", "OrbaxCheckpoint", "ModelCheckpoint"),
    Gap("callbacks", "ProgbarLogger", "fit(verbose=1)"),
    Gap("regularizers", "OrthogonalRegularizer orthogonal_regularizer",
        "L2; initializers.Orthogonal at the start"),
    Gap("initializers", "STFT STFTInitializer", "none: minicnn has no sounds"),
    Gap("activations", "silu swish hard_silu hard_swish", "gelu"),
    Gap("activations", "selu celu softplus squareplus sparse_plus exponential", "elu"),
    Gap("activations", "sparse_sigmoid log_sigmoid", "sigmoid"),
    Gap("activations", "hard_tanh softsign tanh_shrink", "tanh"),
    Gap("activations", "sparsemax", "softmax"),
    Gap("activations", "glu hard_shrink soft_shrink threshold", "relu, leaky_relu, elu or gelu"),
    # ---- helpers
    Gap("utils", "audio_dataset_from_directory text_dataset_from_directory timeseries_dataset_from_array "
        "pad_sequences FeatureSpace", SEQUENCES),
    Gap("utils", "get_file", "a file that you have downloaded"),
    Gap("utils", "Progbar disable_interactive_logging enable_interactive_logging "
        "is_interactive_logging_enabled", "fit(verbose=…)"),
    Gap("utils", "CustomObjectScope custom_object_scope get_custom_objects get_registered_name "
        "get_registered_object register_keras_serializable",
        "load_model(path, custom_objects={name: class})"),
    Gap("utils", "Config deserialize_keras_object serialize_keras_object",
        "get_config and from_config of each object"),
    Gap("utils", "model_to_dot", "plot_model"),
    Gap("utils", "bounding_boxes get_source_inputs is_keras_tensor legacy pack_x_y_sample_weight "
        "standardize_dtype unpack_x_y_sample_weight", "NumPy arrays"),
    Old("utils", "np_utils", "utils.to_categorical"),
    Old("utils", "vis_utils visualize_util", "utils.plot_model"),
    Old("utils", "multi_gpu_model", "the model itself: it trains on all cores of the CPU"),
    Gap("backend", "backend", "minicnn.ops.active(): which operations run"),
    Gap("backend", "set_epsilon", "none: the losses' epsilon is Keras's, 1e-7"),
    Gap("backend", "get_uid is_float_dtype is_int_dtype is_keras_tensor result_type standardize_dtype",
        "NumPy"),
    Old("backend", "set_image_dim_ordering", CHANNELS_LAST),
    Old("backend", "image_dim_ordering", "image_data_format()"),
    Old("backend", "get_value set_value",
        "the attribute itself, such as model.optimizer.learning_rate = 1e-4"),
    Old("backend", "learning_phase set_learning_phase",
        "the argument training=True or False of a layer or model"),
    Gap("preprocessing", "sequence text text_dataset_from_directory timeseries_dataset_from_array",
        SEQUENCES),
    Gap("preprocessing.image", "smart_resize", "load_img(path, target_size=(48, 48))"),
]  # fmt: skip

ARGUMENTS = [
    Gap("Conv2D Conv2DTranspose DepthwiseConv2D SeparableConv2D MaxPooling2D AveragePooling2D GlobalAveragePooling2D "
        "GlobalMaxPooling2D Flatten ZeroPadding2D Cropping2D UpSampling2D SpatialDropout2D RandomErasing RandomFlip "
        "RandomContrast RandomBrightness RandomRotation RandomTranslation RandomZoom", "data_format",
        "channels last: convert images with np.moveaxis(x, 1, -1)", (None, "channels_last")),
    Gap("layer", "activity_regularizer", "kernel_regularizer, a penalty on weights", (None,)),
    Gap("layer", "autocast", "a layer alone does not cast floats; a model casts each batch to its own type",
        ANY),
    Gap("Conv2D", "groups", "DepthwiseConv2D, one kernel per channel, or SeparableConv2D", (1,)),
    Gap("Conv2DTranspose", "output_padding", "the default size, height · strides with padding=\"same\"", (None,)),
    Gap("Conv2D Conv2DTranspose DepthwiseConv2D SeparableConv2D Dense", "kernel_constraint bias_constraint "
        "depthwise_constraint pointwise_constraint", WEIGHTS_PENALTY, (None,)),
    Gap("LayerNormalization", "rms_scaling", "scale=True, center=False", (False,)),
    Gap("BatchNormalization GroupNormalization LayerNormalization", "beta_constraint gamma_constraint",
        WEIGHTS_PENALTY, (None,)),
    Gap("Lambda", "mask", "nothing: there are no masks", (None,)),
    Gap("PReLU", "alpha_constraint", WEIGHTS_PENALTY, (None,)),
    Gap("Dense", "lora_rank lora_alpha quantization_config", "Dense as it is", (None,)),
    Gap("BatchNormalization", "renorm", "BatchNormalization with larger batches", (False,)),
    Gap("BatchNormalization", "renorm_clipping renorm_momentum", "only renorm uses them", ANY),
    Gap("BatchNormalization", "synchronized", "one process trains: there is nothing to synchronise", ANY),
    Gap("Dropout", "noise_shape", "SpatialDropout2D, which drops whole channels", (None,)),
    Gap("UpSampling2D", "interpolation", 'interpolation="nearest"', ("nearest",)),
    Gap("Normalization", "invert", "Rescaling(scale=deviation, offset=mean)", (False,)),
    Gap("InputLayer", "tensor input_tensor", "shape, and the array as fit's x", (None,)),
    Gap("InputLayer", "sparse ragged optional", "dense arrays of one length", (None, False)),
    Old("layer", "border_mode", 'padding="same" or "valid"'),
    Old("layer", "subsample", "strides"),
    Old("layer", "nb_filter", "filters"),
    Old("layer", "nb_row nb_col", "kernel_size=(rows, columns)"),
    Old("layer", "atrous_rate", "dilation_rate"),
    Old("layer", "dim_ordering", CHANNELS_LAST),
    Old("layer", "bias", "use_bias"),
    Old("layer", "init", "kernel_initializer"),
    Old("layer", "gamma_init beta_init", "gamma_initializer, beta_initializer"),
    Old("layer", "W_regularizer W_constraint", "kernel_regularizer (minicnn has no constraints)"),
    Old("layer", "b_regularizer b_constraint", "bias_regularizer (minicnn has no constraints)"),
    Old("layer", "mode", "nothing: the statistics are those of each channel"),
    Old("layer", "output_dim", "units"),
    Old("layer", "p", "rate"),
    Old("layer", "keep_prob", "rate, the part that is dropped"),
    Old("layer", "sigma", "stddev"),
    Old("layer", "weights", "layer.set_weights(weights), once the layer is built"),
    Old("layer", "batch_input_shape", "input_shape, without the batch's axis; or Input as the first layer"),
    # ---- training
    Gap("image_dataset_from_directory", "data_format", "channels last", (None, "channels_last")),
    Gap("image_dataset_from_directory", "pad_to_aspect_ratio", "crop_to_aspect_ratio=True", (False,)),
    Gap("image_dataset_from_directory", "format", "NumPy arrays in any case", ANY),
    Gap("summary", "layer_range", "summary of all layers, or [layer.name for layer in model.layers]",
        (None,)),
    Gap("save load_model load_weights", "zipped safe_mode include_optimizer", "leave it out", ANY),
    Gap("load_weights", "skip_mismatch by_name",
        "transfer from a loaded model, layer by layer: layer.set_weights(loaded.get_layer(name).get_weights())",
        (False,)),
    Gap("load_weights", "objects_to_skip", "all layers of the model", (None,)),
    Gap("save_weights", "max_shard_size", "one file", (None,)),
    Gap("save save_weights", "save_format", "the name's ending: .npz, .keras, .h5", (None, "h5", "keras")),
    Gap("add_weight", "dtype", "the dtype of the layer", (None, "float32")),
    Gap("add_weight", "autocast aggregation", "leave it out", ANY),
    Gap("add_weight", "constraint", WEIGHTS_PENALTY, (None,)),
    Gap("compile", "run_eagerly", "every step runs eagerly; to step into it, minicnn.ops.use('reference')",
        ANY),
    Gap("compile optimizer", "jit_compile", "the Numba kernels are compiled in any case", ANY),
    Gap("compile", "steps_per_execution", "1: callbacks are told of every batch", (1,)),
    Gap("compile", "auto_scale_loss", "it is for float16, which minicnn does not compute in", ANY),
    Gap("optimizer", "loss_scale_factor", "float32: nothing has to be scaled", (None,)),
    Gap("optimizer", "gradient_accumulation_steps", "a larger batch_size", (None,)),
    Gap("loss", "dtype", "the predictions' type", (None, "float32", "float64")),
    Gap("CategoricalCrossentropy BinaryCrossentropy SparseCategoricalCrossentropy BinaryFocalCrossentropy "
        "CategoricalFocalCrossentropy", "axis",
        "classes on the last axis", (-1, None)),
    Gap("SparseCategoricalCrossentropy", "ignore_class", "sample_weight=0 for those samples", (None,)),
    Gap("SparseTopKCategoricalAccuracy", "from_sorted_ids", "scores, (N, K)", (False,)),
    Gap("TensorBoard", "write_images", "histogram_freq=1, or kernels in a figure: see docs/explain.md", (False,)),
    Gap("TensorBoard", "write_steps_per_second profile_batch embeddings_freq embeddings_metadata embeddings_data",
        "minicnn.benchmark measures the speed", (False, 0, None)),
    Gap("BackupAndRestore", "double_checkpoint", "one backup, which is replaced in one step", (False,)),
    Gap("AUC", "num_labels", "it is the last axis of the predictions", ANY),
    Gap("AUC", "label_weights", "multi_label=True, where all classes count equally", (None,)),
    Gap("AUC", "summation_method", 'summation_method="interpolation"', ("interpolation",)),
    Gap("AUC", "from_logits", 'a model that ends in activation="sigmoid" or "softmax"', (False,)),
    Old("optimizer", "lr", "learning_rate"),
    Old("optimizer", "decay schedule_decay", DECAY),
    Old("method", "nb_epoch", "epochs"),
    Old("method", "samples_per_epoch nb_val_samples val_samples",
        "steps_per_epoch, validation_steps, steps, in batches"),
    Old("method", "show_accuracy", 'metrics=["accuracy"] in compile'),
    Old("method", "generator", "x, the first argument"),
    Old("method", "grayscale", 'color_mode="grayscale"'),
    Old("method", "workers nb_worker use_multiprocessing pickle_safe max_queue_size max_q_size",
        "nothing: leave it out"),
    Old("method", "sample_weight_mode", "nothing: sample_weight is (N,), an argument of fit"),
    Old("method", "class_mode", "nothing: the loss decides"),
    Old("method", "target_tensors", "y, an argument of fit"),
    Old("callback", "period", 'save_freq="epoch", or a number of batches'),
    Old("callback", "epsilon", "min_delta"),
]  # fmt: skip

ATTRIBUTES = [
    Old(
        "model",
        "fit_generator evaluate_generator predict_generator",
        "fit, evaluate and predict take generators too",
    ),
    Old("model", "predict_classes", "predict(x).argmax(axis=1)"),
    Old("model", "predict_proba", "predict(x)"),
    Old("model", "to_yaml", "to_json()"),
    Gap("model", "add_loss losses", "a loss of your own, a subclass of losses.Loss, or a regularizer"),
    Gap("model", "add_metric", "metrics=[…] in compile"),
    Gap(
        "model",
        "train_function test_function predict_function make_train_function make_test_function "
        "make_predict_function compute_loss compute_metrics call",
        "train_step, test_step and forward",
    ),
    Gap("model", "export", "minicnn.saving.export_onnx(model, path)"),
    Old("model", "reset_states", "nothing: minicnn has no recurrent layers"),
    Old("optimizer", "lr", "learning_rate"),
    Old("optimizer", "decay", DECAY),
]
