"""Speed beside PyTorch and Keras on the same CPU: ``python -m minicnn.benchmark --against torch keras``.

Times depend on the machine and the day; ratios from one run depend on them less. So every contender runs in a
process of its own, with its own thread pool, all with the same number of threads. They take turns of a few
steps each, and the medians are compared. All numbers are for float32, batch 64, 48 × 48 × 1 images, data
already in memory.
"""
