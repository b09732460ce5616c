#!/usr/bin/env python3
"""What fibers and VMs cost: rates per CPU-second of the whole process (start included), JIT on and off; memory of idle fibers and VMs.

usage: concurrency.py [rates|memory|vm]...   default: all
  --binary build/release/perilune   --rounds 5
vm needs the program vm_bench (cmake --build --preset release --target vm_bench)."""
import argparse
import os
import re
import resource
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from measure import HERE, median, read  # noqa: E402

SCRIPTS = os.path.join(HERE, "concurrency")
# name, script, how often, unit, what Emilua 0.5.3 reached per CPU-second on such a machine (median)
RATES = [
    ("spawn + join", "spawn_join", 1_000_000, 0.10e6),
    ("spawn 1000, join 1000", "spawn_batch", 1_000_000, 0.11e6),
    ("yield switches", "yield", 4_000_000, 5.7e6),
    ("condition variable round trips", "condition", 1_000_000, 0.79e6),
]


def run(binary, script, count, jit):
    """CPU seconds and the largest resident set (KiB) of one run."""
    command = [binary, "run"] + ([] if jit else ["--no-jit"]) + [os.path.join(SCRIPTS, script + ".lua"), str(count)]
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{command}: exit status {child.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def rates(options):
    print("rate per CPU-second, median (best) of the rounds; Emilua 0.5.3's median on such a machine")
    for name, script, count, peer in RATES:
        row = f"  {name:32}"
        for jit in (True, False):
            results = [count / run(options.binary, script, count, jit)[0] for _ in range(options.rounds)]
            row += f" JIT {'on ' if jit else 'off'} {median(results) / 1e6:6.2f} M/s ({max(results) / 1e6:.2f})  "
        print(row + f" Emilua {peer / 1e6:.2f} M/s", flush=True)


def anonymous_kib(binary, count):
    child = subprocess.Popen([binary, "run", os.path.join(SCRIPTS, "idle_fibers.lua"), str(count)], stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout.readline() != "READY\n":
            raise RuntimeError("idle_fibers.lua did not start")
        return int(re.search(r"^Anonymous:\s+(\d+)", read(f"/proc/{child.pid}/smaps_rollup"), re.M).group(1))
    finally:
        child.kill()
        child.wait()


def memory(options):
    few, many = 1000, 51000
    each = (anonymous_kib(options.binary, many) - anonymous_kib(options.binary, few)) * 1024 / (many - few)
    print(f"an idle fiber: {each:.0f} bytes resident (Emilua: 2250)")
    small, large = (run(options.binary, "spawn_join", n, True)[1] for n in (100_000, 2_000_000))
    print(f"largest resident set after 100,000 spawn + join {small} KiB, after 2,000,000 {large} KiB (Emilua: 1.15 KiB each)")


def vm(options):
    program = os.path.join(os.path.dirname(options.binary), "tests", "vm_bench")
    print("a hosted VM (Emilua: 280 us, 158 KiB)")
    subprocess.run([program], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], "rates", "memory", "vm"])
    parser.add_argument("--binary", default=os.path.join(HERE, "..", "..", "build", "release", "perilune"))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in options.what or ["rates", "memory", "vm"]:
        {"rates": rates, "memory": memory, "vm": vm}[name](options)


if __name__ == "__main__":
    main()
