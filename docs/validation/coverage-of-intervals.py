#!/usr/bin/env python3
"""How often printed intervals hold the true value: means, quantiles, paired differences, replications until a goal.

    cargo build --release && python3 docs/validation/coverage-of-intervals.py

Every experiment is a call of the real command with a seed of its own; the intervals are those of summary.csv and
comparison.csv, the true values are theory's. Takes five to ten minutes on two cores. `--experiments 1000`, `--first 1`
(the first seed), `--jobs 2`, `--output FILE` (default: docs/validation/intervals.md, between its marks). Exits with 1
unless every coverage lies in 93 to 97 %; with fewer than 1,000 experiments, unless chance explains it.
"""

import argparse
import concurrent.futures
import csv
import datetime
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parents[2]
WINDTUNNEL = PROJECT / "target" / "release" / "windtunnel"
SCENARIO = "docs/validation/coverage-of-intervals.yaml"
PAGE = PROJECT / "docs" / "validation" / "intervals.md"
BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"

LEVEL, LOW, HIGH, ENOUGH = 0.95, 0.93, 0.97, 1000
METRICS = {"latency_mean_ms": None, "latency_p50_ms": 0.5, "latency_p90_ms": 0.9, "latency_p99_ms": 0.99}
RATE = 50.0

# What ends the replications of `mm1`: the metric and the half-width asked for.
GOALS = [
    ("latency_mean_ms", "t.latency.mean", "1%", {}),
    ("latency_p90_ms", "t.latency.p90", "1%", {}),
    ("latency_p99_ms", "t.latency.p99", "2%", {}),
    # Few requests: values that vary much and are skewed.
    ("latency_mean_ms", "t.latency.mean", "5%", {"run.requests": "1000"}),
]


def sojourn_mm1(mu, arrivals):
    """Mean and tail of a sojourn in M/M/1 (seconds)."""
    gap = mu - arrivals
    return 1 / gap, lambda t: math.exp(-gap * t)


def sojourn_mmc(servers, mu, arrivals):
    """The same of M/M/c: Erlang's C, then service and, with that probability, an exponential wait."""
    load = arrivals / mu
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    waits = last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)
    gap = servers * mu - arrivals

    def tail(t):
        both = (gap * math.exp(-mu * t) - mu * math.exp(-gap * t)) / (gap - mu)
        return (1 - waits) * math.exp(-mu * t) + waits * both

    return 1 / mu + waits / gap, tail


VARIANTS = {
    "mm1": sojourn_mm1(1 / 0.010, RATE),
    "mm1-faster": sojourn_mm1(1 / 0.009, RATE),
    "mm2": sojourn_mmc(2, 1 / 0.018, RATE),
    "split": sojourn_mm1(1 / 0.018, RATE / 2),
}


def truth(variant, metric):
    """The true value (milliseconds)."""
    mean, tail = VARIANTS[variant]
    if METRICS[metric] is None:
        return mean * 1e3
    low, high = 0.0, 10.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if tail(middle) > 1 - METRICS[metric] else (low, middle)
    return low * 1e3


def call(verb, seed, directory, settings):
    """One call of the command; its result files are read from `directory`."""
    command = [WINDTUNNEL, verb, SCENARIO, "--output", directory, "--jobs", "1", "--seed", str(seed), "--quiet"]
    for path, value in settings.items():
        command += ["--set", f"{path}={value}"]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")


def rows(directory, file):
    with open(pathlib.Path(directory) / file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def interval(row):
    return float(row["ci95_low"]), float(row["ci95_high"])


def experiment(seed):
    """What one seed says: (kind, name, metric, replications, low, high, true value)."""
    found = []
    # Results are read once and thrown away: memory will do.
    where = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=where) as scratch:
        call("compare", seed, f"{scratch}/fixed", {})
        for row in rows(f"{scratch}/fixed", "summary.csv"):
            if row["metric"] in METRICS:
                true = truth(row["variant"], row["metric"])
                found.append(("mean over 10 replications", row["variant"], row["metric"], 10, *interval(row), true))
        call("run", seed, f"{scratch}/default", {"run.replications": "null", "variants": "null"})
        for row in rows(f"{scratch}/default", "summary.csv"):
            if row["metric"] in METRICS:
                true = truth("mm1", row["metric"])
                found.append(("mean over 5 replications (the default)", "mm1", row["metric"], 5, *interval(row), true))
        for row in rows(f"{scratch}/fixed", "comparison.csv"):
            if row["metric"] in METRICS:
                true = truth(row["variant"], row["metric"]) - truth("mm1", row["metric"])
                name = f"{row['variant']} − mm1"
                found.append(("paired difference of 10", name, row["metric"], 10, *interval(row), true))
        for number, (column, metric, width, settings) in enumerate(GOALS):
            goal = f"{{min: 20, max: 1000, until: {{metric: {metric}, relativeHalfWidth: {width}}}}}"
            into = f"{scratch}/{number}"
            # One variant alone, so that it is its own values that end it.
            call("run", seed, into, {**settings, "run.replications": goal, "variants": "null"})
            row = next(row for row in rows(into, "summary.csv") if row["metric"] == column)
            more = "".join(f", {path} {value}" for path, value in settings.items())
            name = f"mm1 to ± {width}{more}"
            found.append(("until a goal", name, column, int(row["replications"]), *interval(row), truth("mm1", column)))
    return found


def lines(experiments):
    """Per quantity: kind, name, metric, mean number of replications, true value, experiments, coverage, too low, too high."""
    sums = {}
    for found in experiments:
        for kind, name, metric, replications, low, high, true in found:
            line = sums.setdefault((kind, name, metric), [0, 0, 0, 0, true])
            line[0] += 1
            line[1] += replications
            line[2] += high < true
            line[3] += low > true
    for (kind, name, metric), (count, replications, below, above, true) in sums.items():
        yield kind, name, metric, replications / count, true, count, 1 - (below + above) / count, below / count, above / count


def fine(coverage, count):
    """Within 93 to 97 %; of a smaller sample within that and three standard errors."""
    slack = 0.0 if count >= ENOUGH else 3 * math.sqrt(LEVEL * (1 - LEVEL) / count)
    return LOW - slack <= coverage <= HIGH + slack


def first_line(*command):
    try:
        return subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def page(table, first, count, seconds):
    """What stands between the marks."""
    command = "python3 docs/validation/coverage-of-intervals.py"
    command += f" --experiments {count}" * (count != ENOUGH) + f" --first {first}" * (first != 1)
    out = [
        BEGIN,
        f"Written by `cargo build --release && {command}` on {datetime.date.today().isoformat()};",
        f"{first_line(WINDTUNNEL, '--version')}, commit {first_line('git', 'rev-parse', '--short=12', 'HEAD')};",
        f"seeds {first} to {first + count - 1}, one experiment each; {seconds / 60:.0f} minutes.",
        "",
        "| interval | of | metric | replications | true value (ms) | experiments | covers | all below | all above |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for kind, name, metric, replications, true, experiments, coverage, below, above in table:
        cells = [kind, name, f"`{metric}`", f"{replications:.1f}".removesuffix(".0"), f"{true:.4f}", experiments]
        cells += [f"{share * 100:.1f} %" for share in (coverage, below, above)]
        out.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*out, END])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, default=ENOUGH)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, default=PAGE)
    arguments = parser.parse_args()
    began = time.monotonic()
    seeds = range(arguments.first, arguments.first + arguments.experiments)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        table = list(lines(pool.map(experiment, seeds)))
    text = page(table, arguments.first, arguments.experiments, time.monotonic() - began)
    print(text)
    old = arguments.output.read_text(encoding="utf-8") if arguments.output.exists() else ""
    if BEGIN in old and END in old:
        before, rest = old.split(BEGIN, 1)
        text = before + text + rest.split(END, 1)[1]
    else:
        text += "\n"
    arguments.output.write_text(text, encoding="utf-8")
    bad = [line for line in table if not fine(line[6], line[5])]
    for kind, name, metric, *_, coverage, _, _ in bad:
        print(f"{kind}, {name}, {metric}: {coverage * 100:.1f} %", file=sys.stderr)
    sys.exit(bool(bad))


main()
