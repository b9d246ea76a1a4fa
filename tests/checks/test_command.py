"""The command check with Debian's monitoring-plugins, and with plugins that misbehave in every way we know."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

import psutil
import pytest

from checks.command import Command
from pacs_monitor.node import Node
from pacs_monitor.perfdata import Value, first_line, values
from pacs_monitor.programs import Program
from tests.checks.support import Run, bind, complaint, run, until
from tests.conftest import StartRawServer
from tests.peers.process import program

PLUGINS = "/usr/lib/nagios/plugins"


def plugin(name: str) -> str:
    return program(f"{PLUGINS}/{name}", "monitoring-plugins-basic")


def script(folder: Path, text: str, name: str = "check_made_up", interpreter: str = "/bin/sh") -> str:
    path = folder / name
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
    return str(path)


async def probe(check: Command, seconds: float = 20.0) -> Run:
    return await run(bind(check), seconds)


def alive(file: Path) -> bool:
    """Whether the process whose number is in a file is there, and be it as a zombie."""
    return psutil.pid_exists(int(file.read_text()))


# Real plugins.


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        (0, "", ""),
        (1, "", ""),
        (2, "threshold", "check_dummy says CRITICAL; look at what it watches, or run it by hand to see its words"),
        (3, "mismatch", "check_dummy says UNKNOWN; correct its arguments, or run it by hand to see why"),
    ],
)
async def test_each_state_is_exported_and_means_success_or_failure(state: int, reason: str, says: str) -> None:
    gave = await probe(Command(argv=(plugin("check_dummy"), str(state), "Canary^Secret")))
    assert gave.value("pacs_command_state") == state
    assert (gave.reason, gave.message) == (reason, says)


async def test_a_warning_is_a_failure_where_one_asks_for_that() -> None:
    gave = await probe(Command(argv=(plugin("check_dummy"), "1"), fail_on="warning"))
    assert (gave.reason, gave.value("pacs_command_state")) == ("threshold", 1)
    assert gave.message.startswith("check_dummy says WARNING; look at what it watches")


async def test_the_words_are_told_only_where_one_asks_for_that() -> None:
    gave = await probe(Command(argv=(plugin("check_dummy"), "2", "tape 7 is stuck"), show_text=True))
    assert gave.message == "check_dummy says CRITICAL: CRITICAL: tape 7 is stuck; look at what it watches"


async def test_check_tcp_gives_seconds_with_their_limits(raw_server: StartRawServer) -> None:
    server = raw_server(lambda conn: None)
    argv = (plugin("check_tcp"), "-H", "127.0.0.1", "-p", str(server.port), "-w", "20", "-c", "60")
    gave = await probe(Command(argv=argv, values=("time",)))
    assert gave.failure is None
    assert gave.value("pacs_command_value", name="time", unit="seconds") is not None
    assert gave.value("pacs_command_limit", limit="warning") == 20
    assert gave.value("pacs_command_limit", limit="critical") == 60


async def test_check_disk_gives_bytes_and_no_value_that_was_not_asked_for() -> None:
    argv = (plugin("check_disk"), "-w", "0%", "-c", "0%", "-p", "/")
    gave = await probe(Command(argv=argv))
    assert (gave.failure, gave.value("pacs_command_value")) == (None, None)
    gave = await probe(Command(argv=argv, values=("/",)))
    assert (gave.value("pacs_command_limit", name="/", unit="bytes", limit="max") or 0) > 1e6


async def test_check_load_gives_what_is_named_and_nothing_else() -> None:
    argv = (plugin("check_load"), "-w", "9999,9999,9999", "-c", "9999,9999,9999")
    gave = await probe(Command(argv=argv, values=("load5",)))
    assert gave.failure is None
    assert {sample.labels[0] for sample in gave.samples if sample.labels} == {"load5"}


async def test_a_value_that_the_plugin_does_not_know_is_a_mistake() -> None:
    argv = (plugin("check_load"), "-w", "9999,9999,9999", "-c", "9999,9999,9999")
    gave = await probe(Command(argv=argv, values=("load7",)))
    assert gave.reason == "mismatch"
    assert gave.message == "check_load told no value named load7; run it by hand and correct values"


# Plugins that misbehave.


async def test_a_plugin_that_hangs_is_killed_with_all_its_children_though_they_ignore_sigterm(tmp_path: Path) -> None:
    child = tmp_path / "child"
    text = f"trap '' TERM INT HUP\n(echo $$ >{child}.parent; exec sleep 600) &\necho $! >{child}\nsleep 600"
    gave = await probe(Command(argv=(script(tmp_path, text),)), 3.0)
    assert gave.reason == "timeout"
    assert gave.message == (
        "check_made_up did not end in time and was killed; run it by hand as the agent's user, or lengthen timeout"
    )
    await until(lambda: not alive(child) and not alive(Path(f"{child}.parent")))


async def test_a_child_that_is_left_behind_holds_up_nothing_and_goes_with_the_plugin(tmp_path: Path) -> None:
    child = tmp_path / "child"
    gave = await probe(Command(argv=(script(tmp_path, f"sleep 600 &\necho $! >{child}\necho fine\nexit 1"),)))
    assert (gave.failure, gave.value("pacs_command_state")) == (None, 1)
    await until(lambda: not alive(child))


async def test_a_run_that_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    own = tmp_path / "own"
    check = bind(Command(argv=(script(tmp_path, f"echo $$ >{own}.new\nmv {own}.new {own}\nsleep 600"),)))
    task = asyncio.create_task(run(check, 300))
    await until(own.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not alive(own))
    await until(lambda: not check.surroundings.abandoned)


def test_a_program_that_is_killed_before_it_is_started_never_starts(tmp_path: Path) -> None:
    done = Program((script(tmp_path, f"touch {tmp_path}/there"),))
    done.kill()
    assert done.run(time.monotonic() + 20).code is None
    assert not (tmp_path / "there").exists()


async def test_megabytes_are_read_to_their_end_and_forgotten(tmp_path: Path) -> None:
    text = "echo 'fine|a=1'\nhead -c 8000000 /dev/zero\nhead -c 2000000 /dev/zero >&2\necho '|b=2'"
    gave = await probe(Command(argv=(script(tmp_path, text),), values=("a",)), 60)
    assert (gave.failure, gave.value("pacs_command_value", name="a")) == (None, 1)


async def test_bytes_that_are_no_text_and_control_characters_do_no_harm(tmp_path: Path) -> None:
    text = r"printf 'b\377d \033[2J\r\007words|x=1 \377=2\n'; exit 2"
    gave = await probe(Command(argv=(script(tmp_path, text),), values=("x",), show_text=True))
    assert gave.value("pacs_command_value", name="x") == 1
    assert gave.message == "check_made_up says CRITICAL: b\ufffdd [2Jwords; look at what it watches"


async def test_nothing_that_a_plugin_prints_is_told_or_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    text = "echo \"Canary^Secret|'Canary^Label'=1 size=3\"\necho Canary^Err >&2\nexit 2"
    gave = await probe(Command(argv=(script(tmp_path, text), "Canary^Password"), values=("size",)))
    assert gave.value("pacs_command_value", name="size") == 3
    assert "Canary" not in gave.message + caplog.text
    assert not [sample for sample in gave.samples if "Canary" in "".join(sample.labels)]


async def test_a_plugin_gets_a_small_environment_no_shell_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_PASSWORD", "x")
    text = f'env >{tmp_path}/env\necho "$1" >{tmp_path}/words\npwd >{tmp_path}/folder'
    gave = await probe(Command(argv=(script(tmp_path, text), "$(touch /tmp/x); `id` *")))
    assert gave.failure is None
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "LANG", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}
    assert (tmp_path / "words").read_text() == "$(touch /tmp/x); `id` *\n"
    assert (tmp_path / "folder").read_text() == "/\n"


@pytest.mark.parametrize(
    ("text", "reason", "says"),
    [
        ("exit 77", "mismatch", "check_made_up ended with 77, where plugins end with 0 to 3"),
        ("kill -9 $$", "aborted", "check_made_up was ended by signal 9, where plugins end with 0 to 3"),
    ],
)
async def test_what_is_no_state_is_told(tmp_path: Path, text: str, reason: str, says: str) -> None:
    gave = await probe(Command(argv=(script(tmp_path, text),)))
    assert (gave.reason, gave.samples) == (reason, [])
    assert gave.message == f"{says}; run it by hand as the agent's user"


async def test_a_plugin_that_has_gone_or_cannot_be_started_is_told(tmp_path: Path) -> None:
    check = Command(argv=(script(tmp_path, "exit 0"),))
    binary = Command(argv=(script(tmp_path, "", "check_binary"),))
    elsewhere = Command(argv=(script(tmp_path, "", "check_perl", "/no/such/perl"),))
    Path(check.argv[0]).unlink()
    Path(binary.argv[0]).write_bytes(b"\x7fELF of another machine")
    assert (await probe(check)).message == "check_made_up is gone, or what its first line calls is; install it again"
    assert (await probe(elsewhere)).reason == "not_found"
    gave = await probe(binary)
    assert gave.reason == "mismatch"
    assert gave.message == "check_binary cannot be started; is it a program for this machine, with a #! line?"


# Settings.


def test_settings_that_make_no_sense_are_refused_at_load(tmp_path: Path) -> None:
    file = tmp_path / "check_x"
    file.write_text("")
    for argv, words in [
        (["check_load"], "argv check_load does not begin with /; write the plugin's whole path"),
        (["/no/check_x"], "argv /no/check_x does not exist; install the plugin, or correct the path"),
        ([str(file)], f"argv {file} is no program that this user may run; run chmod 755 on it, or correct it"),
        ([str(tmp_path)], f"argv {tmp_path} is no program that this user may run"),
        ([], "at least 1 item"),
    ]:
        with complaint(words):
            Command.model_validate({"argv": argv})


# Performance data.


@pytest.mark.parametrize(
    ("text", "name", "unit", "value"),
    [
        ("time=250ms", "time", "seconds", 0.25),
        ("time=250us", "time", "seconds", 0.00025),
        ("time=250µs", "time", "seconds", 0.00025),
        ("used=12.5%", "used", "ratio", 0.125),
        ("/=3MB", "/", "bytes", 3e6),
        ("/=3KiB", "/", "bytes", 3072),
        ("in=17c", "in", "total", 17),
        ("users=4", "users", "", 4),
        ("'a b''c'=-1.5e2", "a b'c", "", -150),
    ],
)
def test_units_become_base_units(text: str, name: str, unit: str, value: float) -> None:
    [found] = values(f"OK|{text}")
    assert (found.name, found.unit) == (name, unit)
    assert found.value == pytest.approx(value)


def test_limits_are_ranges_in_the_unit_of_the_value() -> None:
    assert list(values("OK|a=50%;80;20:90;0;100 b=1;~:5;@3:4 c=1;7:;;")) == [
        Value("a", "ratio", 0.5, {"warning": 0.8, "critical_low": 0.2, "critical": 0.9, "min": 0.0, "max": 1.0}),
        Value("b", "", 1, {"warning": 5}),
        Value("c", "", 1, {"warning_low": 7}),
    ]


def test_performance_data_goes_on_after_the_second_bar() -> None:
    text = "OK - fine|a=1\nlong text b=9\nmore | c=2\nd=3"
    assert [value.name for value in values(text)] == ["a", "c", "d"]
    assert first_line(text) == "OK - fine"


@pytest.mark.parametrize(
    "text", ["", "|", "OK", "OK|a", "OK|a=", "OK|a=U", "OK|a=1parsec", "OK|a=1e999", "OK|'a=1", "OK|=1"]
)
def test_what_is_not_written_as_it_should_be_is_no_value(text: str) -> None:
    assert list(values(text)) == []


def test_a_value_behind_rubbish_is_found() -> None:
    assert [value.name for value in values("OK|rubbish a=1 'x b=2 == c=3")] == ["a", "b", "c"]


async def test_of_a_node_its_host_goes_to_the_plugin(raw_server: StartRawServer) -> None:
    server = raw_server(lambda conn: None)
    argv = (plugin("check_tcp"), "-H", "{host}", "-p", str(server.port))
    gave = await run(bind(Command(argv=argv), Node(name="engine", host="127.0.0.1")))
    assert gave.failure is None
    nowhere = await run(bind(Command(argv=argv)))
    assert (nowhere.reason, nowhere.message) == (
        "broken",
        "check_tcp has no host to stand for {host}; write it into argv",
    )
