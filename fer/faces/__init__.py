"""Faces drawn by code, many at a time. Read the modules in this order; each builds on those before it.

    expression.py   an emotion is a combination of facial action units, each with an intensity
    anatomy.py      how people differ, and where action units move a person's features: landmarks
    shapes.py       tools to draw shapes: soft edges, hills, grooves
    pose.py         the pose of the head: which point of the face each pixel shows
    features.py     brows, eyes, nose, cheeks, mouth: their relief and their paint
    head.py         wall, shoulders, hair, skin, beard, glasses, a hand before the face
    camera.py       light, focus, exposure, noise; `photograph` puts everything together
    scene.py        faces before a wall, as a photograph

Lengths are pixels of the 48×48 picture of a face seen from the front, at scale 1, from the picture's middle.
x and u point right, y and v down; (x, y) is fixed to the skull's outline, (u, v) to the features, which slide
over the skull when the head turns. All that differs from face to face is an array (N, 1, 1) of float32; it
broadcasts against the pictures, (N, 48, 48), so that one line of code draws the same feature of N different
faces.
"""
