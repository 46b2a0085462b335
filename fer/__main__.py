"""All commands under one name: ``fer train``, or ``python -m fer train``; ``fer --help`` lists them."""

import difflib
import os
import signal
import sys
from collections.abc import Callable, Sequence

from fer.command_line import end_at_once_on_ctrl_c

VERBS = {
    "explore": "look at a data set",
    "train": "train a network; stop and resume",
    "sweep": "search for good settings, by many trainings",
    "evaluate": "measure how good a trained network is",
    "calibrate": "make a network's confidence as high as its accuracy",
    "compare": "put trained networks side by side",
    "predict": "which emotion do the faces in pictures and videos show?",
    "live": "the same for your camera, on a page in the browser",
    "explain": "write a page with every number of one training step",
    "export": "write a trained network as one small file",
    "dataset": "what does a file of faces hold?",
    "synthetic": "write faces drawn by code into files",
}


def command(verb: str) -> Callable[[Sequence[str]], None]:
    """Return the function that runs a verb. Only its own module is imported: ``fer --help`` is quick."""
    match verb:
        case "explore":
            from fer.explore import main as found
        case "train":
            from fer.train import main as found
        case "sweep":
            from fer.sweep import main as found
        case "evaluate":
            from fer.evaluate import main as found
        case "calibrate":
            from fer.calibrate import main as found
        case "compare":
            from fer.compare import main as found
        case "predict":
            from fer.predict import main as found
        case "live":
            from fer.live import main as found
        case "explain":
            from fer.explain import main as found
        case "export":
            from fer.export import main as found
        case "dataset":
            from fer.dataset import main as found
        case "synthetic":
            from fer.synthetic import main as found
        case _:
            raise ValueError(f"verb={verb!r}: expected one of {', '.join(VERBS)}")
    return found


def usage() -> str:
    """Return the list of verbs, for ``fer --help``."""
    lines = [f"  fer {verb:<10}{text}" for verb, text in VERBS.items()]
    return "\n".join(
        ["usage: fer VERB [arguments]", "", *lines, "", "fer VERB --help: its options and examples"]
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run a verb; exit with status 2 and one line if there is none of this name."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        try:
            print(usage(), flush=True)
        except OSError as error:  # | true, or > /dev/full; minicnn.terminal would take a second to import
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                print(f"fer: standard output: {error.strerror}", file=sys.stderr)
                raise SystemExit(2) from None
        return
    verb, *rest = arguments
    if verb not in VERBS:
        similar = difflib.get_close_matches(verb, VERBS, 1)
        hint = f"did you mean {similar[0]}?" if similar else f"expected one of {', '.join(VERBS)}"
        print(f"fer: there is no verb {verb!r}; {hint}", file=sys.stderr)
        raise SystemExit(2)
    before = end_at_once_on_ctrl_c()
    run = command(verb)
    if before is not None:
        signal.signal(signal.SIGINT, before)
    run(rest)


if __name__ == "__main__":
    main()
