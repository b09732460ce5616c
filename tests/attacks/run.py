#!/usr/bin/env python3
"""Runs the hostile apps and requests of tests/attacks/cases against a real host.

usage: run.py --binary build/dev/perilune [--level full] [--class strict|fast] [--group ESC,CPU,...] [--case ID] [--extra DIR]
A case is a file: a Lua chunk (groups ESC MEM CPU STK PAR NN and UPL-15: run inside a handler), or a table that
describes what to send (see README.md). A case fails if its own expectation or the oracle that holds for all of them does."""
import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import data_cases
from target import ROOT, Target, read

# What belongs to features that have issues of their own; each is named when it is passed over.
# These wait for the host's clocks (10 to 45 s), which no JIT class changes: they run side by side, in the strict class.
SLOW = ("http-13", "http-15", "upl-13")
LATER = {"NET": "outbound connections", "XT": "KV, actors, cookies across apps", "NN": "actors, timers, KV and metrics of apps"}
WRAPPER = """
local function BREACH(message) log.error('BREACH ' .. tostring(message)) error('BREACH ' .. tostring(message), 0) end
local function NOTE(message) log.info('NOTE ' .. tostring(message)) end
local function CLOCK() return os.clock() end
local HARD = true
local function case(...)
%s
end
return function(sock, req, res)
  _G.HOSTOBJ = sock
  local r = case()
  if type(r) ~= 'string' and type(r) ~= 'number' then r = type(r) end
  res.headers = {['x-case'] = 'done'}
  res.body = 'RET ' .. r
end
"""
# How a worker may end under attack (host/supervisor/exit_reason.cpp); every other reason is a finding.
FAIR_EXITS = {"stopped", "suspended", "failed", "cpu_limit"}


def header(source, name):
    for line in source.splitlines():
        if line.startswith(f"-- {name}:"):
            return line.split(":", 1)[1].strip()
    return ""


def vm_limits(source):
    memory, cpu = 64, 300
    for word in header(source, "limits").split():
        if word.startswith("mem="):
            memory = int(word[4:])
        if word.startswith("cpu="):
            cpu = int(word[4:])
    return f'[limits]\nmemory = "{memory}MiB"\ncpu_ms = {cpu}\nwall_ms = 20000\n', cpu


def run_vm_case(target, tenant, name, source):
    """-> (summary, problems)"""
    manifest, cpu = vm_limits(source)
    if name == "esc-17":  # asks whether the host's globals are seen; an app's own `os` (time, date, clock) is no sign of them
        source = "os = nil\n" + source
    status, answer = target.deploy(tenant, name, {"init.lua": WRAPPER % source, "perilune.toml": manifest})
    if status not in (200, 201):
        # Refused at upload is a safe end where the case is about the parser; anything else is for the reader.
        safe = status == 422 and name.startswith("par")
        return f"upload {status}", [] if safe else [f"upload: {status} {str(answer)[:300]}"]
    began = time.monotonic()
    status, headers, body = target.get(f"{name}.{tenant}.localhost")
    took = (time.monotonic() - began) * 1000
    problems = []
    time.sleep(0.3)  # the host stores log lines in batches of 200 ms
    logs = target.logs(tenant, name)
    text = body.decode(errors="replace")
    if any("BREACH" in str(e.get("message", "")) for e in logs) or "BREACH" in text:
        problems.append("BREACH: " + " | ".join(str(e.get("message"))[:200] for e in logs if "BREACH" in str(e.get("message", ""))))
    if status not in (200, 500):
        problems.append(f"answered {status} {headers.get('perilune-error', '')} {text[:200]}")
    if header(source, "expect").startswith("ended by the CPU limit") and took > cpu + 1200:
        problems.append(f"took {took:.0f} ms at a budget of {cpu} ms")
    if "returns 'alive'" in header(source, "expect") and "alive" not in text:
        problems.append(f"a legitimate app died: {status} {text[:200]}")
    # The app must still be there for the next caller: its limits end a request, never the neighbours in the VM.
    again, _, _ = target.get(f"{name}.{tenant}.localhost")
    if again not in (200, 500):
        problems.append(f"the next request got {again}")
    return f"{status} {headers.get('perilune-error', '')} {took:.0f} ms", problems


def oracle(target, before):
    """What must hold after every case, whatever it says itself."""
    problems = []
    if not target.same_processes():
        problems.append("the host or its launcher is not the process that it was")
        return problems
    samples, failures = target.neighbour()
    if failures:
        problems.append(f"the quiet app failed: {failures[:2]}")
    if len(samples) >= 5 and samples[len(samples) // 2] > 0.100:
        problems.append(f"the quiet app answered in {samples[len(samples) // 2] * 1000:.0f} ms (median)")
    for key, value in target.exits().items():
        if key[2] not in FAIR_EXITS and value > before["exits"].get(key, 0):
            problems.append(f"a worker of {key[0]}/{key[1]} ended by {key[2]}")
    rss, fds = target.host_usage()
    if rss > before["rss"] + 64 * 1024:
        problems.append(f"the host grew from {before['rss']} to {rss} KiB")
    if fds > before["fds"] + 60:
        problems.append(f"the host's descriptors grew from {before['fds']} to {fds}")
    return problems


def snapshot(target):
    rss, fds = target.host_usage()
    return {"exits": target.exits(), "rss": rss, "fds": fds}


def evaluate(path):
    out = subprocess.run(["luajit", os.path.join(ROOT, "tests/attacks/evaluate.lua"), path], capture_output=True, text=True, timeout=60)
    if out.returncode:
        raise RuntimeError(out.stderr)
    case = {}
    for line in out.stdout.splitlines():
        key, value = line.split("\t")
        case.setdefault(key, []).append(bytes.fromhex(value))
    return case


def prepare(target, fast):
    target.tenant("quiet", False)
    target.tenant("att", fast)
    hello = "return function(sock, req, res) res.headers = {['x-app'] = 'called'} res.body = 'Hello World\\n' end\n"
    for tenant, app, code in [("quiet", "hello", hello), ("att", "plain", hello), ("att", "other", hello), ("att", "big", data_cases.BIG)]:
        status, answer = target.deploy(tenant, app, {"init.lua": code})
        if status not in (200, 201):
            raise RuntimeError(f"{app}: {status} {answer}")
    target.watch_neighbour("hello.quiet.localhost")
    target.neighbour()


def run_case(target, path):
    name = os.path.splitext(os.path.basename(path))[0]
    source = read(path)
    before = snapshot(target)
    target.neighbour()
    if "\nreturn { kind=" in source or "\nreturn {kind=" in source:
        case = evaluate(path)
        summary, problems = data_cases.run(target, name, case)
    else:
        summary, problems = run_vm_case(target, "att", name, source)
        target.api("DELETE", f"/v1/tenants/att/apps/{name}")
    if summary is not None:
        problems = problems + oracle(target, before)
    return summary, problems


def run_slow(target, paths):
    """All of `paths` at once, under one oracle. -> [(name, summary, problems)]"""
    before, found = snapshot(target), []
    target.neighbour()

    def one(path):
        name = os.path.splitext(os.path.basename(path))[0]
        try:
            found.append((name, *data_cases.run(target, name, evaluate(path))))
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            found.append((name, "driver", [f"{type(e).__name__}: {e}"]))

    threads = [threading.Thread(target=one, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if found:
        found[-1][2].extend(oracle(target, before))
    return found


def chosen(options):
    """-> (paths one after the other, paths at once)"""
    paths = sorted(glob.glob(os.path.join(ROOT, "tests/attacks/cases/*.lua")) + (glob.glob(options.extra + "/*.lua") if options.extra else []))
    groups, one_by_one, slow = options.group.split(","), [], []
    for path in paths:
        name = os.path.basename(path)[:-4]
        if name != options.case.lower() if options.case else name.split("-")[0].upper() not in groups:
            continue
        if name in SLOW:
            slow += [path] if options.case or options.jit == "strict" else []
        else:
            one_by_one.append(path)
    return one_by_one, slow


class Score:
    def __init__(self, jit):
        self.jit, self.passed, self.failed, self.skipped = jit, 0, 0, 0

    def count(self, name, summary, problems):
        if summary is None:
            self.skipped += 1
            print(f"skip {name}: {problems[0]}", flush=True)
            return
        self.failed, self.passed = self.failed + bool(problems), self.passed + (not problems)
        print(f"{'FAIL' if problems else 'ok  '} {name} {self.jit}: {summary}", flush=True)
        for problem in problems:
            print(f"       {problem}", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--binary", default=os.path.join(ROOT, "build/dev/perilune"))
    options.add_argument("--level", default="full")
    options.add_argument("--class", dest="jit", default="strict", choices=["strict", "fast"])
    options.add_argument("--group", default="ESC,MEM,CPU,STK,PAR,HTTP,UPL,SYS")
    options.add_argument("--case", default="")
    options.add_argument("--extra", default="")
    options = options.parse_args()
    if not shutil.which("luajit"):
        sys.exit("luajit evaluates the cases that are data: install the package luajit")
    doctor = subprocess.run([options.binary, "doctor", "--require-sandbox", options.level], capture_output=True, text=True)
    if doctor.returncode:
        print(f"SKIPPED: the sandbox is below {options.level} here\n{doctor.stdout}{doctor.stderr}")
        return 77
    one_by_one, slow = chosen(options)
    score = Score(options.jit)
    with tempfile.TemporaryDirectory(prefix="perilune-attacks-") as data:
        target = Target(options.binary, data, options.level)
        prepare(target, options.jit == "fast")
        for path in one_by_one:
            name = os.path.basename(path)[:-4]
            try:
                score.count(name, *run_case(target, path))
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                score.count(name, "driver", [f"{type(e).__name__}: {e}"])
        for case in run_slow(target, slow):
            score.count(*case)
        ended = target.stop()
        for problem in ended:
            print(f"FAIL at the end: {problem}")
        if score.failed or ended:
            print("-- the host's log ends with\n" + read(target.log_path)[-3000:])
    print(f"{score.passed} passed, {score.failed + len(ended)} failed, {score.skipped} skipped")
    return 1 if score.failed or ended or not score.passed else 0


if __name__ == "__main__":
    sys.exit(main())
