"""Facial emotions: images in folders, one for each emotion; predictions and a confusion matrix at the end."""

import sys

import numpy as np
from tensorflow import keras
from tensorflow.keras import layers
from tensorflow.keras.preprocessing.image import ImageDataGenerator, img_to_array, load_img

keras.utils.set_random_seed(3)
folder = sys.argv[1] + "/images/"
picture_size = 48
batch_size = 32

datagen_train = ImageDataGenerator(rescale=1.0 / 255, horizontal_flip=True, validation_split=0.2)
datagen_test = ImageDataGenerator(rescale=1.0 / 255)

options = {
    "target_size": (picture_size, picture_size),
    "color_mode": "grayscale",
    "batch_size": batch_size,
    "class_mode": "categorical",
}
train_set = datagen_train.flow_from_directory(
    folder + "train", shuffle=True, subset="training", seed=1, **options
)
valid_set = datagen_train.flow_from_directory(folder + "train", shuffle=False, subset="validation", **options)
test_set = datagen_test.flow_from_directory(folder + "test", shuffle=False, **options)
labels = list(train_set.class_indices)

model = keras.models.Sequential(
    [
        layers.Conv2D(16, (3, 3), padding="same", activation="relu", input_shape=(48, 48, 1)),
        layers.MaxPooling2D(2, 2),
        layers.Conv2D(32, (3, 3), activation="relu"),
        layers.MaxPooling2D(2, 2),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(len(labels), activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(
    train_set,
    steps_per_epoch=len(train_set),
    epochs=4,
    validation_data=valid_set,
    validation_steps=len(valid_set),
)

test_loss, test_accuracy = model.evaluate(test_set, verbose=0)
predicted = np.argmax(model.predict(test_set), axis=1)
confusion = np.zeros((len(labels), len(labels)), int)
np.add.at(confusion, (test_set.classes, predicted), 1)
print(confusion)
assert np.isclose(np.mean(predicted == test_set.classes), test_accuracy)

img = load_img(test_set.filepaths[0], target_size=(48, 48), color_mode="grayscale")
one = img_to_array(img)[np.newaxis] / 255
print(labels[model.predict(one, verbose=0)[0].argmax()])
