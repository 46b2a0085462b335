"""Recognise emotions in faces: FER2013 or faces drawn by code, a network of minicnn, one command to train."""
