"""The result of a check: a verdict in one line, what is wrong beside the numbers, and a table of the gradients."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from minicnn.gradient_check import html
from minicnn.gradient_check.gradient import BOUNDS, FLOOR, Along, Gradient, Kink, dependence, remarks

__all__ = ["BOUNDS", "FLOOR", "Along", "Gradient", "Kink", "Report", "remarks"]

_UNJUDGED = {
    "kinks": "not judged (kinks)",
    "jumps": "not judged (y has no slope there: it jumps, or is as steep as √x at 0)",
    "not compared": "not compared",
}


def _dependence(gradients: Iterable[Gradient], names: str) -> str:
    """Return how y depends on the arrays that are flat."""
    return dependence(names, max((each.steepest for each in gradients if each.flat), default=0.0))


@dataclass(frozen=True)
class Report(Mapping[str, Gradient]):
    """The result of a check: a mapping from an array's name to its :class:`Gradient`. Print it to read it.

    Attributes:
        title: what was checked.
        gradients: by name.
        problems: what is wrong beside the numbers, in words: "backward changed dy in place: …".
        notes: what else is to be said.
    """

    title: str
    gradients: dict[str, Gradient] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Gradient:
        return self.gradients[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.gradients)

    def __len__(self) -> int:
        return len(self.gradients)

    @property
    def passed(self) -> bool:
        """Whether nothing was found wrong: no entry, no choice at a kink, and no problem; and not all slopes are 0."""
        tested = not self or not all(gradient.flat for gradient in self.values())
        return tested and not self.problems and all(gradient.passed for gradient in self.values())

    @property
    def error(self) -> float:
        """The worst error of all."""
        return max((gradient.error for gradient in self.values()), default=0.0)

    @property
    def failures(self) -> list[str]:
        """The names of the arrays whose gradient is wrong."""
        return [name for name, gradient in self.items() if not gradient.passed]

    @property
    def verdict(self) -> str:
        """The first line in short: what is wrong, or what is right and what was not judged."""
        wrong = [problem.split(":")[0] for problem in self.problems] + self.failures
        if wrong:
            return f"WRONG: {', '.join(wrong)}"
        if not self.passed:
            return f"nothing was tested: {_dependence(self.values(), ', '.join(self))}"
        unjudged: dict[str, int] = {}
        for gradient in self.values():
            for reason, count in gradient.unjudged.items():
                unjudged[reason] = unjudged.get(reason, 0) + count
        reasons = {reason: count for reason, count in unjudged.items() if count}
        if not reasons:
            return "every gradient is right"
        right = sum(gradient.right for gradient in self.values())
        flat = f"not judged ({_dependence(self.values(), 'them')})"
        parts = [f"{count} {_UNJUDGED.get(reason, flat)}" for reason, count in reasons.items()]
        return f"{right} right, {', '.join(parts)}"

    @property
    def how(self) -> str:
        """The methods and their bounds."""
        used = (gradient for gradient in self.values() if gradient.checked.any() or gradient.error)
        methods = sorted({(gradient.method, gradient.bound) for gradient in used})
        return ", ".join(f"{method}, bound {bound:.0e}" for method, bound in methods)

    def __str__(self) -> str:
        width = max((len(name) for name in self), default=0)
        at = max((len(each.cells()[1]) for each in self.values() if each.fits), default=0)
        at = max(at, 14)  # the column "worst at": of 5 axes it is wide
        lines = [
            f"{self.title}: {self.verdict} ({self.how})" if self.how else f"{self.title}: {self.verdict}",
            *(f"  {text}" for text in (*self.problems, *self.notes)),
            f"  {'':{width}}      error              compared  {'worst at':{at}}  analytic      numeric",
        ]
        for name, gradient in self.items():
            lines.append(f"  {name:{width}}  {gradient.line(at)}")
            same = [other for other, each in self.items() if each.cause == gradient.cause]
            lines += [f"  {'':{width}}  {text}" for text in remarks(gradient, same)]
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        wrong = [problem.split(":")[0] for problem in self.problems] + self.failures
        state = "passed" if self.passed else f"failed: {', '.join(wrong) or 'nothing was tested'}"
        return f"<Report {self.title}: {state}, worst error {self.error:.1e}>"

    def _repr_html_(self) -> str:
        texts = (*self.problems, *self.notes)
        return html.page(self.title, self.passed, self.verdict, self.how, texts, self.gradients)
