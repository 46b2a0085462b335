"""How fast is it, beside PyTorch and Keras on the same CPU? ``python -m minicnn.benchmark --against torch keras``.

Timings of one machine on one day mean little; ratios from one run mean more. So every contender runs in a process of
its own, with its own thread pool, all on the same number of threads; they take turns, a few steps each, and the median
of each is compared. Figures are for float32, batch 64, 48 × 48 × 1 images, data already in memory.
"""
