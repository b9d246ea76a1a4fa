"""HTTP posts by requests, over connections that end in time, and with no settings from the environment."""

from __future__ import annotations

import logging
import socket
import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from pacs_monitor.deadline import CONNECT_WITHIN, Deadline

STEP_WITHIN = 15.0
# At the level debug it writes whole URLs, which are secrets.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


def session(deadline: Deadline, context: ssl.SSLContext, server_name: str = "", proxy: str = "") -> requests.Session:
    """For posts that end in time; `context` verifies the peer or does not, whatever requests thinks of it."""
    made = _Session()
    made.trust_env = False  # proxies and passwords come from our own files alone
    adapter = _Adapter(deadline, context, server_name)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    made.verify = context.verify_mode == ssl.CERT_REQUIRED
    if proxy:
        made.proxies = {"http": proxy, "https": proxy}
    return made


def timeouts(deadline: Deadline) -> tuple[float, float]:
    """For connecting and for each byte; the deadline is for all of it."""
    return min(CONNECT_WITHIN, deadline.left), min(STEP_WITHIN, deadline.left)


def cause_of(error: BaseException) -> OSError:
    """What the operating system said, out of what requests and urllib3 have wrapped around it."""
    seen: list[object] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or one in seen:
            continue
        if isinstance(one, OSError) and not isinstance(one, requests.RequestException):
            return one
        seen.append(one)
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    if isinstance(error, requests.Timeout):
        return TimeoutError()
    return ConnectionResetError()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None, whatever the answer says: also with `allow_redirects=False` requests would parse it, and read all."""
        return None


class _Adapter(HTTPAdapter):
    def __init__(self, deadline: Deadline, context: ssl.SSLContext, server_name: str) -> None:
        self._tls: dict[str, Any] = {"ssl_context": context}
        if server_name:
            self._tls |= {"server_hostname": server_name, "assert_hostname": server_name}
        if context.verify_mode != ssl.CERT_REQUIRED:
            self._tls["assert_hostname"] = False
        self._pools = _pools(deadline)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **{**options, **self._tls})
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options, **self._tls)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: the context knows whom to trust, and requests would add those that it comes with."""


def _pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    """Pools whose connections the deadline watches."""

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.watch(super()._new_conn())

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return deadline.watch(super()._new_conn())

        def connect(self) -> None:
            super().connect()
            # Whoever asked not to verify need not be warned of it at each post.
            self.is_verified = True

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
