from pathlib import Path

import pytest

from pacs_monitor.config import load
from pacs_monitor.routing.definitions import Email, Webhook
from pacs_monitor.settings import ConfigError, Configuration

ROUTES = """
route: {receiver: oncall}
receivers:
  - name: oncall
    email_configs: [{to: a@north.example, from: b@north.example, smarthost: "mail:25"}]
    webhook_configs: [{url: "https://hook.north.example/x"}]
  - name: the desk
    webhook_configs: [{url: "https://desk.north.example/x"}]
  - name: nobody
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "alertmanager.yml").write_text(ROUTES)
    (tmp_path / "key").write_text("k3y\n")
    (tmp_path / "own").mkdir()
    return tmp_path


def read(folder: Path, receivers: str, more: str = "routes: alertmanager.yml, templates: [own]") -> Configuration:
    file = folder / "pacs-monitor.yml"
    file.write_text(f"nodes: [{{name: a, host: 10.0.0.1}}]\nalerting:\n  {{{more}, receivers: {receivers}}}\n")
    return load(file)


def complaints(folder: Path, receivers: str, **more: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, receivers, **more)
    return [str(one).replace(f"{folder}/", "") for one in caught.value.complaints]


def test_a_receiver_gets_what_is_attached_to_it(folder: Path) -> None:
    said = (
        "{oncall: {template: pagerduty, language: de, secrets: {routing_key: {file: key}}, signing_key: {file: key}}}"
    )
    routing = read(folder, said).routing
    assert routing is not None
    email, webhook = routing.receiver("oncall").integrations
    assert isinstance(email, Email)
    assert (email.template, email.language, email.style) == ("pagerduty", "de", "mail")
    assert isinstance(webhook, Webhook)
    assert webhook.template == "pagerduty"
    assert [(name, secret.read()) for name, secret in webhook.secrets] == [("routing_key", "k3y")]
    (folder / "key").write_text("changed")
    assert webhook.signing_key.read() == "changed"
    (desk,) = routing.receiver("the desk").integrations
    assert isinstance(desk, Webhook)
    assert desk.template == ""


def test_a_secret_of_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTING", "fr0m-env")
    routing = read(folder, "{the desk: {template: pagerduty, secrets: {routing_key: {text: '${ROUTING}'}}}}").routing
    assert routing is not None
    (desk,) = routing.receiver("the desk").integrations
    assert isinstance(desk, Webhook)
    assert desk.secrets[0][1].read() == "fr0m-env"
    assert "fr0m-env" not in repr(routing)


def test_a_pager_in_a_template_of_ones_own(folder: Path) -> None:
    (folder / "own/short.txt.j2").write_text("{{ headline }}")
    routing = read(folder, "{oncall: {template: short, style: pager}}").routing
    assert routing is not None
    email = routing.receiver("oncall").integrations[0]
    assert isinstance(email, Email)
    assert (email.template, email.style) == ("short", "pager")


MISTAKES = {
    "{onkall: {language: de}}": (
        "pacs-monitor.yml:3: alerting.receivers.onkall: there is no receiver onkall in alertmanager.yml; "
        "did you mean oncall?"
    ),
    "{the desk: {template: taems}}": (
        "pacs-monitor.yml:3: alerting.receivers.the desk.template: there is no template taems for what this receiver "
        "sends; write taems.json.j2 into a folder of alerting.templates, or use generic, pagerduty, slack, teams"
    ),
    "{the desk: {style: pager}}": (
        "pacs-monitor.yml:3: alerting.receivers.the desk.style: is for mails, and this receiver has no email_configs; "
        "leave it out"
    ),
    "{nobody: {signing_key: {file: key}}}": (
        "pacs-monitor.yml:3: alerting.receivers.nobody.signing_key: is for posts, and this receiver has no "
        "webhook_configs; leave it out"
    ),
    "{the desk: {template: pagerduty}}": (
        "pacs-monitor.yml:3: alerting.receivers.the desk.secrets: the template pagerduty takes the secret routing_key; "
        "add routing_key: {file: PATH}"
    ),
    "{the desk: {signing_key: {}}}": (
        "pacs-monitor.yml:3: alerting.receivers.the desk.signing_key: needs one of file and text; write {file: PATH}"
    ),
    "{the desk: {signing_key: {file: gone}}}": (
        "pacs-monitor.yml:3: alerting.receivers.the desk.signing_key.file: gone cannot be read; check that it is a "
        "file, and its rights"
    ),
    "{the desk: {language: fr}}": (
        "pacs-monitor.yml:3: alerting.receivers.the desk.language: fr is none of en, de; write one of them"
    ),
}


@pytest.mark.parametrize("receivers", MISTAKES)
def test_mistakes(folder: Path, receivers: str) -> None:
    assert complaints(folder, receivers) == [MISTAKES[receivers]]


def test_receivers_without_an_alertmanager_file(folder: Path) -> None:
    assert complaints(folder, "{oncall: {language: de}}", more="rules: [builtin]") == [
        "pacs-monitor.yml:3: alerting.receivers: are receivers of an Alertmanager file, and none is named; "
        "set alerting.routes"
    ]


def test_a_folder_that_is_not_there(folder: Path) -> None:
    assert complaints(folder, "{}", more="routes: alertmanager.yml, templates: [gone]") == [
        "pacs-monitor.yml:3: alerting.templates[0]: there is no folder gone; make it, or correct the name"
    ]


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        (
            "own.json.j2",
            '{\n"a": {{ nothing | tojson }}}',
            "own/own.json.j2:2: the template fails: 'nothing' is undefined",
        ),
        ("own.json.j2", '{"a": {{ subject }}}', "own/own.json.j2: the template fails: what it gives is no JSON"),
        # It breaks only where there are several alerts: all samples are tried.
        (
            "own.json.j2",
            "[{{ alerts[1].title | tojson if alerts | length == 1 }}]",
            "own/own.json.j2:1: the template fails:",
        ),
    ],
)
def test_a_template_of_ones_own_is_tried_out(folder: Path, file: str, source: str, said: str) -> None:
    (folder / "own" / file).write_text(source)
    (told,) = complaints(folder, "{the desk: {template: own}}")
    assert told.startswith(said)
