"""Faces from files, and faces drawn by code.

dataset.py        load(path) -> FerDataset(train, validation, test): begin here
table.py          Rows: what every reader returns
formats.py        reads a file or folder of any form, through the cache
sniff.py          recognises a file by its first bytes
csv_reader.py     fer2013.csv and its relatives
loose_csv.py      CSV files of other people: words, other columns, other separators
npz_reader.py     arrays
npz_shards.py     arrays in several files: data larger than memory
image_folders.py  pictures in folders named after the emotions
archives.py       folders, zip and tar files behind one interface
ferplus.py        FER+: the labels of ten people for each face
cache.py          parsed faces, for the next time
known_files.py    FER2013's own files, recognised by their MD5
faulty.py         the training rows that show no face
load_times.py     how long reading takes: ``fer dataset --time``
pictures.py       any picture as a gray 48×48 face
detect.py         finds faces in photographs, with OpenCV
mtcnn.py          one of the ways: three networks
video_files.py    the frames of a video's file; a new one
sources.py        faces to predict, from pictures, folders and tables
synthetic.py      the data set that is drawn by code
"""
