#!/usr/bin/env python3
"""The numbers of the whole path: upload, sandboxed worker, gateway. Real host, real sandbox, release build.

usage: first_light.py [hello|cold|memory|cpu-limit|neighbour]...   default: all
  --binary build/release/perilune   --class strict|fast (the attacked tenant's JIT class)   --rounds 3   --seconds 4
hello needs wrk, nginx, libnginx-mod-http-lua, lua-resty-core and nodejs for the peers; rounds are interleaved and ratios are per round."""
import argparse
import os
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "attacks"))
from measure import median, percentile, pss_kib, tree, wrk  # noqa: E402
from peers import Peer  # noqa: E402
from target import ROOT, Target, free_port  # noqa: E402

HELLO = "return function(sock, req, res) res.body = 'Hello World\\n' end\n"
SPIN = "return function(sock, req, res) while true do end end\n"


def check(answer, what):
    if answer[0] not in (200, 201):
        raise RuntimeError(f"{what}: {answer}")


def app_status(target, tenant, app):
    status, body = target.api("GET", f"/v1/tenants/{tenant}/apps/{app}")
    if status != 200:
        raise RuntimeError(f"{tenant}/{app}: {status} {body}")
    return body.get("status") or {}


def hello(target, options):
    check(target.deploy("bench", "hello", {"init.lua": HELLO, "perilune.toml": "[limits]\nconcurrency = 1000\n"}), "hello")
    peers = [Peer(n, free_port()) for n in ("nginx-lua", "nginx-proxy-node")]
    rows = {"perilune": []}
    try:
        for p in peers:
            p.start()
            rows[p.name] = []
        for number in range(options.rounds + 1):
            for p in [None] + peers if number % 2 == 0 else peers[::-1] + [None]:
                port, pids = (target.gateway, tree([target.process.pid])) if p is None else (p.port, p.pids())
                host = "hello.bench.localhost" if p is None else "x"
                sample = wrk(f"http://127.0.0.1:{port}/", host, 64, options.seconds if number else 2, pids)
                if number:
                    rows["perilune" if p is None else p.name].append(sample)
    finally:
        for p in peers:
            p.stop()
    base = rows["nginx-lua"]
    print("hello, 64 connections: server CPU us/request, ratio to nginx-lua in the same round")
    for name, samples in rows.items():
        ratio = [s["cpu_us"] / b["cpu_us"] for s, b in zip(samples, base)]
        print(f"  {name:18} {median([s['cpu_us'] for s in samples]):6.1f} us   ratio {median(ratio):.2f} ({min(ratio):.2f}..{max(ratio):.2f})   "
              f"{median([s['rps'] for s in samples]):8.0f} req/s   p50 {median([s['p50'] for s in samples]):.0f} us   p99 {median([s['p99'] for s in samples]):.0f} us   "
              f"errors {sum(s['errors'] for s in samples)}")


def cold_requests(target, count):
    """Time of the first request to `count` apps that were deployed but are not running."""
    times = []
    for i in range(count):
        slug = f"cold-{i}"
        check(target.api("POST", f"/v1/tenants/bench/apps/{slug}/versions?deploy=true", {"files": {"init.lua": HELLO}}), slug)
    time.sleep(2)  # the spares are refilled
    for i in range(count):
        if app_status(target, "bench", f"cold-{i}").get("state") != "idle":
            continue  # it was started by its deployment: not a cold one
        t = time.monotonic()
        status, _, _ = target.get(f"cold-{i}.bench.localhost")
        if status == 200:
            times.append((time.monotonic() - t) * 1000)
        time.sleep(0.05)
    for i in range(count):
        target.api("DELETE", f"/v1/tenants/bench/apps/cold-{i}")
    return times


def cold(options):
    for spares in (2, 0):
        with tempfile.TemporaryDirectory() as data:
            os.environ["PERILUNE_SPARES"] = str(spares)
            target = Target(options.binary, data, options.level)
            try:
                target.tenant("bench", False)
                times = cold_requests(target, 40)
                print(f"cold request, {spares} spares: p50 {percentile(times, 0.5):.1f} ms, p99 {percentile(times, 0.99):.1f} ms ({len(times)} apps)")
            finally:
                target.stop()
                del os.environ["PERILUNE_SPARES"]


def memory(target, _options):
    count = 50
    for i in range(count):
        check(target.deploy("bench", f"idle-{i}", {"init.lua": HELLO}), "idle app")
        target.get(f"idle-{i}.bench.localhost")
    pids = [app_status(target, "bench", f"idle-{i}").get("pid") for i in range(count)]
    sizes = [pss_kib(p) for p in pids if p]
    print(f"PSS of a running idle app: median {median(sizes):.0f} KiB, most {max(sizes)} KiB ({len(sizes)} apps, all running)")
    for i in range(count):
        target.api("DELETE", f"/v1/tenants/bench/apps/idle-{i}")


def cpu_limit(target, options):
    for fast in (False, True):
        tenant = "jit" if fast else "bench"
        target.tenant(tenant, fast)
        check(target.deploy(tenant, "spin", {"init.lua": SPIN, "perilune.toml": "[limits]\ncpu_ms = 100\n"}), "spin")
        times = []
        for _ in range(20):
            t = time.monotonic()
            status, headers, _ = target.get(f"spin.{tenant}.localhost")
            times.append((time.monotonic() - t) * 1000)
            if status != 500 or headers.get("perilune-error") != "cpu_limit":
                raise RuntimeError(f"answered {status} {headers}")
        print(f"ending `while true do end` at a 100 ms budget, JIT {'on' if fast else 'off'}: p50 {percentile(times, 0.5):.1f} ms, p99 {percentile(times, 0.99):.1f} ms")
        target.api("DELETE", f"/v1/tenants/{tenant}/apps/spin")


def latencies(target, host, seconds):
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        t = time.monotonic()
        target.get(host)
        found.append((time.monotonic() - t) * 1000)
        time.sleep(0.005)
    return found


def neighbour(target, options):
    target.tenant("noisy", False)
    check(target.deploy("bench", "quiet", {"init.lua": HELLO}), "quiet")
    check(target.deploy("noisy", "spin", {"init.lua": SPIN, "perilune.toml": "[limits]\ncpu_ms = 2000\nwall_ms = 20000\n"}), "spin")
    alone = latencies(target, "quiet.bench.localhost", options.seconds)
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            target.get("spin.noisy.localhost")

    threads = [threading.Thread(target=spin, daemon=True) for _ in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    beside = latencies(target, "quiet.bench.localhost", options.seconds * 2)
    stop.set()
    for t in threads:
        t.join(30)
    print(f"quiet app: alone p50 {percentile(alone, 0.5):.2f} p99 {percentile(alone, 0.99):.2f} ms; beside four spinning requests p50 "
          f"{percentile(beside, 0.5):.2f} p99 {percentile(beside, 0.99):.2f} ms (aim: p99 <= {2 * percentile(alone, 0.99) + 20:.1f} ms)")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("what", nargs="*", default=["hello", "memory", "cpu-limit", "neighbour", "cold"])
    options.add_argument("--binary", default=os.path.join(ROOT, "build/release/perilune"))
    options.add_argument("--level", default="full")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=4)
    options = options.parse_args()
    runners = {"hello": hello, "memory": memory, "cpu-limit": cpu_limit, "neighbour": neighbour}
    if any(w in runners for w in options.what):
        with tempfile.TemporaryDirectory() as data:
            target = Target(options.binary, data, options.level)
            try:
                target.tenant("bench", False)
                for what in options.what:
                    if what in runners:
                        runners[what](target, options)
            finally:
                target.stop()
    if "cold" in options.what:
        cold(options)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
