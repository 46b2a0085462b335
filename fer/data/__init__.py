"""FER2013 from any file: CSV, arrays, archives, folders of pictures; and the drawn faces."""
