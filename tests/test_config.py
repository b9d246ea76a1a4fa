from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pacs_monitor.config import TOP_LEVEL, load
from pacs_monitor.configuring.datadir import check_data_dir
from pacs_monitor.configuring.fields import settings_of
from pacs_monitor.loader import load_folders
from pacs_monitor.settings import ConfigError, Configuration
from tests.noise import calls_of

KINDS, _ = load_folders([Path(__file__).parent / "data/checks"])
FULL = "host: h, port: 104, ae_title: A"

Load = Callable[..., Configuration]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    def load_text(text: str, **files: str) -> Configuration:
        for name, content in files.items():
            (tmp_path / name.replace("__", ".")).write_text(content)
        path = tmp_path / "pacs-monitor.yml"
        path.write_text(text)
        return load(path, KINDS)

    return load_text


def warnings(configuration: Configuration) -> list[str]:
    folder = f"{configuration.path.parent}/"
    return [str(warning).replace(folder, "") for warning in configuration.warnings]


def settings(configuration: Configuration, node: str, check: str) -> dict[str, Any]:
    return configuration.checks[node, check].settings


def test_the_smallest_configuration_is_one_node_with_one_check(loaded: Load) -> None:
    found = loaded(f"nodes:\n  - {{name: a, {FULL}, checks: [greet]}}\n")
    assert list(found.checks) == [("a", "greet")]
    assert found.agent.site == "main"
    assert found.warnings == ()


def test_ae_titles_names_and_times_are_taken_as_typed(loaded: Load) -> None:
    found = loaded(
        "site: 0123\nae_title: ON\nhours: {night: {from: 22:00, to: 06:00}}\n"
        "nodes:\n  - {name: 007, ae_title: NO, calling_ae_title: 0123, labels: {room: 1e3}}\n"
    )
    node = found.nodes["007"]
    assert (found.agent.site, found.agent.ae_title, node.ae_title, node.calling_ae_title) == (
        "0123",
        "ON",
        "NO",
        "0123",
    )
    assert (found.agent.hours["night"].from_, node.labels) == ("22:00", {"room": "1e3"})


def test_a_node_calls_with_the_agents_ae_title_unless_it_has_its_own(loaded: Load) -> None:
    found = loaded("ae_title: MON\nnodes:\n  - {name: a}\n  - {name: b, calling_ae_title: TEST}\n")
    assert [node.calling_ae_title for node in found.nodes.values()] == ["MON", "TEST"]


def test_sections_that_are_left_empty_count_as_not_there(loaded: Load) -> None:
    text = "nodes:\nnodes_from:\nprofiles:\nchecks:\nhours:\nweb:\nmaintenance:\nself_check:\nnotify:\n"
    assert loaded(text).nodes == {}


def test_nothing_to_check_is_a_warning(loaded: Load) -> None:
    assert warnings(loaded("site: a\n")) == ["pacs-monitor.yml:1: nothing is checked; give a node or `checks` a check"]


def test_profiles_are_merged_by_check_name_then_the_nodes_own_checks_key_by_key(loaded: Load) -> None:
    found = loaded(f"""\
profiles:
  one: [greet: {{interval: 15s, slow: 1s}}, deposit]
  two: [greet: {{slow: 3s}}]
nodes:
  - name: a
    {FULL.replace(", ", chr(10) + "    ")}
    profile: [one, two]
    checks:
      - greet: {{attempts: 2}}
      - deposit: null
""")
    assert settings(found, "a", "greet") == {"interval": "15s", "slow": "3s", "attempts": "2", "name": "greet"}
    assert list(found.checks) == [("a", "greet")]
    assert found.nodes["a"].role == "one"


def test_two_checks_of_one_kind_have_names_and_are_changed_by_them(loaded: Load) -> None:
    found = loaded(f"""\
profiles:
  p: [greet: {{name: fast, slow: 1s}}, greet: {{name: late, slow: 9s}}, greet]
nodes:
  - {{name: a, {FULL}, profile: p, checks: [greet: {{name: fast, attempts: 3}}, late: {{slow: 8s}}, greet: null]}}
  - {{name: b, {FULL}, profile: p, checks: [late: null]}}
""")
    assert list(found.checks) == [("a", "fast"), ("a", "late"), ("b", "fast"), ("b", "greet")]
    assert settings(found, "a", "fast") == {"name": "fast", "slow": "1s", "attempts": "3"}
    assert settings(found, "a", "late") == {"name": "late", "slow": "8s"}


def test_a_null_setting_goes_back_to_the_kinds_default(loaded: Load) -> None:
    text = "profiles: {p: [greet: {slow: 9s}]}\n"
    text += f"nodes: [{{name: a, {FULL}, profile: p, checks: [greet: {{slow: }}]}}]\n"
    assert loaded(text).checks["a", "greet"].check.model_dump()["slow"] == 2.0


def test_a_profile_gives_its_nodes_settings_that_they_may_override(loaded: Load) -> None:
    found = loaded("""\
profiles:
  ct:
    role: modality
    port: 104
    min_interval: 10s
    labels: {modality: CT, floor: "1"}
    checks: []
nodes:
  - {name: a, profile: ct}
  - {name: b, profile: ct, port: 105, role: scanner, labels: {floor: "2"}}
""")
    a, b = found.nodes.values()
    assert (a.role, a.port, a.min_interval, a.labels) == ("modality", 104, 10.0, {"modality": "CT", "floor": "1"})
    assert (b.role, b.port, b.labels) == ("scanner", 105, {"modality": "CT", "floor": "2"})


def test_anchors_and_merge_keys_serve_as_well(loaded: Load) -> None:
    text = f"nodes:\n  - &a {{name: a, {FULL}, checks: &c [greet: {{slow: 1s}}]}}\n  - {{<<: *a, name: b}}\n"
    assert list(loaded(text).checks) == [("a", "greet"), ("b", "greet")]


def test_labels_are_in_the_order_that_series_have(loaded: Load) -> None:
    found = loaded(f"""\
site: north
metrics: {{labels: [vendor, floor, modality]}}
nodes:
  - name: a
    labels: {{modality: CT, vendor: acme, room: "3"}}
    importance: low
    {FULL.replace(", ", chr(10) + "    ")}
    checks: [greet: {{name: g}}]
checks: [space: {{path: /}}]
""")
    assert found.checks["a", "g"].labels == (
        ("site", "north"),
        ("node", "a"),
        ("check", "g"),
        ("kind", "greet"),
        ("role", "node"),
        ("importance", "low"),
        ("vendor", "acme"),
        ("modality", "CT"),
    )
    assert found.checks["", "space"].labels == (("site", "north"), ("check", "space"), ("kind", "space"))
    assert warnings(found) == [
        "pacs-monitor.yml:2: metrics.labels[1]: no node has a label floor; there is modality, room, vendor"
    ]


def test_settings_validate_anew_to_the_same_check(loaded: Load) -> None:
    text = "web: {bearer_token: ${NO}}\n".replace("${NO}", "x") + "checks:\n  - space:\n      path: data\n"
    text += "      login: {url: http://a, password_file: secret}\n"
    found = loaded(text, secret="se cret\n").checks["", "space"]
    anew = type(found.check).model_validate(found.settings)
    assert anew == found.check
    assert found.settings["login"]["password"] == "se cret"
    assert found.settings["path"].endswith("/data")
    assert Path(found.settings["path"]).is_absolute()


def test_modalities_are_not_asked_more_often_than_every_30_seconds(loaded: Load) -> None:
    found = loaded(f"""\
profiles:
  modality: [greet: {{interval: 10s, retry_interval: 5s}}]
  scanner: {{role: modality, min_interval: 5s, checks: [greet: {{interval: 10s}}]}}
nodes:
  - {{name: a, {FULL}, profile: modality}}
  - {{name: b, {FULL}, profile: modality}}
  - {{name: c, {FULL}, profile: modality, min_interval: 10s}}
  - {{name: d, {FULL}, profile: scanner}}
  - {{name: e, {FULL}, role: archive, profile: modality}}
""")
    assert [check.check.interval for check in found.checks.values()] == [30, 30, 10, 10, 10]
    assert [check.check.retry_interval for check in found.checks.values()] == [30, 30, 10, None, 5]
    assert found.nodes["a"].min_interval == 30
    assert warnings(found) == [
        "pacs-monitor.yml:2: profiles.modality.greet.interval: 10s is shorter than the min_interval of 30s of a "
        "modality, which is used instead; to allow it, set min_interval on the profile or node",
        "pacs-monitor.yml:2: profiles.modality.greet.retry_interval: 5s is shorter than the min_interval of 30s of a "
        "modality, which is used instead; to allow it, set min_interval on the profile or node",
        "pacs-monitor.yml:2: profiles.modality.greet.retry_interval: 5s is shorter than the min_interval of 10s of a "
        "modality, which is used instead; to allow it, set min_interval on the profile or node",
    ]


def test_what_is_probably_not_meant_is_a_warning(loaded: Load) -> None:
    found = loaded(f"""\
health: {{require: [role=archive]}}
maintenance: [{{name: m, nodes: {{role: archive}}, days: sun, for: 1h}}]
nodes:
  - {{name: a, {FULL}, checks: [deposit: {{write: true, retry_interval: 10m}}]}}
  - {{name: b, {FULL}, checks: [deposit: {{write: true, delete: {{orthanc: http://b}}}}]}}
""")
    assert warnings(found) == [
        "pacs-monitor.yml:1: health.require[0]: no node has role=archive",
        "pacs-monitor.yml:2: maintenance[0].nodes: no node matches this",
        "pacs-monitor.yml:4: nodes[0].checks.deposit.retry_interval: 10m is longer than the interval of 5m, "
        "and has no effect; shorten it",
        "pacs-monitor.yml:4: nodes[0].checks.deposit: writes and never deletes; set delete",
    ]


def test_alerting_that_tells_nobody_is_a_warning(loaded: Load) -> None:
    found = loaded(
        """\
checks: [space: {path: /}]
alerting: {rules: [builtin, "*.rules.yml", "y.yml"]}
""",
        x__rules__yml="groups: []",
        y__yml="groups: []",
    )
    assert warnings(found) == [
        "pacs-monitor.yml:2: alerting: its rules are evaluated, and alerts are shown and logged, but nobody is told of "
        "them; write notify, or name an Alertmanager file in routes",
    ]


def test_a_rule_file_may_be_named_with_its_whole_path(loaded: Load, tmp_path: Path) -> None:
    found = loaded(f"alerting: {{rules: ['{tmp_path}/mine.yml', '{tmp_path}/m*.yml']}}\n", mine__yml="groups: []")
    assert found.agent.alerting.rules[0] == f"{tmp_path}/mine.yml"


def test_nodes_of_one_listener_may_share_its_budget(loaded: Load) -> None:
    many = "port: 104, max_associations: 4"
    text = f"nodes: [{{name: a, host: h, {many}}}, {{name: b, host: H, {many}}}, {{name: c, host: h, port: 105}}]\n"
    assert len(loaded(text).nodes) == 3


def test_a_configuration_that_is_not_there_is_one_complaint(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as mistakes:
        load(tmp_path / "c.yml", KINDS)
    remedy = "check the name, run pacs-monitor init to write one, or give --config"
    assert str(mistakes.value) == f"{tmp_path / 'c.yml'}: there is no such file; {remedy}"
    with pytest.raises(ConfigError) as mistakes:
        load(tmp_path, KINDS)
    assert str(mistakes.value) == f"{tmp_path}: is a folder; name a file"


def test_a_secret_comes_from_its_file_without_the_last_line_break(loaded: Load, tmp_path: Path) -> None:
    found = loaded("web: {bearer_token_file: token}\n", token="line\nbreak\r\n")
    assert found.agent.web.bearer_token is not None
    assert found.agent.web.bearer_token.get_secret_value() == "line\nbreak"
    assert tmp_path / "token" in found.files


def test_a_secret_that_others_may_read_is_a_warning(loaded: Load, tmp_path: Path) -> None:
    found = loaded("web: {bearer_token_file: token}\nchecks: [space: {path: /}]\n", token="x")
    message = "pacs-monitor.yml:1: web.bearer_token_file: others may read token; run chmod 600 token"
    assert warnings(found) == [message]
    (tmp_path / "token").chmod(0o600)
    assert load(found.path, KINDS).warnings == ()


def test_a_secret_in_plain_text_is_a_warning_that_does_not_show_it(loaded: Load) -> None:
    found = loaded("web: {bearer_token: hunter2}\nchecks: [space: {path: /}]\n")
    message = "is a secret in plain text; keep it in a file of its own, or write ${NAME}"
    assert warnings(found) == [f"pacs-monitor.yml:1: web.bearer_token: {message}"]
    assert "hunter2" not in repr(found)


def test_secrets_are_in_no_complaint_wherever_they_are_used(loaded: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_NAME", "hunter two")
    with pytest.raises(ConfigError) as mistakes:
        loaded(
            "nodes:\n  - name: ${SECRET_NAME}\n    reached_through: ['${SECRET_NAME}']\n    profile: ${SECRET_NAME}\n"
            "    hours: ${SECRET_NAME}\nweb:\n  listen: ${SECRET_NAME}\n  allow_from: ['${SECRET_NAME}']\n"
            "time_zone: ${SECRET_NAME}\n"
        )
    assert len(mistakes.value.complaints) == 7
    assert "hunter" not in str(mistakes.value)
    assert "there is no profile ${SECRET_NAME}" in str(mistakes.value)


def test_a_fingerprint_changes_with_what_the_check_would_do_and_with_nothing_else(loaded: Load, tmp_path: Path) -> None:
    def fingerprint(extra: str = "", check: str = "", top: str = "") -> str:
        return (
            loaded(f"{top}nodes: [{{name: a, {FULL}{extra}, checks: [greet: {{{check}}}]}}]\n")
            .checks["a", "greet"]
            .fingerprint
        )

    base = fingerprint()
    assert fingerprint(", notes: call me") == base
    assert fingerprint(top="data_dir: /elsewhere\n") == base
    changed = [fingerprint(", role: x"), fingerprint(check="slow: 1s"), fingerprint(top="site: x\n")]
    changed.append(fingerprint(top="ae_title: X\n"))
    assert len({base, *changed}) == 5


def test_a_changed_check_file_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(Path(__file__).parent / "data/checks/space.py", folder / "volume.py")
    (tmp_path / "c.yml").write_text("check_dirs: [mine]\nchecks: [volume: {path: /}]\n")
    first = load(tmp_path / "c.yml", {})
    assert load(tmp_path / "c.yml", {}).checks["", "volume"].fingerprint == first.checks["", "volume"].fingerprint
    with (folder / "volume.py").open("a") as file:
        file.write("\n# changed\n")
    assert load(tmp_path / "c.yml", {}).checks["", "volume"].fingerprint != first.checks["", "volume"].fingerprint
    assert first.files == (tmp_path / "c.yml", folder, folder / "volume.py")


FUSSY = '''"""A check with validators that raise what they should not."""

from pydantic import Field, field_validator

from pacs_monitor.check import AsyncIterator, Check, Duration, Sample


class Fussy(Check):
    """Knows one mode, and runs often."""

    mode: str = "known"
    interval: Duration = Field(60.0, le=100.0)

    @field_validator("mode")
    @classmethod
    def _is_known(cls, value: str) -> str:
        return {"known": value}[value]

    async def run(self) -> AsyncIterator[Sample]:
        """Yield nothing."""
        return
        yield
'''


def test_a_checks_validator_that_breaks_is_a_complaint_without_what_it_looked_at(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/fussy.py").write_text(FUSSY)
    (tmp_path / "c.yml").write_text("check_dirs: [mine]\nchecks: [fussy: {mode: s3cret}]\n")
    with pytest.raises(ConfigError) as failed:
        load(tmp_path / "c.yml", {})
    assert str(failed.value) == (
        f"{tmp_path}/c.yml:2: checks.fussy: cannot be checked: KeyError at {tmp_path}/mine/fussy.py:17; "
        f"report it to its author"
    )


def test_a_min_interval_that_a_check_does_not_take_is_a_complaint(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/fussy.py").write_text(FUSSY.replace(" Check,", " NodeCheck,").replace("(Check)", "(NodeCheck)"))
    node = "{name: a, host: h, min_interval: 5m, checks: [fussy]}"
    (tmp_path / "c.yml").write_text(f"check_dirs: [mine]\nnodes: [{node}]\n")
    with pytest.raises(ConfigError, match=r"checks\.fussy: .* is too large; write 100\.0 or less$"):
        load(tmp_path / "c.yml", {})


def test_relative_paths_begin_at_the_file_that_holds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf/sub").mkdir(parents=True)
    (tmp_path / "conf/sub/nodes.yml").write_text(
        "- {name: a, host: h, tls: {ca_file: ca.pem}, checks: [deposit: {folder: data}]}\n"
    )
    (tmp_path / "conf/sub/ca.pem").write_text("x")
    (tmp_path / "conf/c.yml").write_text("data_dir: state\nnodes_from: [{file: sub/nodes.yml}]\n")
    monkeypatch.chdir(tmp_path)
    found = load(Path("conf/c.yml"), KINDS)
    assert found.agent.data_dir == tmp_path / "conf/state"
    tls = found.nodes["a"].tls
    assert tls is not None
    assert tls.ca_file == tmp_path / "conf/sub/ca.pem"
    assert settings(found, "a", "deposit")["folder"] == str(tmp_path / "conf/sub/data")


def test_all_complaints_are_told_at_once_in_the_order_of_their_lines(loaded: Load) -> None:
    with pytest.raises(ConfigError) as mistakes:
        loaded("time_zone: X\nweb: {listen: x}\nnodes:\n  - {name: a, port: x}\n  - {name: b, hots: x}\nchecks: [x]\n")
    assert [complaint.line for complaint in mistakes.value.complaints] == [1, 2, 4, 5, 6]


def test_a_mistake_in_a_profile_is_told_once_however_many_nodes_use_it(loaded: Load) -> None:
    nodes = "".join(f"  - {{name: n{number}, {FULL}, profile: p}}\n" for number in range(500))
    with pytest.raises(ConfigError) as mistakes:
        loaded(f"profiles:\n  p:\n    - greet:\n        interval: often\nnodes:\n{nodes}")
    assert [(told.line, told.setting) for told in mistakes.value.complaints] == [(4, "profiles.p.greet.interval")]


def test_a_mistake_in_a_profile_that_no_node_uses_is_told_too(loaded: Load) -> None:
    with pytest.raises(
        ConfigError, match=r":1: profiles\.p\.greet\.slwo: there is no such setting; did you mean slow\?$"
    ):
        loaded("profiles: {p: [greet: {slwo: 1s}]}\n")


def test_a_setting_that_a_profile_leaves_to_its_nodes_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    node = "{name: a, host: h, profile: p, checks: [tcp: {port: 80}]}"
    path.write_text(f"profiles: {{p: [tcp: {{interval: 5m}}]}}\nnodes: [{node}]\n")
    assert settings(load(path), "a", "tcp") == {"interval": "5m", "port": "80", "name": "tcp"}


def test_sections_are_handed_on_with_places(loaded: Load) -> None:
    found = loaded("hours: {}\n\npeople:\n")
    assert (found.trees["people"].line, found.trees["people"].path) == (3, "people")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "127.8.0.1:80", "localhost:80", "'[::1]:80'"])
def test_on_loopback_the_web_server_needs_nothing(loaded: Load, listen: str) -> None:
    assert loaded(f"web:\n  listen: {listen}\n").agent.web.address[1] in (0, 80)


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "'[::]:80'", "10.0.0.1:80", "pacsmon:80"])
def test_beyond_loopback_it_takes_tls_and_one_way_to_say_who_may_ask(loaded: Load, listen: str) -> None:
    tls = "tls: {cert_file: c.pem, key_file: c.pem}"
    for ways in ("", "allow_from: [10.0.0.0/8]", tls):
        with pytest.raises(ConfigError, match="others than this machine can reach"):
            loaded(f"web:\n  listen: {listen}\n  {ways}\n", c__pem="x")
    for way in ("allow_from: [10.0.0.0/8]", "bearer_token_file: t", "basic_auth_file: t", "bearer_token: x"):
        loaded(f"web:\n  listen: {listen}\n  {tls}\n  {way}\n", c__pem="x", t="x")


def test_the_data_directory_is_made_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("data_dir: state\n")
    load(path, KINDS)
    assert not (tmp_path / "state").exists()
    load(path, KINDS, data_dir=True)
    assert (tmp_path / "state").is_dir()
    assert list((tmp_path / "state").iterdir()) == []


def test_whether_the_data_directory_could_be_made_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text("data_dir: state\n")
    load(path, KINDS, data_dir=True, make_data_dir=False)
    assert list(tmp_path.iterdir()) == [path]
    (tmp_path / "state").mkdir()
    load(path, KINDS, data_dir=True, make_data_dir=False)
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_directory_that_could_not_be_made_is_a_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert f"({tmp_path} is not writable)" in check_data_dir(tmp_path / "state", make=False)


@pytest.mark.parametrize("make", [True, False])
def test_a_data_directory_without_a_folder_to_make_it_in_is_a_fault(tmp_path: Path, make: bool) -> None:
    path = tmp_path / "none/state"
    why = "No such file or directory" if make else f"there is no folder {tmp_path / 'none'}"
    remedy = "make it, and give it to the user that runs pacs-monitor"
    assert check_data_dir(path, make=make) == f"{path} cannot be made ({why}); {remedy}"
    assert not path.parent.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_directory_of_someone_else_is_a_fault(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "is not writable" in check_data_dir(tmp_path)


def test_a_data_directory_below_a_file_is_a_fault() -> None:
    assert check_data_dir(Path("/dev/null/x")).startswith("/dev/null/x cannot be made (Not a directory)")


def test_every_top_level_setting_that_the_design_names_is_known() -> None:
    expected = """site time_zone external_url ae_title data_dir web scp check_dirs hours profiles nodes nodes_from
    checks health maintenance alerting notify people on_call self_check metrics workers"""
    assert set(TOP_LEVEL) == set(expected.split())


def test_every_setting_of_the_agent_has_a_description() -> None:
    from pacs_monitor.settings import AgentSettings

    sections = {"web", "scp", "metrics", "hours", "health", "maintenance", "alerting", "self_check"}
    sections |= {"people", "on_call", "notify"}
    undescribed = {key for key, info in settings_of(AgentSettings).items() if not info.description}
    assert undescribed <= sections


def test_many_nodes_cost_no_more_each_than_few(loaded: Load) -> None:
    text = "profiles: {modality: [greet: {interval: 1m}, deposit]}\n"
    text += "nodes: [{name: sw}]\n"
    text += "nodes_from: [{file: n.csv, defaults: {profile: modality, reached_through: [sw]}}]\n"

    def load_nodes(count: int) -> None:
        rows = "".join(f"n{number},10.1.{number // 250}.{number % 250},104,AE{number}\n" for number in range(count))
        assert len(loaded(text, n__csv="name,host,port,ae_title\n" + rows).checks) == 2 * count

    load_nodes(1)  # what is made once and kept
    few, many = (calls_of(lambda count=count: load_nodes(count)) for count in (100, 2_000))  # type: ignore[misc]
    assert many < 25 * few


def test_a_check_that_belongs_anywhere_is_taken_with_a_node_and_without(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    node = "nodes: [{name: viewer, host: h, checks: [{http: {url: 'https://{host}/'}}]}]\n"
    path.write_text(f"{node}checks: [{{http: {{url: 'https://other/'}}}}]\n")
    assert set(load(path).checks) == {("viewer", "http"), ("", "http")}
