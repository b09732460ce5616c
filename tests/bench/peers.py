"""The peers of the hello bench, started beside ours: nginx with the Lua module, and nginx in front of Node."""
import http.client
import os
import shutil
import subprocess
import tempfile

from measure import tree, wait_for

NODE = """
const http = require('http');
http.createServer((q, r) => { r.setHeader('Content-Type', 'text/plain'); r.end('Hello World\\n'); }).listen(process.argv[2]);
"""
COMMON = """worker_processes 1; daemon off; pid {d}/nginx.pid; error_log {d}/error.log warn; worker_rlimit_nofile 16384; user root;
events {{ worker_connections 4096; }}
http {{ access_log off; default_type text/plain; server_tokens off; tcp_nodelay on; keepalive_requests 100000000;
  client_body_temp_path {d}/b; proxy_temp_path {d}/p; fastcgi_temp_path {d}/f; uwsgi_temp_path {d}/u; scgi_temp_path {d}/s;
"""
LUA = """load_module /usr/lib/nginx/modules/ndk_http_module.so; load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
""" + COMMON + """  init_by_lua_block {{ require 'resty.core' }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ content_by_lua_block {{ ngx.say('Hello World') }} }} }} }}
"""
PROXY = COMMON + """  upstream app {{ server unix:{d}/node.sock; keepalive 256; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; proxy_http_version 1.1; proxy_set_header Connection ""; location / {{ proxy_pass http://app; }} }} }}
"""


class Peer:
    def __init__(self, name, port):
        self.name, self.port = name, port
        self.dir = tempfile.mkdtemp(prefix=f"perilune-{name}-")
        self.processes = []

    def start(self):
        config = os.path.join(self.dir, "nginx.conf")
        if self.name == "nginx-proxy-node":
            script = os.path.join(self.dir, "node.js")
            with open(script, "w") as f:
                f.write(NODE)
            self._run(["node", script, os.path.join(self.dir, "node.sock")])
        with open(config, "w") as f:
            f.write((LUA if self.name == "nginx-lua" else PROXY).format(d=self.dir, port=self.port))
        self._run(["/usr/sbin/nginx", "-c", config, "-e", os.path.join(self.dir, "early.log")])
        wait_for(self._answers, 15, f"{self.name} on port {self.port}")

    def _run(self, argv):
        self.processes.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))

    def _answers(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            c.request("GET", "/")
            return c.getresponse().status == 200
        except OSError:
            return False

    def pids(self):
        return tree(p.pid for p in self.processes)

    def stop(self):
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            p.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)
