"""Every figure, as a matplotlib Figure; none is ever shown by itself."""
