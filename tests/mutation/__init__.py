"""The proof of the proof: plant faults in every backward pass and see that the tests find each of them.

    python -m tests.mutation                     all of them: an hour or two on two cores
    python -m tests.mutation --sample 60         some, drawn at random; prints how to draw them again
    python -m tests.mutation pooling losses      where the path or the function has this in its name
    python -m tests.mutation --only 1a2b3c4d     one, with what it changes

Exit status 1 if a fault survives that is not proven to be none. docs/mutation.md has the whole table.

    functions.py        which functions get faults                          computed, not listed
    slips.py            what a slip is; the rules: operators.py, operators_of_calls.py
    mutants.py          every slip at every place
    classic.py          faults of well-known code, by their names           listed in classic_faults.py
    planting.py         a fault goes live: new code for a function that stays the same object
    interpreted.py      the kernels as plain Python, vector instructions replaced by stand_ins.py
    judges.py           the project's tests; compiled: vector_code.py, machine_code.py
    campaign.py         plant, judge, note; each in a forked child          trial.py, worker.py
    equivalent.py       those that are no faults, each with its proof       listed in equivalent/
    report.py           the table

mutmut and cosmic-ray run a test command for each fault. Here that would compile the kernels anew each time.
"""
