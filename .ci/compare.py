"""Compares two result directories: identical apart from the object `volatile` in run.json."""

import json
import pathlib
import sys


def files(directory):
    found = {}
    for path in pathlib.Path(directory).iterdir():
        content = path.read_bytes()
        if path.name == "run.json":
            run = json.loads(content)
            del run["volatile"]
            content = json.dumps(run, indent=2).encode()
        found[path.name] = content
    return found


def main(old, new):
    before, after = files(old), files(new)
    names = sorted(before.keys() | after.keys())
    different = [name for name in names if before.get(name) != after.get(name)]
    for name in different:
        print(f"{name} differs from the committed reference result", file=sys.stderr)
        if name in before and name in after:
            pairs = zip(before[name].decode().splitlines(), after[name].decode().splitlines())
            for number, (left, right) in enumerate(pairs, 1):
                if left != right:
                    print(f"  line {number}\n  - {left}\n  + {right}", file=sys.stderr)
                    break
    if different:
        sys.exit(1)
    print(f"{len(names)} files as committed")


main(*sys.argv[1:])
