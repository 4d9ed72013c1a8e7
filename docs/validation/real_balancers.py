#!/usr/bin/env python3
"""Compares this build with measurements of real balancers and writes docs/validation/real-balancers.md.

From the project's directory: `cargo build --release && python3 docs/validation/real_balancers.py`. With `--check` nothing
is written. Exits with 1 unless every quantity passes.
"""

import argparse
import csv
import io
import pathlib
import re
import subprocess
import sys

PROJECT = pathlib.Path(__file__).resolve().parents[2]
WINDTUNNEL = PROJECT / "target" / "release" / "windtunnel"
SCENARIOS = PROJECT / "scenarios" / "lab"
SYSTEMS = {"haproxy": "HAProxy", "nginx": "nginx", "envoy": "Envoy", "caddy": "Caddy", "tower": "tower", "grpc": "gRPC"}
RULES = {"iptables": "iptables", "nft": "nftables"}

HEAD = """# Real balancers, measured and simulated

Written by `cargo build --release && python3 docs/validation/real_balancers.py`; do not edit. The cases are the variants
in `scenarios/lab/`; how the real ones were measured, what is fed to the simulation and by which rules it is compared
stands in [scenarios/lab/README.md](../../scenarios/lab/README.md). In short:

* A **sequence** of picks is that of one of the repeats, pick for pick.
* **Deterministic policies**: every quantile up to p99 lies in the range of the repeats or at most 0.5 % (Envoy
  and gRPC 1 %) beside it.
* **Least connections**: the path is chaotic, so the mean of 30 replications with jitter is compared; at most 2 % beside
  the range, at p99 3 %.
* **Random policies**: every recorded value lies within 4 standard deviations (sd) of 200 replications around their mean.
* **Given the choices** (`…_given`): every connection goes to the pod that it got in a repeat; every quantile up to p99 lies
  at most 0.5 % beside the recorded one.

*Difference* is how far the simulation lies beside the range of the repeats, in percent (0 inside), or, for random
policies, how many sd the repeat that is farthest off lies from the mean of the replications. *Picks of the pods* are the
counts of all pods, the difference that of the pod that is farthest off.
"""

TAIL = """
## What two repeats do not agree on

* `haproxy_rr_m70`: the sequence is that of repeat 1. In repeat 2, requests 2749 and 2750, which come 58 microseconds after
  one another, reached HAProxy in the other order; all other picks are the same.
* `haproxy_random2_m70`: HAProxy seeds its generator alike at each start, so its repeats are nearly one sample: 22 of 5,800
  picks differ.

## What is not compared

* The 99.9th percentile: five requests of a run, which two real repeats do not agree on (up to 30 % apart).
* Which pod each request got under least connections or a random policy: two real repeats agree on 12 to 23 % of them,
  where chance gives 12.5 %.
* Pools of connections given the choices: which connection is used next is a matter of microseconds, and everything after
  it differs.
* What has no mechanism here yet: queues in the proxy (`maxconn`), circuit breakers, outlier detection, health checks,
  pods that crash, drain or answer with errors during a run.

Connections that stay open behind nftables rules draw their pods once, so one run says next to nothing of the choices (two
repeats: p99 332 and 635 ms; the standard deviation of a replication is far larger than either); what it says of times, it
says given the choices.
"""


def measure():
    """The verdicts of `validate`."""
    command = [WINDTUNNEL, "validate", "--no-progress", "--format", "csv", "scenarios/lab"]
    done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"validate ended with {done.returncode}")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def policies():
    """The balancer of each case, as the scenarios write it."""
    found = {}
    for path in SCENARIOS.glob("*.yaml"):
        case = None
        for line in path.read_text(encoding="utf-8").splitlines():
            if name := re.match(r"    - name: (\S+)$", line):
                case = name[1]
                found[case] = "each client at random" if path.stem.endswith("affinity") else "each connection at random"
            elif '.balancer": {policy: recorded' in line:
                found[case] = "as recorded"
            elif start := re.match(r'        "traffic\[t\]\.balancer\.start": (\d+)$', line):
                found[case] = f"round-robin, start: {start[1]}"
            elif balancer := re.match(r'        "proxies\[lb\]\.balancer": \{policy: (.*)\}$', line):
                found[case] = balancer[1]
    return found


def number(text):
    """Numbers of the table of `validate`, separated by blanks."""
    return [float(part) for part in text.split()]


def is_spread(line):
    return " sd = " in line["demand"]


def difference(line):
    """How far off the simulation is: in percent beside the range, or in standard deviations."""
    measured, mean = number(line["expected"]), float(line["mean"])
    if is_spread(line):
        sd = float(line["se"]) * float(line["replications"]) ** 0.5
        off = max((value - mean for value in measured), key=abs)
        return off / sd if sd > 0 else 0.0
    nearest = min(max(mean, min(measured)), max(measured))
    return (mean / nearest - 1) * 100


def span(values, digits):
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low} … {high}"


def verdict(line):
    return line["verdict"].split(":")[0]


def latency_row(line):
    unit, off = 1000, difference(line)
    quantity = line["metric"].split(".")[-1]
    measured = [value * unit for value in number(line["expected"])]
    if is_spread(line):
        shown, bar = f"{off:+.1f} sd", "4 sd"
    else:
        allowed = float(line["demand"].split()[-1]) / number(line["expected"])[0]
        shown, bar = ("0" if abs(off) < 0.005 else f"{off:+.2f} %"), f"{round(allowed * 200) / 2:g} %"
    return [f"latency {quantity}, ms", span(measured, 2), f"{float(line['mean']) * unit:.2f}", shown, bar, verdict(line)]


def pick_rows(lines):
    """One row for the counts of all pods: of picks, or where connections stay of requests."""
    if not lines:
        return []
    what = "requests" if lines[0]["metric"].endswith(".requests") else "picks"
    worst = max(lines, key=lambda line: abs(difference(line)))
    measured = [value for line in lines for value in number(line["expected"])]
    means = [float(line["mean"]) for line in lines]
    verdicts = {verdict(line) for line in lines}
    together = "pass" if verdicts == {"pass"} else ", ".join(sorted(verdicts))
    shown, bar = (f"{difference(worst):+.1f} sd", "4 sd") if is_spread(worst) else ("0", "exact")
    return [[f"{what} of the {len(lines)} pods", span(measured, 0), span(means, 0), shown, bar, together]]


def sequence_row(line):
    note = line["verdict"].split(": ", 1)[1:]
    return ["sequence of picks", "", note[0] if note else "the same", "", "exact", verdict(line)]


def share_row(line):
    shown = span([value * 100 for value in number(line["expected"])], 0)
    return ["largest share of a pod, %", shown, f"{float(line['mean']) * 100:.0f}", "", "exact", verdict(line)]


def document(lines):
    """The whole page."""
    known = policies()
    cases = {}
    for line in lines:
        cases.setdefault(line["case"], []).append(line)
    counts = {}
    for line in lines:
        counts[verdict(line)] = counts.get(verdict(line), 0) + 1
    said = ", ".join(f"{count} {word}" for word, count in sorted(counts.items(), reverse=True))
    out = [HEAD, f"{len(cases)} cases, {len(lines)} quantities: {said}.", ""]
    out.append("| case | system | policy | quantity | recorded | simulated | difference | bar | verdict |")
    out.append("|---|---|---|---|---:|---:|---:|---|---|")
    for case, quantities in cases.items():
        file, name = case.rsplit("#", 1)
        system = SYSTEMS.get(pathlib.Path(file).stem) or RULES[name.split("_")[0]]
        rows = [sequence_row(line) for line in quantities if line["metric"].endswith(".sequence")]
        rows += [share_row(line) for line in quantities if line["metric"].endswith(".share.max")]
        rows += [latency_row(line) for line in quantities if ".latency." in line["metric"]]
        rows += pick_rows([line for line in quantities if line["metric"].endswith(("].picks", "].requests"))])
        for row in rows:
            out.append("| " + " | ".join([name, system, known[name], *row]) + " |")
    return "\n".join(out) + "\n" + TAIL


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    lines = measure()
    page = PROJECT / "docs" / "validation" / "real-balancers.md"
    if not arguments.check:
        page.write_text(document(lines), encoding="utf-8")
        print(f"written to {page.relative_to(PROJECT)}")
    failed = [line for line in lines if verdict(line) != "pass"]
    for line in failed:
        print(f"{line['case']} {line['metric']}: {line['verdict']}")
    sys.exit(bool(failed))


main()
