#!/usr/bin/env python3
"""How the cost of a request grows with the cluster, and how throughput grows with the jobs.

    python3 benches/scaling.py [--requests N] [--pairs N]

Growth: CPU time a request of W1 with 10,000 pods against 100, in turn. Jobs: wall time of eight replications of W1 with
one job against two; the machine must be idle. The least disturbed pair is printed first, then the median.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(HERE, "target", "release", "windtunnel")


def run(output, pods, requests, replications, jobs):
    """CPU and wall seconds of one run."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [BINARY, "run", "scenarios/w1.yaml", "-o", output, "--force", "-q", "-j", str(jobs),
               "--set", f"workloads[deployment/web].inline.replicas={pods}",
               "--set", f"traffic[t].arrivals.poisson.rate={0.8 * pods}/s",
               "--set", f"run.requests={requests}", "--set", f"run.replications={replications}"]
    done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ended - began


def report(label, ratios, unit):
    ratios.sort()
    best, middle = ratios[0], ratios[len(ratios) // 2]
    print(f"{label:<44} {best[1]:8.1f} {best[2]:8.1f} {best[0]:6.2f} {middle[0]:6.2f} {unit}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE, check=True)
    print(f"{'':<44} {'first':>8} {'second':>8} {'best':>6} {'median':>6}")
    with tempfile.TemporaryDirectory() as output:
        growth, jobs = [], []
        for _ in range(options.pairs):
            large, small = (run(output, pods, options.requests, 1, 1)[0] for pods in (10_000, 100))
            growth.append((large / small, large / options.requests * 1e9, small / options.requests * 1e9))
        report("w1 10,000 pods / 100 pods, CPU a request", growth, "ns")
        for _ in range(options.pairs):
            two, one = (run(output, 100, options.requests // 8, 8, count)[1] for count in (2, 1))
            jobs.append((two / one, two, one))
        report("w1 two jobs / one job, wall time", jobs, "s")


main()
