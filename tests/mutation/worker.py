"""The process in which faults are planted: ``python -m tests.mutation.worker``, started by the command.

It reads {"way", "ids", "jobs", "effort", "tests"} as JSON from its standard input and writes a line of JSON
for each mutant. It is a process of its own because Numba decides when it is imported whether to compile.
"""

import json
import os
import sys

from tests.mutation import interpreted
from tests.mutation.classic import all_faults
from tests.mutation.faults import VECTORS, WIDE
from tests.mutation.functions import Package


def main() -> None:
    """Read the orders and try the faults."""
    orders = json.load(sys.stdin)
    report = os.fdopen(os.dup(1), "w", buffering=1)  # pytest may print what it likes
    os.dup2(2, 1)
    package = Package()
    by_id = {fault.id: fault for fault in all_faults(package)}
    faults = [by_id[one] for one in orders["ids"]]

    if orders["way"] != VECTORS:
        interpreted.prepare(long_vectors=orders["way"] == WIDE)
        interpreted.install_stand_ins()
    from tests.mutation import judges, vector_code
    from tests.mutation.campaign import Campaign, Effort

    def run(found) -> None:
        campaign = Campaign(package, found, orders["jobs"], Effort(*orders["effort"]))
        campaign.observe()
        for verdict in campaign.run(faults):
            print(json.dumps(verdict), file=report)

    if orders["way"] == VECTORS:
        run(vector_code.judges())
    else:
        judges.with_tests(run, orders.get("tests") or judges.TESTS)


if __name__ == "__main__":
    main()
