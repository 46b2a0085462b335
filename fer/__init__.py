"""Recognise emotions in faces: FER2013 or faces drawn by code, a network of minicnn, one command to train.

python -m fer.train                                  the command; --help shows examples
fer.train.run(fer.train.Config(epochs=3))            the same from Python
fer.dataset.load("fer2013.csv").train.images         the faces, (28709, 48, 48) uint8
"""
