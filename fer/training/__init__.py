"""What ``fer.train`` consists of.

config.py             Config: all settings of a run, checked; config.json
options.py            the command line's options for them
sweep_options.py      those of fer.sweep; space.py says what is searched
recipes.py            settings of the trained networks that come with fer
resuming.py           config.json: what is written before training; whether a run can go on with it
components.py         from a Config to the data, the network, the optimizer and the class weights
checkpoint.py         a callback: checkpoints, best model, history; stops when numbers are not finite
stopping.py           Ctrl-C, SIGTERM and the time budget
self_distillation.py  a callback: mixes the network's own predictions into its targets
training_check.py     --check: tests network, settings and data in seconds
"""
