#!/usr/bin/env python3
"""Nanoseconds a pick, by policy and number of endpoints, as a table for benches/README.md.

    python3 benches/picks.py [--runs N] [--quick] [--last] [FILTER]

Runs `cargo bench --bench policies` N times (2) and prints of every row the fastest sample of all runs: what else runs
on a machine can only add to it. --quick takes a few samples only, which will do to see what grows; --last prints what
the last run left behind, without another one. FILTER is criterion's: a part of the rows' names.
"""
import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent


def results():
    """(row, endpoints) -> nanoseconds of the fastest sample, and when it was taken."""
    target = json.loads(subprocess.run(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=HERE, check=True,
                                       stdout=subprocess.PIPE, text=True).stdout)["target_directory"]
    found = {}
    for path in pathlib.Path(target, "criterion").glob("**/new/benchmark.json"):
        benchmark = json.loads(path.read_text())
        group, _, row = benchmark["group_id"].partition("/")
        if group == "policies":
            sample = json.loads(path.with_name("sample.json").read_text())
            least = min(time / iters for time, iters in zip(sample["times"], sample["iters"]))
            found[row, int(benchmark["value_str"])] = (least, path.stat().st_mtime)
    return found


def rows():
    """The rows that the benchmark has, in its order."""
    listed = subprocess.run(["cargo", "bench", "--bench", "policies", "--", "--list"], cwd=HERE, check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    names = [line.removesuffix(": benchmark").removeprefix("policies/").rpartition("/")[0]
             for line in listed.splitlines() if line.endswith(": benchmark")]
    return list(dict.fromkeys(names))


def written(nanoseconds):
    return f"{nanoseconds:,.1f}" if nanoseconds < 100 else f"{nanoseconds:,.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--last", action="store_true")
    parser.add_argument("filter", nargs="?")
    options = parser.parse_args()
    before = {} if options.last else results()
    best = {}
    for _ in range(1 if options.last else options.runs):
        if not options.last:
            command = ["cargo", "bench", "--bench", "policies", "--", "--noplot"]
            command += ["--quick"] if options.quick else []
            command += [options.filter] if options.filter else []
            done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                sys.exit(done.stdout)
        for key, (least, taken) in results().items():
            # What an earlier run left and this one did not measure is no result of it.
            if key not in before or before[key][1] != taken:
                best[key] = min(least, best.get(key, least))
    sizes = sorted({size for _, size in best})
    print("| policy | " + " | ".join(f"{size:,}" for size in sizes) + " | growth |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    for row in rows():
        figures = [best.get((row, size)) for size in sizes]
        if any(figures):
            cells = [written(figure) if figure else "" for figure in figures]
            growth = f"{figures[-1] / figures[0]:,.1f}" if figures[0] and figures[-1] else ""
            print(f"| {row} | " + " | ".join(cells) + f" | {growth} |")


if __name__ == "__main__":
    main()
