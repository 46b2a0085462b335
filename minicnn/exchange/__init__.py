"""A trained net can come from Keras, go back, and leave the nest as ONNX. Nothing here is needed to train one.

    keras_load.py     load_keras_weights: from .weights.h5, .keras and the older .h5
    keras_match.py    whose weights are whose; keras_layout.py: how Keras 3 lays them out
    keras_save.py     save_keras_weights: to .weights.h5 and .keras; keras_config.py: the description in a .keras file
    onnx_export.py    export_onnx; onnx_graph.py; onnx_layers.py, onnx_wiring.py, onnx_activations.py: what becomes what
    hdf5.py           reading HDF5 that may come from a stranger: numbers, and nothing else

HDF5 is read by h5py, the extra ``[keras]``; ONNX is written by onnx, the extra ``[onnx]``. Both are imported when used.
"""
