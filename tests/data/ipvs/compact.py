#!/usr/bin/env python3
"""Writes recordings of IPVS (JSON lines, gzipped or not) in the short form that tests/ipvs_recordings.rs reads.

usage: compact.py FILE.jsonl[.gz]... > recordings.txt

Of the counters only those that a step changes are written: SERVER=WEIGHT/ACTIVE/INACTIVE. README.md has the grammar.
"""

import gzip
import json
import sys


def lines(name):
    opener = gzip.open if name.endswith(".gz") else open
    with opener(name, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def service(number, spec):
    words = ["service", str(number), f"{spec['vip']}:{spec['port']}", spec["proto"], spec["scheduler"]]
    words += spec["flags"]
    if spec["persist_s"]:
        words.append(f"persist={spec['persist_s']}/{spec['netmask'] or '255.255.255.255'}")
    if spec["one_packet"]:
        words.append("one-packet")
    print(*words)
    for server in spec["servers_in_order_of_addition"]:
        name, address, weight = server[:3]
        print("server", number, name, address, weight, *server[3:])


def operation(step):
    op = step["op"]
    where = f"@{step['svc']}" if step.get("svc") else ""
    if op in ("open", "oc", "udp"):
        client = f"{step['src']}:{step['sport']}"
        if op == "oc":
            return ["oc", where, client, step.get("how") or "c"]
        return [op, where, client] + ([step["id"]] if op == "open" else [])
    if op == "close":
        return ["close", step["id"], step["how"]]
    if op == "send":
        return ["send", step["id"]]
    if op in ("add", "edit"):
        return [op, where, step["srv"], step["w"]]
    if op == "del":
        return [op, where, step["srv"]]
    if op == "svcedit":
        return [op, where, step["sched"], step.get("persist") or 0]
    if op == "sysctl":
        return ["set"] + [f"{key}={value}" for key, value in step.items() if key != "op"]
    if op in ("sleep", "until", "conns"):
        return None
    raise SystemExit(f"unknown step {step}")


def outcome(step):
    if step["op"] in ("open", "oc", "udp"):
        if step["pick"] is not None:
            return step["pick"]
        return "-" if step.get("err") == "ECONNREFUSED" or step["op"] == "udp" else "?"
    if step["op"] == "send":
        return "?" if step.get("err") else "+"
    return None


def changes(known, where, counters):
    """What differs from the last counters of the service; remembers the new ones."""
    if counters is None:
        return []
    before = known.get(where, {})
    after = known[where] = {name: tuple(numbers) for name, *numbers in counters}
    seen = [f"{name}={w}/{a}/{i}" for name, (w, a, i) in after.items() if before.get(name) != (w, a, i)]
    return seen + ([] if list(before) == list(after) else ["order=" + ",".join(after)])


def sequence(record):
    watched = any(step.get("after") is not None for step in record["steps"])
    print("sequence", record["id"], *([] if watched else ["unwatched"]))
    if record.get("sysctl"):
        print("set", *(f"{key}={value}" for key, value in record["sysctl"].items()))
    for number, spec in enumerate(record["services"]):
        service(number, spec)
    known = {}
    slept = 0.0
    told = 0.0
    for step in record["steps"]:
        if step["op"] == "sleep":
            slept += step["s"]
        time = step.get("t", slept)
        if time != told:
            print("at", time)
            told = time
        words = operation(step)
        where = step.get("svc", 0)
        look = f"look @{where}" if where else "look"
        seen = changes(known, where, step.get("before"))
        if seen:
            print(look, "|", *seen)
        seen = changes(known, where, step.get("after"))
        if words is None and not seen:
            continue
        words = [str(word) for word in words or [look] if word != ""]
        if outcome(step) is not None:
            words += ["=", outcome(step)]
        print(*words, *(["|"] + seen if seen else []))
    for where, counters in enumerate(record["final_counters"]):
        seen = changes(known, where, counters)
        if seen:
            print("look", *([f"@{where}"] if where else []), "|", *seen)


def main():
    for name in sys.argv[1:]:
        for record in lines(name):
            if "services" in record and "anomaly" not in record:
                sequence(record)


main()
