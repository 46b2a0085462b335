"""``python -m minicnn.benchmark [--against torch keras onnxruntime] [--json FILE] [--threads N] [--quick|--scale]``."""

import argparse
import importlib.util
import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

from minicnn import saving, terminal
from minicnn.benchmark import machine, measure, nets, passes, peak, scale
from minicnn.benchmark.contenders import MODES, ONLY_PREDICT
from minicnn.saving.checks import install_command

NAME = "python -m minicnn.benchmark"
STEPS_TITLES = {
    "convolution_ms": "From a loop to the kernels: one 3×3 convolution, forward, ms",
    "train_images_s": "Each layer by itself, and neighbours fused: training, images per second",
}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = terminal.Parser(
        prog=NAME,
        description="Training and prediction speed on this CPU, beside PyTorch and Keras, in one run.",
        epilog="examples:\n  python -m minicnn.benchmark --quick\n"
        "  python -m minicnn.benchmark --against torch keras onnxruntime --json benchmark.json\n"
        "  NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES=+sse4.2,+avx,+avx2,+fma,+bmi,+bmi2,+popcnt "
        "NUMBA_CACHE_DIR=avx2 python -m minicnn.benchmark\n      the kernels for AVX2, on a CPU with AVX-512\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add(
        "--against",
        nargs="*",
        default=[],
        choices=sorted(MODES),
        help="the libraries to compare with; onnxruntime and openvino predict only",
    )
    add("--compile", action="store_true", help="also time torch.compile")
    add(
        "--threads",
        type=int,
        default=os.cpu_count() or 1,
        help="threads of each contender (default: all cores)",
    )
    add("--json", type=Path, metavar="FILE", help="also write the numbers to this file")
    add("--quick", action="store_true", help="fewer rounds, and only the whole nets")
    many = "one training by two processes, measured, and by many machines, simulated; nothing else"
    add("--scale", action="store_true", help=many)
    return result


def table(header: list[str], rows: list[list[Any]]) -> None:
    """Print a table with aligned columns; numbers with three digits."""

    def text(cell: Any) -> str:
        if cell is None:
            return "–"
        if isinstance(cell, float):
            return f"{cell:.2f}" if cell < 10 else f"{cell:.1f}" if cell < 100 else f"{cell:.0f}"
        return str(cell)

    cells = [[text(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        print("  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]))
    print(flush=True)


def section(title: str, header: list[str], rows: list[list[Any]]) -> None:
    """Print a title and a table."""
    print(f"{title}\n")
    table(header, rows)


def numbers(title: str, found: dict[str, float]) -> None:
    """Print a title and named numbers, in one row."""
    section(title, list(found), [list(found.values())])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    problem = None
    with terminal.command(NAME):
        options = parser().parse_args(arguments)
        problem = problem_of(options)
        if problem is None:
            with saving.replacing(options.json) if options.json else nullcontext() as file:
                (run_scale if options.scale else run)(options, file)
        else:
            terminal.say(f"{NAME}: {problem}", file=sys.stderr)
    return 0 if problem is None else 2


def problem_of(options: argparse.Namespace) -> str | None:
    """Return why the options cannot be used; None if they can."""
    needed = [*options.against, *(["onnx"] if set(options.against) & set(ONLY_PREDICT) else [])]
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        extra = "pip install openvino" if missing[0] == "openvino" else install_command("oracles")
        return f"{missing[0]} is not installed: {extra}"
    return f"--threads {options.threads}: expected 1 or more" if options.threads < 1 else None


def run_scale(options: argparse.Namespace, file: IO[bytes] | None) -> None:
    """Measure and simulate one training by many processes; print tables, and write the numbers."""
    results: dict[str, Any] = {}
    for net in scale.NETS:
        of_two: dict[str, float] = {}
        try:
            of_two = scale.two_processes(net, 1 if options.quick else 3)
            numbers(f"Measured: a step of {net}, {scale.BATCH} faces, ms", of_two)
        except RuntimeError as error:
            print(f"Two processes: not measured; {error}\n")
        found = scale.measure(net, options.threads)
        simulated = scale.simulate(found)
        print(
            f"Simulated: {net} on machines like this one ({options.threads} threads; measured: "
            f"{1e3 * (found.start + scale.BATCH * found.face):.0f} ms for {scale.BATCH} faces, "
            f"{found.gradients / 1e6:.1f} MB of gradients); share of P times the speed of one, %\n"
        )
        rows = []
        for network, ways in simulated.items():
            for way, seconds in ways.items():
                shares = [100 * seconds[1] / (count * each) for count, each in seconds.items()]
                rows.append([f"{network}, {way}", *map(round, shares), scale.stops_paying(seconds)])
        table(["machines", *map(str, scale.PROCESSES), "pays up to"], rows)
        results[net] = {"two_processes_ms": of_two, "measured": found._asdict(), "seconds_a_face": simulated}
    if file is not None:
        file.write(f"{json.dumps(results, indent=2)}\n".encode())


def run(options: argparse.Namespace, file: IO[bytes] | None) -> None:
    """Measure, print the tables, and write the numbers to the file, if there is one."""
    names = ["minicnn", *(mode for library in options.against for mode in MODES[library])]
    names += ["torch compiled"] * (options.compile and "torch" in options.against)
    rounds = 3 if options.quick else 10
    on = machine.describe()
    caches = ", ".join(f"{name} {size // 2**10:,} KiB" for name, size in on["cache_bytes"].items())
    print(f"{on['cpu']}; kernels for {on['instruction_set']}; caches: {caches or 'unknown'}")
    for name in machine.VARIABLES:
        if name in on:
            print(f"{name}={on[name]}")
    results: dict[str, Any] = {"threads": options.threads}
    compare(results, options, names, rounds)
    results["machine"] = on
    if not options.quick:
        analyse(results, options, names, rounds)
    if file is not None:
        file.write(f"{json.dumps(results, indent=2)}\n".encode())


def compare(results: dict[str, Any], options: argparse.Namespace, names: list[str], rounds: int) -> None:
    """Measure and print training and prediction of whole nets; add the numbers to ``results``."""
    libraries = ["minicnn", *options.against]
    results |= measure.whole_nets(names, options.threads, rounds)
    rows = []
    for kind in ("train", "predict"):
        for net, found in results[kind].items():
            ratios = [found.get(f"ratio_to_{library}") for library in options.against]
            rows.append([f"{kind} {net}", *(found.get(library) for library in libraries), *ratios])
    section(
        f"Images per second, {options.threads} threads, batch {measure.BATCH}, float32; medians of alternating runs",
        ["", *libraries, *(f"minicnn/{library}" for library in options.against)],
        rows,
    )
    results["latency_ms"] = measure.latency(names, options.threads, rounds)
    rows = [
        [net, batch, *(ms[library] for library in libraries)]
        for net, found in results["latency_ms"].items()
        for batch, ms in found.items()
    ]
    section("Prediction of a few faces, ms", ["", "faces", *libraries], rows)
    results["fork_join_us"] = {
        "in a row": passes.fork_join(options.threads),
        "after a pause": passes.fork_join(options.threads, rested=True),
    }
    numbers("What it costs to start all threads for a kernel, µs", results["fork_join_us"])


def analyse(results: dict[str, Any], options: argparse.Namespace, names: list[str], rounds: int) -> None:
    """Measure and print where the time and the memory go; add the numbers to ``results``."""
    results["peak_gflop_s"] = peak.multiply_add(options.threads)
    results["conv"] = measure.convolutions(names, options.threads, rounds)
    rows = [
        [f"{c['side']}×{c['side']}", f"{c['channels']}→{c['filters']}", c["pass"], c["ms"]["minicnn"]]
        + [rate for library, rate in c["gflop_s"].items() if not library.startswith("ratio_to")]
        for c in results["conv"]
    ]
    compared = ["torch", "ratio"] if "torch" in options.against else []
    section(
        f"3×3 convolutions: effective GFLOP/s; this CPU's measured FMA peak is {results['peak_gflop_s']:.0f}",
        ["map", "channels", "pass", "ms", "minicnn", *compared],
        rows,
    )
    results["step_ms"] = {net: passes.where(net, measure.BATCH, options.threads) for net in nets.NAMES}
    for net, found in results["step_ms"].items():
        section(
            f"Where a training step of {net} goes, ms", ["", "ms"], [list(each) for each in found.items()]
        )
    results["steps"] = measure.steps(options.threads, max(2, rounds // 3))
    for name, title in STEPS_TITLES.items():
        found = results["steps"][name]
        header = ["", *next(iter(found.values()))]
        section(title, header, [[label, *values.values()] for label, values in found.items()])
    results["peak_memory_mb"] = measure.memory(names, options.threads)
    if results["peak_memory_mb"]:
        numbers("Peak memory of a process that trains vgg, MB", results["peak_memory_mb"])
    else:
        print("Peak memory: not measured, Python cannot tell it on this system\n")
    results["first_step_s"] = measure.first_step(options.threads)
    section(
        "From process start to the end of the first training step of simple, s, with the kernel cache",
        ["empty", "warm"],
        [list(results["first_step_s"].values())],
    )
    results["scaling"] = measure.scaling(options.threads, rounds)
    print("How training time of simple grows\n")
    for name, found in results["scaling"].items():
        table([name.replace("_", " "), *map(str, found)], [["", *found.values()]])


if __name__ == "__main__":
    sys.exit(main())
