"""Ten times the requests may need at most a tenth more memory at the peak."""

import pathlib
import subprocess
import sys
import time

LIMIT = 1.1

# A scenario, and the same run of it ten times as long. With all requests logged the rows go to disk as they come.
CASES = [
    ("scenarios/w1.yaml", ["--set", "run.requests=1000000"], ["--set", "run.requests=10000000"]),
    ("scenarios/w4.yaml", ["--set", "run.requests=300000"], ["--set", "run.requests=3000000"]),
    ("scenarios/quickstart.yaml", ["--duration", "2m", "--requests", "all"], ["--duration", "20m", "--requests", "all"]),
]


def peak(arguments):
    """Peak resident memory in kilobytes, as the kernel counts it for the process.

    Read while the process runs: what `getrusage` reports for a child begins with what its parent had.
    """
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    status = pathlib.Path(f"/proc/{process.pid}/status")
    most = 0
    while process.poll() is None:
        try:
            lines = status.read_text().splitlines()
        except OSError:
            break
        if any(line.startswith("Name:\twindtunnel") for line in lines):
            most = max([most, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))])
        time.sleep(0.002)
    # 1: an objective is undecided, as it is with one replication.
    if process.wait() not in (0, 1) or most == 0:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}, peak {most} kB")
    return most


def main(windtunnel, scratch):
    if not pathlib.Path("/proc/self/status").exists():
        print("no /proc on this system: skipped")
        return
    failed = False
    for number, (scenario, short, long) in enumerate(CASES):
        common = ["--replications", "1", "--jobs", "1", "--quiet", "--output", str(pathlib.Path(scratch) / str(number))]
        before = peak([windtunnel, "run", scenario, *common, *short])
        after = peak([windtunnel, "run", scenario, *common, *long])
        print(f"{scenario}: {before} kB, ten times the requests {after} kB, ratio {after / before:.3f}")
        failed |= after > LIMIT * before
    if failed:
        sys.exit(f"the peak grew by more than {LIMIT}")


main(*sys.argv[1:])
