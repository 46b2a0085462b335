"""The proof of the proof: plant faults in every backward pass and see that the tests find each of them.

    python -m tests.mutation                     all of them: an hour or two on two cores
    python -m tests.mutation --sample 60         some, drawn at random; prints how to draw them again
    python -m tests.mutation pooling losses      where the path or the function has this in its name
    python -m tests.mutation --only 1a2b3c4d     one, with what it changes

Exit status 1 if a fault survives that is not proven to be none. docs/mutation.md has the whole table.

    functions.py        which functions get faults                      computed, not listed
    operators.py        the slips: signs, indices, bounds, axes, terms
    mutants.py          every slip at every place
    classic.py          faults of well-known code, by their names       listed in classic_faults.py
    interpreted.py      the kernels as plain Python, vector instructions replaced by stand_ins.py
    planting.py         a fault goes live: new code for a function that stays the same object
    judges.py           the project's tests, and vector_code.py for the vector instructions, compiled
    campaign.py         plant, judge, note, in a forked child each      trial.py
    equivalent.py       those that are no faults, each with its proof   listed in equivalent/
    report.py           the table

mutmut and cosmic-ray run a test command for each fault. Here that would compile the kernels anew each time.
"""
