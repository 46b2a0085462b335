"""FER2013 from any file: CSV, arrays, archives, folders of pictures; what was read is kept in a cache."""
