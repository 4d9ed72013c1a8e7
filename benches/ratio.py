#!/usr/bin/env python3
"""CPU time of windtunnel against the hand-written baselines, in turn, pair by pair.

    python3 benches/ratio.py [--requests N] [--pairs N] [--pods N] [--naive]

Builds both in release mode, runs W1 and W4, 20 million requests each, through the scenario files and the
release binary, one process and one thread each, and prints nanoseconds of CPU time a request and their ratio. With
--naive it also compares each baseline with the same program on std's BinaryHeap. Machines drift, so only the ratios
of neighbouring runs mean anything; the least pair is the one that was disturbed least.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def cpu_seconds(command):
    """User and system time of one finished child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def build():
    """Paths of the release binary and of the two baselines."""
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE, check=True)
    lines = subprocess.run(
        ["cargo", "bench", "--no-run", "--message-format=json", "--bench", "baseline_w1", "--bench", "baseline_w4"],
        cwd=HERE, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.splitlines()
    baselines = {}
    for line in lines:
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"].startswith("baseline_"):
            baselines[message["target"]["name"][-2:]] = message["executable"]
    target = json.loads(subprocess.run(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=HERE, check=True,
                                       stdout=subprocess.PIPE, text=True).stdout)["target_directory"]
    return os.path.join(target, "release", "windtunnel"), baselines


def simulator(binary, model, pods, requests, output):
    rate = {"w1": 0.8, "w4": 3.0}[model] * pods
    return [binary, "run", f"scenarios/{model}.yaml", "-o", output, "--force", "-q", "-j", "1",
            "--set", f"workloads[deployment/web].inline.replicas={pods}",
            "--set", f"traffic[t].arrivals.poisson.rate={rate}/s",
            "--set", f"run.requests={requests}", "--set", "run.replications=1"]


def compare(label, ours, theirs, requests, pairs):
    ratios = []
    for _ in range(pairs):
        a, b = cpu_seconds(ours), cpu_seconds(theirs)
        ratios.append((a / b, a / requests * 1e9, b / requests * 1e9))
    ratios.sort()
    best, middle = ratios[0], ratios[len(ratios) // 2]
    print(f"{label:<34} {best[1]:8.1f} {best[2]:8.1f} {best[0]:8.2f} {middle[0]:8.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--pods", type=int, default=100)
    parser.add_argument("--naive", action="store_true")
    options = parser.parse_args()
    binary, baselines = build()
    print(f"{'ns of CPU a request':<34} {'ours':>8} {'other':>8} {'best':>8} {'median':>8}")
    with tempfile.TemporaryDirectory() as output:
        for model in ("w1", "w4"):
            hand = [baselines[model], "--requests", str(options.requests), "--pods", str(options.pods), "--seed", "1"]
            ours = simulator(binary, model, options.pods, options.requests, output)
            compare(f"{model} windtunnel / hand-written", ours, hand, options.requests, options.pairs)
            if options.naive:
                compare(f"{model} hand-written / naive", hand, [*hand, "--naive"], options.requests, options.pairs)


if __name__ == "__main__":
    main()
