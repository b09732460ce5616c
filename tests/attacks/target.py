"""A real host to attack: starts `perilune serve`, uploads apps, and watches what must stay true for every case."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def read(path):
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def raw(port, payload, timeout=15.0, most=1 << 20):
    """Sends bytes, reads until the peer closes, `most` bytes came, or nothing came for a while. -> (bytes, closed)"""
    got, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as s:
        sender = threading.Thread(target=_send_all, args=(s, payload), daemon=True)
        sender.start()
        s.settimeout(1.5)
        end = time.monotonic() + timeout
        try:
            while len(got) < most and time.monotonic() < end:
                piece = s.recv(65536)
                if not piece:
                    closed = True
                    break
                got += piece
                s.settimeout(0.4)  # who has begun to answer does not pause that long
        except socket.timeout:
            pass
        except OSError:
            closed = True
    return got, closed


def _send_all(s, payload):
    try:
        s.sendall(payload)
    except OSError:
        pass  # the host cut us off: that is for the case to judge


class Target:
    """One host with a quiet tenant beside the attacker's."""

    def __init__(self, binary, data, level):
        self.data = data
        self.gateway, self.admin, self.metrics = free_port(), free_port(), free_port()
        self.log_path = os.path.join(data, "serve.log")
        argv = [binary, "serve", "--data-dir", data, "--gateway", f"127.0.0.1:{self.gateway}", "--admin",
                f"127.0.0.1:{self.admin}", "--metrics", f"127.0.0.1:{self.metrics}", "--require-sandbox", level]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self._wait_ready()
        self.launcher = self.process.pid
        self.host = self._find_host()
        self._born = {pid: self._birth(pid) for pid in self.host_pids()}
        self.token = read(os.path.join(data, "admin.token")).strip()
        self.worst_neighbour = 0.0
        self._stop = threading.Event()

    def _wait_ready(self):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                c = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=2)
                c.request("GET", "/readyz")
                if c.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError("serve ended:\n" + read(self.log_path)[-2000:])
            time.sleep(0.05)
        raise RuntimeError("serve is not ready:\n" + read(self.log_path)[-2000:])

    # -- REST -------------------------------------------------------------------------------------

    def api(self, method, path, body=None, content_type="application/json", token=None, timeout=30):
        c = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=timeout)
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = {"Authorization": "Bearer " + (self.token if token is None else token)}
        if data is not None:
            headers["Content-Type"] = content_type
        try:
            c.request(method, path, data, headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of the body was sent: the answer is there all the same
        r = c.getresponse()
        text = r.read()
        c.close()
        try:
            return r.status, json.loads(text or b"null")
        except ValueError:
            return r.status, text

    def tenant(self, slug, fast):
        status, answer = self.api("POST", "/v1/tenants", {"slug": slug, "class": "fast" if fast else "strict"})
        if status not in (200, 201, 409):
            raise RuntimeError(f"tenant {slug}: {status} {answer}")

    def deploy(self, tenant, app, files):
        return self.api("POST", f"/v1/tenants/{tenant}/apps/{app}/versions?deploy=true&wait=ready", {"files": files})

    def logs(self, tenant, app):
        status, page = self.api("GET", f"/v1/tenants/{tenant}/apps/{app}/logs?limit=500")
        return page.get("items", []) if status == 200 and isinstance(page, dict) else []

    def get(self, host, path="/", timeout=30):
        """-> (status, headers, body); status 0: the connection failed"""
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.gateway, timeout=timeout)
            c.request("GET", path, headers={"Host": host})
            r = c.getresponse()
            return r.status, dict((k.lower(), v) for k, v in r.getheaders()), r.read()
        except (OSError, http.client.HTTPException) as e:
            return 0, {}, str(e).encode()

    # -- the oracle -------------------------------------------------------------------------------

    def watch_neighbour(self, host):
        """From now on the quiet app is asked every 100 ms; `neighbour()` gives the latencies since last asked."""
        self.samples, self.failures = [], []

        def loop():
            while not self._stop.wait(0.1):
                t = time.monotonic()
                status, _, body = self.get(host, timeout=10)
                self.samples.append(time.monotonic() - t)
                if status != 200:
                    self.failures.append((status, body[:80]))

        threading.Thread(target=loop, daemon=True).start()

    def neighbour(self):
        samples, failures = self.samples, self.failures
        self.samples, self.failures = [], []
        return sorted(samples), failures

    def exits(self):
        """worker_exits_total by (tenant, app, reason)"""
        c = http.client.HTTPConnection("127.0.0.1", self.metrics, timeout=5)
        c.request("GET", "/metrics")
        text = c.getresponse().read().decode()
        found = {}
        for labels, value in re.findall(r"^perilune_worker_exits_total\{([^}]*)\} (\S+)", text, re.M):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found[(label.get("tenant"), label.get("app"), label.get("reason"))] = float(value)
        return found

    def processes(self):
        """pid -> command of the whole process tree"""
        tree, frontier = {}, [self.process.pid]
        parents = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                stat = read(f"/proc/{entry}/stat")
                if stat:
                    parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(entry))
        while frontier:
            pid = frontier.pop()
            tree[pid] = read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()
            frontier += parents.get(pid, [])
        return tree

    def _find_host(self):
        """The launcher's oldest child that runs the same command: workers that are not exec'ed yet look like it, but
        come later."""
        command = read(f"/proc/{self.launcher}/cmdline")
        children = [p for p in self.processes() if self._parent(p) == self.launcher]
        hosts = [p for p in children if read(f"/proc/{p}/cmdline") == command]
        if not hosts:
            raise RuntimeError("the launcher has no host below it")
        return min(hosts, key=self._birth)

    @staticmethod
    def _stat(pid):
        return read(f"/proc/{pid}/stat").rsplit(")", 1)[-1].split()

    def _parent(self, pid):
        stat = self._stat(pid)
        return int(stat[1]) if len(stat) > 1 else 0

    def _birth(self, pid):
        """Start time in clock ticks; 0 when it is dead."""
        stat = self._stat(pid)
        return int(stat[19]) if len(stat) > 19 and stat[0] not in "ZX" else 0

    def host_pids(self):
        return [self.launcher, self.host]

    def same_processes(self):
        """Launcher and host are the processes that were started."""
        return self.process.poll() is None and all(self._birth(p) == born for p, born in self._born.items())

    def host_usage(self):
        """(RSS in KiB, open descriptors) of launcher and host together"""
        rss = fds = 0
        for pid in self.host_pids():
            m = re.search(r"VmRSS:\s+(\d+)", read(f"/proc/{pid}/status"))
            rss += int(m.group(1)) if m else 0
            try:
                fds += len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                pass
        return rss, fds

    def host_cpu_ms(self):
        ticks = 0
        for pid in self.host_pids():
            fields = read(f"/proc/{pid}/stat").rsplit(")", 1)
            if len(fields) == 2:
                values = fields[1].split()
                ticks += int(values[11]) + int(values[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")

    def stop(self):
        """SIGTERM; -> problems"""
        self._stop.set()
        before = self.processes()
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return ["serve does not end on SIGTERM"]
        time.sleep(0.5)
        left = [p for p in before if os.path.exists(f"/proc/{p}") and "perilune" in read(f"/proc/{p}/cmdline") + read(f"/proc/{p}/comm")]
        problems = [] if status == 0 else [f"serve ended with status {status}"]
        return problems + ([f"processes left: {left}"] if left else [])
