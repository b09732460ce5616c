"""The attack cases that are data: what is sent to the gateway, to the admin listener, or looked at from outside."""
import os
import re
import socket
import time

from target import raw, read

BIG = """
local piece = ('x'):rep(16384)
return function(sock, req, res)
  sock:write_response_metadata(res)
  for i = 1, 6400 do
    res.body = piece
    sock:write(res)
  end
  sock:write_end_of_message()
end
"""
# Variants of one file that may also end otherwise: (case, number of the variant) -> statuses that are right.
ALSO = {
    # HTTP-23: absolute-form wins; case, dot and port are normalised away; the rest is no host at all.
    ("http-23", 2): {200}, ("http-23", 3): {200},
    # HTTP-29: an unknown minor version may be 505; a leading empty line is allowed by RFC 9112, section 2.2.
    ("http-29", 3): {505}, ("http-29", 7): {200}, ("http-29", 6): {200, 501},
    # HTTP-33: a name with an underscore is a legal token and stays a header of its own.
    ("http-33", 6): {200},
    # HTTP-31: paths go to the app as they are; a NUL or a raw backslash may be refused.
    ("http-31", 0): {200, 400}, ("http-31", 1): {200, 400}, ("http-31", 2): {200, 400}, ("http-31", 3): {200, 400},
    ("http-31", 4): {200, 400}, ("http-31", 5): {200, 400}, ("http-31", 6): {200, 400},
}


def localise(payload):
    """The cases name a.test and b.test; ours are plain.att and other.att below localhost."""
    payload = re.sub(rb"(?i)\ba\.test\b", lambda m: b"PLAIN.ATT.LOCALHOST" if m.group(0).isupper() else b"plain.att.localhost", payload)
    return payload.replace(b"b.test", b"other.att.localhost")


def statuses(answer):
    return [int(s) for s in re.findall(rb"(?:^|\r\n)HTTP/1\.[01] (\d{3}) ", answer)] or ([int(m.group(1))] if (m := re.match(rb"HTTP/1\.[01] (\d{3})", answer)) else [])


def one_request(target, name, number, payload, case):
    """Sends one payload and holds the answer against the case's expectation. -> (summary, problems)"""
    cpu = target.host_cpu_ms()
    answer, closed = raw(target.gateway, localise(payload), timeout=20, most=4 << 20)
    got = statuses(answer)
    problems = []
    allowed = {int(s) for s in case.get("expect.status", [])} | ALSO.get((name, number), set())
    if allowed and not set(got[:1]) <= allowed:
        problems.append(f"variant {number}: answered {got[:3]}, expected one of {sorted(allowed)}: {payload[:80]!r}")
    if allowed and not got and not closed:
        problems.append(f"variant {number}: no answer and not closed")
    refused = bool(got) and got[0] >= 400
    if case.get("expect.app_called") == [b"false"] and refused and b"x-app: called" in answer.lower():
        problems.append(f"variant {number}: the app was called")
    if case.get("expect.close") == [b"true"] and refused and got[0] != 404 and not closed:
        problems.append(f"variant {number}: the connection stays open after {got[:1]}")
    if "expect.replies_at_most" in case and len(got) > int(case["expect.replies_at_most"][0]):
        problems.append(f"{len(got)} replies")
    if "expect.max_host_cpu_ms" in case and target.host_cpu_ms() - cpu > float(case["expect.max_host_cpu_ms"][0]):
        problems.append(f"the host used {target.host_cpu_ms() - cpu:.0f} ms of CPU")
    return str(got[:2]), problems


def run_http(target, name, case):
    payloads = case.get("send", [])[:1] + case.get("variant", [])
    if name == "http-19":  # its variants are bodies: the head of the first payload goes before them
        head = payloads[0].split(b"\r\n\r\n")[0] + b"\r\n\r\n"
        payloads = payloads[:1] + [head + v for v in case.get("variant", [])]
    if name == "http-33":  # its variants are header lines
        payloads = payloads[:1] + [b"POST / HTTP/1.1\r\nHost: a.test\r\n" + v + b"\r\n\r\n" for v in case.get("variant", [])]
    if name == "http-31":  # its variants are targets
        payloads = payloads[:1] + [b"GET " + v + b" HTTP/1.1\r\nHost: a.test\r\n\r\n" for v in case.get("variant", [])]
    summaries, problems = [], []
    for number, payload in enumerate(payloads):
        summary, found = one_request(target, name, number, payload, case)
        summaries.append(summary)
        problems += found
    return " ".join(summaries), problems


def run_slow(target, name, case):
    upload = name.startswith("upl")
    port = target.admin if upload else target.gateway
    payload = localise(case["send"][0])
    if upload:
        payload = (f"POST /v1/tenants/att/apps/slow/versions HTTP/1.1\r\nHost: admin\r\nAuthorization: Bearer {target.token}\r\n"
                   "Content-Type: application/gzip\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
    sockets = []
    for _ in range(int(case.get("conns", [b"1"])[0])):
        s = socket.create_connection(("127.0.0.1", port), timeout=5)
        s.sendall(payload)
        s.settimeout(0.001)
        sockets.append(s)
    limit = float(case["expect.closed_within_s"][0])
    began, pause = time.monotonic(), int(case.get("then_byte_every_ms", [b"1000"])[0]) / 1000
    while sockets and time.monotonic() - began < limit + 3:
        time.sleep(pause)
        sockets = [s for s in sockets if still_open(s, b"1")]
    took = time.monotonic() - began
    for s in sockets:
        s.close()
    return f"closed after {took:.0f} s", [f"{len(sockets)} connections are open after {took:.0f} s"] if sockets else []


def still_open(s, byte):
    try:
        s.send(byte)
        try:
            if s.recv(4096) == b"":
                s.close()
                return False
        except (socket.timeout, BlockingIOError):
            pass
        return True
    except OSError:
        s.close()
        return False


def run_slow_read(target, name, case):
    rss, _ = target.host_usage()
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(("127.0.0.1", target.gateway))
    s.sendall(localise(case["send"][0]).replace(b"plain.att", b"big.att"))
    limit = float(case["expect.closed_within_s"][0])
    began, worst = time.monotonic(), rss
    s.settimeout(2)
    ended = False
    while time.monotonic() - began < limit:
        time.sleep(1)
        worst = max(worst, target.host_usage()[0])
        try:
            if s.recv(1) == b"":
                ended = True
                break
        except socket.timeout:
            pass
        except OSError:
            ended = True
            break
        if time.monotonic() - began > 45:  # what the kernel buffered can be read for hours: look at the host's end
            ended = True
            break
    s.close()
    problems = [] if ended else ["the connection lives on"]
    if worst - rss > 16 * 1024:
        problems.append(f"the host grew by {worst - rss} KiB for one slow reader")
    return f"host +{worst - rss} KiB", problems


def run_app(target, name, case):
    if name not in ("http-25", "http-27"):
        return None, ["needs what has an issue of its own"]
    code = case["code"][0].decode()
    adapter = "local h = (function() %s end)()\nreturn function(sock, req, res) local r = h(req, res) if type(r) == 'string' then res.body = r end end\n"
    bodies = [code] + [code.replace("204", v.decode() if re.fullmatch(r"-?[\d.]+", v.decode()) else f"'{v.decode()}'") for v in case.get("variant", [])]
    problems, summaries = [], []
    for number, body in enumerate(bodies):
        status, answer = target.deploy("att", name, {"init.lua": adapter % body})
        if status not in (200, 201):
            problems.append(f"upload: {status} {str(answer)[:200]}")
            continue
        ask = f"GET / HTTP/1.1\r\nHost: {name}.att.localhost\r\n\r\n".encode()
        probe = b"GET / HTTP/1.1\r\nHost: plain.att.localhost\r\nConnection: close\r\n\r\n"
        answer, closed = raw(target.gateway, ask + ask + probe, timeout=10)
        got = statuses(answer)
        summaries.append(str(got))
        # In sync: three answers and the last one is the plain app's, or the connection was closed on the way.
        if not (len(got) == 3 and answer.endswith(b"Hello World\n")) and not (closed and len(got) < 3):
            problems.append(f"variant {number}: out of sync: {answer[:300]!r}")
        if any(s < 100 or s > 599 for s in got):
            problems.append(f"variant {number}: status {got}")
    target.api("DELETE", f"/v1/tenants/att/apps/{name}")
    return " ".join(summaries), problems


def run_upload(target, name, case):
    before = set(os.listdir("/tmp"))
    status, answer = target.api("POST", f"/v1/tenants/att/apps/{name}/versions", case["body"][0], "application/x-tar", timeout=60)
    allowed = {int(s) for s in case.get("expect.status", [])}
    problems = [] if status in allowed else [f"answered {status}, expected {sorted(allowed)}: {str(answer)[:300]}"]
    if status == 422 and not (isinstance(answer, dict) and answer.get("diagnostics")):
        problems.append(f"422 without diagnostics: {str(answer)[:300]}")
    new = [f for f in set(os.listdir("/tmp")) - before if "pwned" in f]
    return str(status), problems + ([f"new files: {new}"] if new else [])


def run_inspect(target, name, case):
    """SYS-05: the worker of the quiet app as /proc shows it."""
    status, app = target.api("GET", "/v1/tenants/quiet/apps/hello")
    pid = app.get("status", app).get("pid") if isinstance(app, dict) else None
    if not pid:
        return "no pid", [f"the API does not tell the worker's process: {status} {str(app)[:300]}"]
    text = read(f"/proc/{pid}/status")
    problems = []
    for key, want in [("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("CapBnd", "0" * 16), ("NoNewPrivs", "1"), ("Seccomp", "2")]:
        found = re.search(rf"^{key}:\s+(\S+)", text, re.M)
        if not found or found.group(1) != want:
            problems.append(f"{key} is {found and found.group(1)}, expected {want}")
    uid = re.search(r"^Uid:\s+(\d+)", text, re.M)
    if os.getuid() == 0 and (not uid or uid.group(1) == "0"):
        problems.append(f"uid {uid and uid.group(1)}")
    for ns in ("pid", "mnt", "net", "ipc", "uts", "cgroup"):
        if os.readlink(f"/proc/{pid}/ns/{ns}") == os.readlink(f"/proc/self/ns/{ns}"):
            problems.append(f"shares the {ns} namespace")
    entries = os.listdir(f"/proc/{pid}/root")
    if entries:
        problems.append(f"its root holds {entries[:5]}")
    return f"pid {pid}", problems


ELSEWHERE = {
    "native": "sandbox_tests: every system call, argument filters, W^X in a locked worker",
    "ipc-fuzz": "fuzz_link_* and the gateway's violation tests",
    "fault": "sandbox_tests: each step of the start made to fail",
}


def run(target, name, case):
    """-> (summary, problems); summary None: passed over, with the reason"""
    kind = case["kind"][0].decode()
    if kind in ELSEWHERE:
        return None, [f"tested by {ELSEWHERE[kind]}"]
    runners = {"http": run_http, "http-slow": run_slow, "http-slow-read": run_slow_read, "app": run_app, "upload": run_upload, "inspect": run_inspect}
    if kind not in runners:
        return None, [f"no driver for kind {kind} yet"]
    return runners[kind](target, name, case)
