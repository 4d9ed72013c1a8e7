#!/usr/bin/env python3
"""Runs every known result with several seeds and writes the table of all of them, named by the day.

    cargo build --release && python3 docs/validation/record.py

Takes about ten minutes a seed on two cores. `--seeds 1,2,3`, `--jobs 2`, `--output FILE`; other arguments are scenario
files or directories in place of scenarios/validation. Exits with 1 unless every quantity passes with every seed.
"""

import argparse
import csv
import datetime
import io
import os
import pathlib
import platform
import subprocess
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]
WINDTUNNEL = PROJECT / "target" / "release" / "windtunnel"
VERDICTS = ("pass", "fail", "imprecise")


def run(seed, jobs, files):
    """The verdicts of one seed and how long they took."""
    command = [WINDTUNNEL, "validate", "--no-progress", "--format", "csv", "--seed", str(seed), "--jobs", str(jobs), *files]
    began = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"validate ended with {done.returncode}")
    return list(csv.DictReader(io.StringIO(done.stdout))), time.monotonic() - began


def first_line(*command):
    try:
        return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor():
    """What kind of processor this is."""
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def number(text):
    """A number, or None for a list, names or nothing."""
    try:
        return float(text)
    except ValueError:
        return None


def off(line):
    """How many standard errors the estimate is off, where that is what is judged."""
    expected, mean, error = number(line["expected"]), number(line["mean"]), number(line["se"])
    if line["demand"].startswith("off") or line["metric"].startswith("not ") or None in (expected, mean) or not error:
        return None
    return (mean - expected) / error


def verdict(line):
    """The verdict without its note."""
    return line["verdict"].split(":")[0]


def document(seeds, runs, jobs):
    """The whole page."""
    version = first_line(WINDTUNNEL, "--version")
    commit = first_line("git", "rev-parse", "--short=12", "HEAD")
    changed = "" if first_line("git", "status", "--porcelain", "--", "src", "scenarios") == "" else ", with local changes"
    today = datetime.date.today().isoformat()
    out = [
        f"# Known results, {today}",
        "",
        "Written by `cargo build --release && python3 docs/validation/record.py`; do not edit. What each quantity is and",
        "where its value comes from: [coverage](coverage.md) and the scenario files.",
        "",
        f"* Version: {version}, commit {commit}{changed}.",
        f"* Machine: {processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}; {jobs} jobs.",
        "",
        "| seed | pass | fail | imprecise | rms z | largest \\|z\\| | minutes |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for seed, (lines, seconds) in zip(seeds, runs):
        counts = [sum(verdict(line) == wanted for line in lines) for wanted in VERDICTS]
        zs = [z for z in map(off, lines) if z is not None]
        rms = (sum(z * z for z in zs) / max(len(zs), 1)) ** 0.5
        largest = max(map(abs, zs), default=0.0)
        cells = [seed, *counts, f"{rms:.2f}", f"{largest:.2f}", f"{seconds / 60:.0f}"]
        out.append(f"| {' | '.join(map(str, cells))} |")
    out += [
        "",
        "Expected, mean and standard error (se) are in seconds, requests or ratios; those of the first seed. z is",
        "(mean − expected) / se, for each seed: at most 5.3, where the value has an error of its own a little more. `se ≤` is",
        "the precision demanded of the standard error, `off ≤` a comparison by the tolerance alone. The cases of a seed share",
        "random numbers, so their z go together.",
    ]
    file = None
    for number, line in enumerate(runs[0][0]):
        all_seeds = [lines[number] for lines, _ in runs]
        assert all((other["case"], other["metric"]) == (line["case"], line["metric"]) for other in all_seeds)
        here, case = line["case"].rsplit("#", 1)
        if here != file:
            file = here
            out += ["", f"## {pathlib.Path(file).stem}", ""]
            columns = ["case", "metric", "expected", "mean", "se", "demand", *(f"z, seed {seed}" for seed in seeds), "verdict"]
            out.append(f"| {' | '.join(columns)} |")
            out.append(f"|---|---|---:|---:|---:|---|{'---:|' * len(seeds)}---|")
        verdicts = {verdict(other) for other in all_seeds}
        cells = [
            case,
            f"`{line['metric']}`",
            *(line[column] for column in ("expected", "mean", "se", "demand")),
            *("" if z is None else f"{z:.2f}" for z in map(off, all_seeds)),
            ", ".join(wanted for wanted in VERDICTS if wanted in verdicts),
        ]
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("files", nargs="*", default=["scenarios/validation"])
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    runs = [run(seed, arguments.jobs, arguments.files) for seed in seeds]
    output = arguments.output or PROJECT / "docs" / "validation" / f"{datetime.date.today().isoformat()}.md"
    output.write_text(document(seeds, runs, arguments.jobs), encoding="utf-8")
    print(f"written to {output}")
    sys.exit(any(verdict(line) != "pass" for lines, _ in runs for line in lines))


main()
