"""Networks, untrained and trained.

architectures.py  untrained networks by name: simple, vgg, tiny; their augmentation
inference.py      opens a trained network, and predicts probabilities for arrays of faces
chosen_faces.py   which faces a network is judged on
views.py          test-time augmentation; temperature.py: the confidence
map_agreement.py  do the maps of --explain agree with occlusion? A command that measures it
predictor.py      Predictor: a trained network as an object that predicts pictures, files and folders
"""
