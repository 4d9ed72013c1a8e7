#!/usr/bin/env python3
"""What connections cost: keep-alive, DNS and kube-proxy against pinned connections, and a thousand Services against W1.

    python3 benches/connections.py [--requests N] [--pairs N] [--clients N]

Keep-alive: CPU a request of ten clients with pooled connections that idle out, names that they remember and kube-proxy
(iptables), against the same clients with one pinned connection each and no DNS. Services: a thousand of ten pods on a
hundred nodes, DNS and keep-alive on, ten clients each (or --clients), against W1 with 10,000 pods; with the largest
memory. In turn; the least disturbed pair is printed first, then the median.
"""
import argparse
import os
import resource
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(HERE, "target", "release", "windtunnel")

SMALL = """\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: small}}
spec:
  run: {{requests: {requests}, warmup: 10%, replications: 1, seed: 1, interval: 1000s}}
  cluster: {{nodes: [{{name: n, count: 4}}]{dns}}}
  workloads:
    - target: deployment/web
      inline: {{replicas: 10, port: 80}}
      containers: {{app: {{concurrency: 64, queue: {{limit: unlimited}}, serviceTime: {{exponential: {{mean: 1ms}}}}}}}}
  traffic:
    - name: t
      to: http://web/
      clients: {{count: 10}}
      arrivals: {{poisson: {{rate: 1000/s}}}}
      connections: {{{connections}}}
{resolver}"""

HEAD = """\
apiVersion: windtunnel/v1
kind: Scenario
metadata: {{name: services}}
spec:
  run: {{requests: {requests}, warmup: 10%, replications: 1, seed: 1, interval: 1000s}}
  cluster: {{nodes: [{{name: n, count: 100}}], dns: {{replicas: 4}}}}
  workloads:
"""
WORKLOAD = """\
    - target: deployment/s{n}
      inline: {{replicas: 10, port: 80}}
      containers: {{app: {{concurrency: 16, serviceTime: {{exponential: {{mean: 10ms}}}}}}}}
"""
TRAFFIC = """\
    - name: t{n}
      from: deployment/s{caller}
      to: http://s{n}/
      clients: {{count: {clients}}}
      arrivals: {{poisson: {{rate: 100/s}}}}
      connections: {{mode: pool, idleTimeout: 90s, serverIdleTimeout: 75s, staleReuse: resend}}
      resolver: {{cache: jvm}}
"""


def measured(command):
    """CPU seconds and the largest memory (KiB) of a command."""
    child = subprocess.Popen(command, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)}\n{errors.decode()}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss


def run(output, text):
    path = os.path.join(output, "bench.yaml")
    with open(path, "w") as file:
        file.write(text)
    return measured([BINARY, "run", path, "-o", os.path.join(output, "out"), "--force", "-q", "-j", "1"])


def w1(output, requests):
    return measured([BINARY, "run", "scenarios/w1.yaml", "-o", os.path.join(output, "out"), "--force", "-q", "-j", "1",
                     "--set", "workloads[deployment/web].inline.replicas=10000",
                     "--set", "traffic[t].arrivals.poisson.rate=8000/s",
                     "--set", f"run.requests={requests}", "--set", "run.replications=1"])


def report(label, rows, unit):
    rows.sort()
    best, middle = rows[0], rows[len(rows) // 2]
    print(f"{label:<52} {best[1]:8.1f} {best[2]:8.1f} {best[0]:6.2f} {middle[0]:6.2f} {unit}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--clients", type=int, default=10, help="clients of each of the thousand Services")
    options = parser.parse_args()
    requests = options.requests
    keep = dict(dns=", dns: {replicas: 2}", resolver="      resolver: {cache: jvm}\n",
                connections="mode: pool, idleTimeout: 90s, serverIdleTimeout: 75s, staleReuse: resend")
    pool = dict(keep, connections="mode: pool")
    pinned = dict(dns="", resolver="", connections="mode: pinned")
    services = HEAD.format(requests=requests)
    services += "".join(WORKLOAD.format(n=n) for n in range(1000))
    traffics = [TRAFFIC.format(n=n, caller=(n + 1) % 1000, clients=options.clients) for n in range(1000)]
    services += "  traffic:\n" + "".join(traffics)
    nanos = 1e9 / requests
    print(f"{'':<52} {'first':>8} {'second':>8} {'best':>6} {'median':>6}")
    with tempfile.TemporaryDirectory() as output:
        for name, kind in (("keep-alive with idle timeouts", keep), ("keep-alive", pool)):
            rows = []
            for _ in range(options.pairs):
                kept = run(output, SMALL.format(requests=requests, **kind))[0]
                stood = run(output, SMALL.format(requests=requests, **pinned))[0]
                rows.append((kept / stood, kept * nanos, stood * nanos))
            report(f"{name}, DNS / pinned, CPU a request", rows, "ns")
        rows, memory = [], 0
        for _ in range(options.pairs):
            (large, most), one = run(output, services), w1(output, requests)[0]
            rows.append((large / one, large * nanos, one * nanos))
            memory = max(memory, most)
        report("1,000 Services / w1 with 10,000 pods, CPU a request", rows, "ns")
        print(f"1,000 Services, largest memory: {memory / 1024:.0f} MiB")


main()
