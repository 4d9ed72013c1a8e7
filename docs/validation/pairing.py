#!/usr/bin/env python3
"""How many times fewer replications paired comparisons take than unpaired ones for the same half-width.

    cargo build --release && python3 docs/validation/pairing.py

Runs `compare` on scenarios of the project with questions that users ask, shortened, and reads `variance_reduction` from
comparison.csv: an unpaired difference has the variance Var a + Var b, a paired one Var(a − b), and the half-width goes
with its root over the number of replications, so the number is larger by the quotient, 1 / (1 − variance_reduction).
Takes about a minute on two cores. `--jobs 2`, `--output FILE` (default: docs/validation/intervals.md, between its marks).
Exits with 1 unless the mean and p99 take at least five times fewer for the questions of which that is expected.
"""

import argparse
import csv
import datetime
import pathlib
import shlex
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]
WINDTUNNEL = PROJECT / "target" / "release" / "windtunnel"
PAGE = PROJECT / "docs" / "validation" / "intervals.md"
BEGIN, END = "<!-- pairing: begin -->", "<!-- pairing: end -->"
METRICS = ["latency_mean_ms", "latency_p50_ms", "latency_p90_ms", "latency_p99_ms"]
BAR = 5.0

POLICIES = "scenarios/policies.yaml --replications 32 --duration 40s --baseline least-request"
CAPACITY = (
    "scenarios/policies.yaml --replications 32 --duration 40s --set variants=null"
    " --set 'proxies[edge].balancer.policy=least-request'"
)
W4 = "scenarios/w4.yaml --replications 32 --set run.requests=100000"
QUICKSTART = "scenarios/quickstart.yaml --replications 32 --duration 90s"

# Question, arguments of `compare`, variant, whether five times fewer are expected there (why not: intervals.md).
CASES = [
    ("Does a full scan beat two choices?", POLICIES, "two-choices", True),
    ("Would weights for the slow pod help?", POLICIES, "weighted-least-request", True),
    ("What would perfect knowledge give?", POLICIES, "oracle-jsq", True),
    ("A thirteenth pod?", f"{CAPACITY} --vary 'workloads[deployment/web].inline.replicas=12,13'", "replicas=13", True),
    ("A third choice?", f"{W4} --vary 'proxies[p].balancer.choices=2,3'", "choices=3", True),
    ("Faster pods in M/M/1?", "docs/validation/coverage-of-intervals.yaml --replications 32", "mm1-faster", True),
    ("Random instead of least-request?", POLICIES, "random", False),
    ("More patience before a retry?", f"{W4} --vary 'traffic[t].retries.perTry=4.35s,6s'", "perTry=6s", False),
    (
        "A fifth thread for reviews?",
        f"{QUICKSTART} --vary 'workloads[shop/deployment/reviews].containers.reviews.concurrency=4,5'",
        "concurrency=5",
        False,
    ),
    ("A budget for retries?", "scenarios/retry-storm.yaml --replications 32 --baseline retries", "budget", False),
]


def compared(arguments, jobs, scratch, done):
    """The rows of comparison.csv, of a command that runs once."""
    if arguments not in done:
        into = pathlib.Path(scratch) / str(len(done))
        command = [WINDTUNNEL, "compare", *shlex.split(arguments), "--output", into, "--jobs", str(jobs), "--quiet"]
        ended = subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, check=False).returncode
        if ended not in (0, 1):
            sys.exit(f"{' '.join(map(str, command))} ended with {ended}")
        with open(into / "comparison.csv", newline="", encoding="utf-8") as lines:
            done[arguments] = list(csv.DictReader(lines))
    return done[arguments]


def factors(rows, variant):
    """How many times fewer replications, by metric."""
    found = {}
    for row in rows:
        if row["variant"] == variant and not row["traffic"].startswith("call/") and row["metric"] in METRICS:
            found[row["metric"]] = 1 / (1 - float(row["variance_reduction"]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", type=pathlib.Path, default=PAGE)
    arguments = parser.parse_args()
    out = [
        BEGIN,
        "Written by `cargo build --release && python3 docs/validation/pairing.py` on "
        f"{datetime.date.today().isoformat()}, seed 1.",
        "",
        "| question | `windtunnel compare` | variant | mean | p50 | p90 | p99 |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    bad, done = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        for question, command, variant, must in CASES:
            found = factors(compared(command, arguments.jobs, scratch, done), variant)
            cells = [f"{found[metric]:.1f}" for metric in METRICS]
            out.append(f"| {question} | `{command}` | `{variant}` | {' | '.join(cells)} |")
            if must and min(found["latency_mean_ms"], found["latency_p99_ms"]) < BAR:
                bad.append(f"{question} {found}")
    text = "\n".join([*out, END])
    print(text)
    old = arguments.output.read_text(encoding="utf-8") if arguments.output.exists() else ""
    if BEGIN in old and END in old:
        before, rest = old.split(BEGIN, 1)
        text = before + text + rest.split(END, 1)[1]
    else:
        text += "\n"
    arguments.output.write_text(text, encoding="utf-8")
    print("\n".join(bad), file=sys.stderr)
    sys.exit(bool(bad))


main()
