"""Mutation testing: plant faults in every backward pass and see that the tests find each of them.

    python -m tests.mutation                        every fault outside the kernels
    python -m tests.mutation pooling losses         those whose path or function has this in its name
    python -m tests.mutation --only 1a2b3c4d        one of them, with what it changes
    python -m tests.mutation --kernels --sample 60  some faults of the kernels, at random: how many are caught

Exit status 1 if a fault survives that is not proven to be none; of the kernels, if too few are caught.
docs/mutation.md says what is done and why.

    functions.py        which functions get faults (computed, not listed)
    slips.py            what a slip is; the rules are in operators.py and operators_of_calls.py
    mutants.py          every slip at every place
    classic.py          faults of well-known code, by their names; listed in classic_faults.py
    planting.py         a fault goes live: new code for a function that stays the same object
    interpreted.py      the kernels as plain Python, vector instructions replaced by stand_ins.py
    judges.py           the project's tests; vector_code.py: tests of compiled vector instructions
    campaign.py         plant, judge, note; each fault in a forked child (trial.py) of worker.py
    equivalent.py       those that are no faults, each with its proof; listed in equivalent.txt
    report.py           the summary
"""
