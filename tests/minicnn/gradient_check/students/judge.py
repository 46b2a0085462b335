"""What the gradient checker says about each case. ``python -m tests.minicnn.gradient_check.students.judge [SEED]``
lists it.

The two counts are the verdicts that are right and the causes that are named.
"""

import re
import sys
import time
import traceback

from minicnn.gradient_check import check_op
from tests.minicnn.gradient_check.students import load
from tests.minicnn.gradient_check.students.corpus import CASES


class Outcome:
    """What the checker said about a case: a report, or an error.

    A ValueError that refuses a wrong answer is a verdict, its text is the cause. Any other error is none.
    """

    def __init__(self, case, seed=0):
        self.case, self.cause, self.partly, self.untested = case, "", False, False
        begin = time.perf_counter()
        try:
            report = check_op(
                (case.forward, case.backward), case.arrays(seed), seed=seed, **case.given.options
            )
        except ValueError as error:
            self.passed, self.text, self.cause = False, str(error), str(error)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.passed, self.text = None, f"{type(error).__name__} in {where.name}: {error}"
        else:
            self.passed = report.passed
            self.text = str(report).replace(case.backward.__name__, "")
            self.cause = "; ".join(gradient.cause for gradient in report.values() if gradient.cause)
            self.partly = "not judged" in self.text
            self.untested = "nothing was tested" in self.text
        self.seconds = time.perf_counter() - begin

    @property
    def said(self):
        """Whether the report has one of the words that it must have."""
        return self.passed is False and self._has(self.case.says or ())

    @property
    def misleads(self):
        """Whether a cause is named that is not the one."""
        return bool(self.cause) and not self.said and not self._has(self.case.may)

    def _has(self, words):
        said = words_of(self.text)
        return any(word.lower() in said for word in words)

    def __str__(self):
        expected = "" if self.case.is_right else f" expected {self.case.says};"
        return f"{self.case.name!r}:{expected} said: {self.cause or self.text}"


def words_of(report):
    """Return what a report says in words: no names of arrays, numbers, methods."""
    lines = [
        re.sub(r".*(ok|FAIL) +\d+ of \d+|\(complex step.*|\(central diff.*", "", line)
        for line in report.splitlines()
        if "with differences" not in line
    ]
    return "\n".join(lines).lower()


def judge(seed=0, every=1):
    """Return the outcomes of every so manyth case, in their order; with other numbers for another seed."""
    load()
    return [Outcome(case, seed) for case in list(CASES.values())[::every]]


def lists(outcomes):
    """Return title -> the outcomes that must not be (but for "judged in part")."""
    right = [each for each in outcomes if each.case.is_right]
    wrong = [each for each in outcomes if not each.case.is_right]
    return {
        "right, judged in part": [each for each in right if each.partly],
        "right, not passed": [each for each in right if each.passed is not True and not each.untested],
        "right, not tested": [each for each in right if each.untested],
        "right, with a cause": [each for each in right if each.cause],
        "faulty, not found": [each for each in wrong if each.passed is not False],
        "cause not named": [each for each in wrong if each.case.says and not each.said],
        "another cause": [each for each in wrong if each.misleads],
    }


if __name__ == "__main__":
    everything = judge(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for title, found in lists(everything).items():
        print(f"\n{title}: {len(found)}", *found, sep="\n  ")
    slowest = max(everything, key=lambda each: each.seconds)
    right_ones = sum(each.case.is_right for each in everything)
    good = sum(
        each.passed is each.case.is_right or (each.case.is_right and each.untested) for each in everything
    )
    named = [each.said for each in everything if each.case.says]
    print(f"\n{right_ones} right and {len(everything) - right_ones} faulty functions")
    print(f"verdicts: {good} of {len(everything)} right; causes: {sum(named)} of {len(named)} named")
    print(
        f"{sum(each.seconds for each in everything):.1f} s, the slowest {slowest.seconds:.1f} s: {slowest.case.name}"
    )
