"""A private nginx in front of a server: its own folder, a free port of 127.0.0.1, and a log of what it forwards."""

import os
import pwd
import re
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.integration.server_process import PATIENCE

# As permissive as it can be: what it refuses itself shows nothing about the server behind it. What it waits for in vain ends
# soon, and a connection that has ended was logged.
_CONFIG: Final = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    log_format forwarded '[$upstream_addr] [$upstream_status] "$request"';
    access_log {folder}/access.log forwarded;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;

    client_max_body_size 0;
    large_client_header_buffers 8 128k;
    ignore_invalid_headers off;
    underscores_in_headers on;
    merge_slashes off;
    client_header_timeout 100ms;
    client_body_timeout 100ms;
    keepalive_timeout 100ms;
    lingering_close off;

    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    upstream server {{ server {upstream}; keepalive 8; }}
    server {{
        listen {listen};
        location / {{
            proxy_pass http://server;
            proxy_http_version 1.1;
            proxy_request_buffering {buffering};
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
        }}
    }}
}}
"""
_LINE: Final = re.compile(r'\[(.*?)\] \[(.*?)\] "(.*)"')


class Nginx:
    """`with Nginx(nginx, folder, server.address) as proxy:`; clients connect to `proxy.address`.

    `buffering` says whether it reads a whole body before it forwards the head, and then frames it anew.
    """

    def __init__(self, program: str, folder: Path, upstream: tuple[str, int], *, buffering: bool = True) -> None:
        self._log = folder / "access.log"
        self._errors = folder / "error.log"
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        host, port = self._listener.getsockname()
        self.address = (str(host), int(port))
        config = folder / "nginx.conf"
        config.write_text(
            _CONFIG.format(
                folder=folder,
                user=pwd.getpwuid(os.geteuid()).pw_name,
                upstream="{}:{}".format(*upstream),
                listen="{}:{}".format(*self.address),
                buffering="on" if buffering else "off",
            )
        )
        # It takes over the listener as it does from an older nginx: nobody else can get the port in between.
        self._process = subprocess.Popen(
            [program, "-p", str(folder), "-e", str(self._errors), "-c", str(config)],
            env={**os.environ, "NGINX": f"{self._listener.fileno()};"},
            pass_fds=(self._listener.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        self._listener.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as after:
            after.callback(self._process.kill)
            self._process.terminate()
            self._process.wait(PATIENCE)

    def forwarded(self) -> list[tuple[str, str]]:
        """The requests that it has forwarded, one for each try, with the status that came back, "-" if none did."""
        lines = map(_LINE.fullmatch, self._log.read_text("latin-1").splitlines())
        return [(line[3], status) for line in lines if line and line[1] != "-" for status in line[2].split(", ")]
