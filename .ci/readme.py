"""Checks that the output printed in the README is what the quickstart printed just now."""

import pathlib
import re
import sys


def main(readme, printed):
    text = pathlib.Path(readme).read_text(encoding="utf-8")
    block = re.search(r"<!-- quickstart output -->\n(.*?)<!-- end of quickstart output -->", text, re.DOTALL)
    if block is None:
        sys.exit("README.md has no block between the comments `quickstart output` and `end of quickstart output`")
    shown = [line.rstrip() for line in block.group(1).strip().splitlines()]
    if not shown:
        print("README.md shows no output of the quickstart: nothing to compare with")
        return
    # The fence around the output.
    shown = shown[1:-1]
    real = [line.rstrip() for line in pathlib.Path(printed).read_text(encoding="utf-8").strip().splitlines()]
    for number, (left, right) in enumerate(zip(shown, real), 1):
        if left != right:
            sys.exit(f"README.md, line {number} of the quickstart's output\n- {left}\n+ {right}")
    if len(shown) != len(real):
        sys.exit(f"README.md shows {len(shown)} lines of the quickstart's output, it has {len(real)}")
    print(f"README.md shows the {len(real)} lines that the quickstart prints")


main(*sys.argv[1:])
