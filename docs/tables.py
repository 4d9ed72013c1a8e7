#!/usr/bin/env python3
"""Writes the tables of a document anew from the scenarios that they name.

    cargo build --release && python3 docs/tables.py docs/policies.md
    python3 docs/tables.py --check docs/policies.md

A table stands between `<!-- compare SCENARIO METRIC… [matrix] -->` and `<!-- end -->`. METRIC is a column of runs.csv.
With `matrix`, variants are called ROW-COLUMN, and the table shows the mean of one metric. `--check` changes nothing and
exits with 1 where a table is not what the scenario gives.
"""

import argparse
import csv
import difflib
import pathlib
import re
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[1]
WINDTUNNEL = PROJECT / "target" / "release" / "windtunnel"
BLOCK = re.compile(r"(<!-- compare (\S+) ([^>]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
LOST = {"shedding": "loses requests", "saturated": "saturated"}


def number(text):
    """Three digits, more where they stand before the point."""
    value = float(text)
    decimals = max(0, 2 - len(str(int(abs(value)))) + (abs(value) < 1) * 1 + 1)
    return f"{value:,.{min(decimals, 3)}f}"


def compared(scenario):
    """The rows of comparison.csv by variant and metric, and the baseline's name."""
    with tempfile.TemporaryDirectory() as directory:
        command = [WINDTUNNEL, "compare", scenario, "--output", f"{directory}/results", "--quiet", "--no-progress"]
        done = subprocess.run(command, cwd=PROJECT, stdout=subprocess.DEVNULL, check=False)
        if done.returncode not in (0, 1):
            sys.exit(f"{scenario}: compare ended with {done.returncode}")
        with open(f"{directory}/results/comparison.csv", encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    arms = {}
    for row in rows:
        arms.setdefault(row["variant"], {})[row["metric"]] = row
    return rows[0]["baseline"], arms


def verdict(row, flag):
    if row["verdict"] in ("better", "worse"):
        low, high = sorted(abs(float(row[bound])) for bound in ("ci95_low", "ci95_high"))
        return f"{row['verdict']} by {number(low)} … {number(high)}"
    return flag or row["verdict"]


def listed(baseline, arms, metrics):
    lines = ["| variant | " + " | ".join(f"{metric} | against {baseline}" for metric in metrics) + " |"]
    lines.append("|---|" + "---:|---|" * len(metrics))
    first = next(iter(arms.values()))
    cells = [f"{number(first[metric]['baseline_mean'])} | " for metric in metrics]
    lines.append(f"| {baseline} | " + " | ".join(cells) + " |")
    for variant, rows in arms.items():
        flag = LOST.get(rows[metrics[0]]["flag"], "")
        cells = [f"{number(rows[metric]['mean'])} | {verdict(rows[metric], flag)}" for metric in metrics]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return lines


def matrix(baseline, arms, metric):
    cells, columns = {}, []
    for variant, rows in arms.items():
        name, _, column = variant.rpartition("-")
        cells.setdefault(name, {})[column] = number(rows[metric]["mean"])
        columns += [column] if column not in columns else []
    lines = [f"| {metric} | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name, row in cells.items():
        lines.append(f"| {name} | " + " | ".join(row.get(column, "") for column in columns) + " |")
    value = number(next(iter(arms.values()))[metric]["baseline_mean"])
    return [*lines, f"| {baseline} | " + " | ".join([value] * len(columns)) + " |"]


def table(match):
    opening, scenario, words, closing = match.groups()
    *metrics, last = words.split()
    baseline, arms = compared(scenario)
    lines = matrix(baseline, arms, metrics[0]) if last == "matrix" else listed(baseline, arms, [*metrics, last])
    return opening + "\n".join(lines) + "\n" + closing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("documents", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    stale = False
    for document in arguments.documents:
        before = document.read_text(encoding="utf-8")
        after, tables = BLOCK.subn(table, before)
        if not tables:
            sys.exit(f"{document} has no table that names its scenario")
        if not arguments.check:
            document.write_text(after, encoding="utf-8")
        elif before != after:
            stale = True
            sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), after.splitlines(True), str(document), "now"))
        print(f"{document}: {tables} tables{', stale' if before != after else ''}")
    sys.exit(1 if stale and arguments.check else 0)


main()
