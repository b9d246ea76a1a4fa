"""Names are resolved so that no probe waits for another node's DNS."""

import asyncio
import re
import socket
import threading
from collections import Counter

import pytest

from pacs_monitor.check import CheckFailed
from pacs_monitor.node import host_of
from pacs_monitor.resolve import Address, Resolver, literal, system_lookup
from tests.checks.support import until

ONE: list[Address] = [(socket.AF_INET, ("10.0.0.1", 0))]
TWO: list[Address] = [(socket.AF_INET, ("10.0.0.2", 0)), (socket.AF_INET6, ("fd00::2", 0, 0, 0))]


class Dns:
    """A DNS to order: what each name gives, and how often it was asked."""

    def __init__(self, **names: list[Address] | OSError) -> None:
        self.names = names
        self.asked = Counter[str]()
        self.go_on = threading.Event()

    def __call__(self, host: str) -> list[Address]:
        self.asked[host] += 1
        if host.startswith("hanging"):
            self.go_on.wait(55)
        answer = self.names.get(host, OSError(0, "Name or service not known"))
        if isinstance(answer, OSError):
            raise answer
        return answer


def soon(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_a_name_gives_all_its_addresses_with_the_port() -> None:
    assert await Resolver(Dns(ct=TWO)).resolve("ct", 104, soon()) == [
        (socket.AF_INET, ("10.0.0.2", 104)),
        (socket.AF_INET6, ("fd00::2", 104, 0, 0)),
    ]


async def test_an_answer_serves_until_it_is_not_fresh_and_then_while_it_is_asked_anew() -> None:
    dns = Dns(ct=ONE)
    resolver = Resolver(dns, fresh=60.0)
    for _ in range(5):
        await resolver.resolve("ct", 104, soon())
    assert dns.asked["ct"] == 1
    dns.names["ct"] = TWO
    resolver._fresh = -1.0
    assert len(await resolver.resolve("ct", 104, soon())) == 1  # at once, with the earlier answer
    resolver._fresh = 60.0
    await until(lambda: dns.asked["ct"] == 2)
    await until(lambda: resolver._names["ct"].addresses == TWO)
    assert len(await resolver.resolve("ct", 104, soon())) == 2
    assert dns.asked["ct"] == 2


async def test_a_name_is_asked_once_at_a_time() -> None:
    dns = Dns(hanging=ONE)
    resolver = Resolver(dns)
    waiting = [asyncio.ensure_future(resolver.resolve("hanging", port, soon())) for port in range(1, 51)]
    await asyncio.sleep(0.05)
    dns.go_on.set()
    answers = await asyncio.gather(*waiting)
    assert dns.asked == {"hanging": 1}
    assert answers[6] == [(socket.AF_INET, ("10.0.0.1", 7))]


async def test_forty_hanging_names_do_not_delay_a_healthy_one() -> None:
    dns = Dns(healthy=ONE)
    resolver = Resolver(dns)
    hanging = [asyncio.ensure_future(resolver.resolve(f"hanging{n}", 104, soon(0.5))) for n in range(40)]
    await asyncio.sleep(0.02)
    await resolver.resolve("healthy", 104, soon())
    answers = await asyncio.gather(*hanging, return_exceptions=True)
    assert {type(answer) for answer in answers} == {CheckFailed}
    assert re.fullmatch(
        r"the name hanging0 was not resolved within 0\.\d+ s; is the DNS server reachable\?", str(answers[0])
    )
    dns.go_on.set()
    await asyncio.sleep(0.05)


async def test_the_last_good_answer_serves_while_the_dns_fails() -> None:
    dns = Dns(ct=ONE)
    resolver = Resolver(dns, fresh=0.0, retry=0.0)
    await resolver.resolve("ct", 104, soon())
    dns.names["ct"] = OSError(0, "Temporary failure in name resolution")
    while resolver.failures < 2:
        await asyncio.sleep(0.01)
        assert await resolver.resolve("ct", 104, soon()) == [(socket.AF_INET, ("10.0.0.1", 104))]


async def test_a_failing_name_is_told_at_once_and_asked_again_after_a_while() -> None:
    dns = Dns()
    resolver = Resolver(dns, retry=60.0)
    for _ in range(3):
        with pytest.raises(CheckFailed) as raised:
            await resolver.resolve("ct", 104, soon())
        assert raised.value.reason == "dns"
        assert str(raised.value) == (
            "the name ct cannot be resolved (Name or service not known); correct host, or ask whoever runs the DNS"
        )
    assert dns.asked["ct"] == 1
    dns.names["ct"] = ONE
    resolver._retry = -1.0
    assert await resolver.resolve("ct", 104, soon())
    assert dns.asked["ct"] == 2


async def test_a_caller_that_gives_up_leaves_the_query_to_the_others() -> None:
    dns = Dns(hanging=ONE)
    resolver = Resolver(dns)
    first = asyncio.ensure_future(resolver.resolve("hanging", 104, soon()))
    second = asyncio.ensure_future(resolver.resolve("hanging", 104, soon()))
    await asyncio.sleep(0.02)
    first.cancel()
    await asyncio.sleep(0.02)
    dns.go_on.set()
    assert await second
    assert dns.asked["hanging"] == 1


async def test_an_address_needs_neither_a_thread_nor_a_query() -> None:
    dns = Dns()
    resolver = Resolver(dns)
    before = threading.active_count()
    assert await resolver.resolve("10.0.0.5", 104, soon()) == [(socket.AF_INET, ("10.0.0.5", 104))]
    assert await resolver.resolve("fd00::5", 104, soon()) == [(socket.AF_INET6, ("fd00::5", 104, 0, 0))]
    assert threading.active_count() == before
    assert not dns.asked


def test_a_link_local_address_keeps_its_interface() -> None:
    name = socket.if_nameindex()[0][1]
    number = socket.if_nametoindex(name)
    assert literal("fe80::1%3", 104) == [(socket.AF_INET6, ("fe80::1", 104, 0, 3))]
    assert literal(f"fe80::1%{name}", 104) == [(socket.AF_INET6, ("fe80::1", 104, 0, number))]
    assert literal("fe80::1%gone0", 104) == [(socket.AF_INET6, ("fe80::1", 104, 0, 0))]
    assert literal("archive", 104) is None


def test_the_system_knows_localhost_and_says_each_address_once() -> None:
    found = system_lookup("localhost")
    assert len(found) == len(set(found))
    assert {address[0] for _, address in found} <= {"127.0.0.1", "::1"}


async def test_a_name_that_no_encoding_takes_is_a_dns_failure() -> None:
    with pytest.raises(CheckFailed, match="cannot be resolved"):
        await Resolver().resolve("a" * 70 + ".example", 104, soon())


async def test_a_machine_without_threads_to_spare_is_a_dns_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(CheckFailed, match=r"cannot be resolved \(can't start new thread\)"):
        await Resolver(Dns(ct=ONE)).resolve("ct", 104, soon())


def test_an_address_as_text_keeps_the_interface_that_a_link_local_one_needs() -> None:
    assert host_of(("fe80::1", 104, 0, 3)) == "fe80::1%3"
    assert host_of(("::1", 104, 0, 0)) == "::1"
    assert host_of(("10.0.0.5", 104)) == "10.0.0.5"
