"""Write CSV files as FER2013's publishers do, and as they should not be."""


def pixels_of(image):
    return " ".join(map(str, image.ravel().tolist()))


def text_of(images, labels, usage, header="emotion,pixels,Usage", end="\n", separator=","):
    """Return a file's text; the header says which columns it has, in which order."""
    lines = [header]
    for image, label, use in zip(images, labels, usage):
        values = {"emotion": str(label), "pixels": pixels_of(image), "usage": use}
        lines.append(separator.join(values[name.strip().lower()] for name in header.split(separator)))
    return end.join(lines) + end


def write(path, *columns, **form):
    path.write_bytes(text_of(*columns, **form).encode())
    return path
