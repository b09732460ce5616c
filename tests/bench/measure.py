"""Measuring code shared by the benches: CPU of a process tree as the kernel counts it, wrk runs, percentiles, memory."""
import glob
import os
import re
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WRK_REPORT = """
done = function(summary, latency)
  io.write(string.format("REPORT %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout))
end
"""


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


def tree(roots):
    """All processes at or below the given ones."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := read(f"/proc/{entry}/stat")):
            children.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
    found, frontier = set(), list(roots)
    while frontier:
        pid = frontier.pop()
        if pid not in found:
            found.add(pid)
            frontier += children.get(pid, [])
    return found


def cpu_ns(pids):
    """CPU time of all threads, nanoseconds (schedstat)."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            fields = read(path).split()
            total += int(fields[0]) if fields else 0
    return total


def pss_kib(pid):
    found = re.search(r"^Pss:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.M)
    return int(found.group(1)) if found else 0


def wrk(url, host, connections, seconds, pids):
    """One wrk run: requests/s, latency (us), errors, server CPU us per request."""
    script = os.path.join("/tmp", f"perilune-wrk-{os.getpid()}.lua")
    with open(script, "w") as f:
        f.write(WRK_REPORT)
    before = cpu_ns(pids)
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, "--timeout", "10s", "-H", f"Host: {host}", url],
                         capture_output=True, text=True, check=True).stdout
    spent = cpu_ns(pids) - before
    requests, micros, p50, p99, errors = (int(x) for x in re.search(r"REPORT (\d+) (\d+) (\d+) (\d+) (\d+)", out).groups())
    return {"rps": requests * 1e6 / micros, "p50": p50, "p99": p99, "errors": errors, "cpu_us": spent / 1000 / max(1, requests)}


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))] if values else float("nan")


def median(values):
    return statistics.median(values)


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise RuntimeError(f"not within {seconds} s: {what}")
