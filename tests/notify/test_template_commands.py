from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pacs_monitor.__main__ import app
from pacs_monitor.notify.samples import SAMPLES
from pacs_monitor.notify.templates import BODIES


def preview(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["template", "preview", *words])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "key").write_text("s3cret")
    (tmp_path / "routes.yml").write_text(
        """
route: {receiver: oncall}
receivers:
  - name: oncall
    email_configs: [{to: a@x.example, from: b@x.example, smarthost: "mail:25"}]
    webhook_configs: [{url: "https://x.example/url-s3cret"}]
  - name: plain
    webhook_configs: [{url: "https://x.example/url-s3cret"}]
"""
    )
    file = tmp_path / "pacs-monitor.yml"
    file.write_text(
        """
site: south
time_zone: Asia/Tokyo
nodes: [{name: a, host: 10.0.0.1}]
alerting:
  routes: routes.yml
  templates: [own]
  receivers: {oncall: {template: pagerduty, language: de, secrets: {routing_key: {file: key}}}}
"""
    )
    (tmp_path / "own").mkdir()
    return file


@pytest.mark.parametrize("sample", SAMPLES)
def test_mail_and_pager_of_each_sample(sample: str, tmp_path: Path) -> None:
    html = tmp_path / "mail.html"
    done = preview("--sample", sample, "--html", str(html))
    assert done.exit_code == 0, done.output
    assert "--- mail\nSubject: [" in done.output
    assert "--- pager, " in done.output
    assert html.read_text().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("name", BODIES)
def test_each_body(name: str) -> None:
    done = preview("--template", name)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"--- {name}.json.j2\n{{")


def test_what_a_receiver_would_get(config: Path) -> None:
    done = preview("--receiver", "oncall", "-c", str(config))
    assert done.exit_code == 0, done.output
    assert "--- email/0\nSubject: [CRITICAL] south archive: abgewiesen, AE-Titel unbekannt, seit" in done.output
    assert '--- webhook/0\n{\n  "routing_key": "(hidden)"' in done.output
    plain = preview("--receiver", "plain", "-c", str(config))
    assert '--- webhook/0\n{\n  "receiver": "plain"' in plain.output
    assert "s3cret" not in done.output + plain.output


def test_a_template_that_fails_is_told(config: Path) -> None:
    (config.parent / "own/bad.txt.j2").write_text("\n{{ nothing }}")
    done = preview("--template", "bad", "-c", str(config))
    assert done.exit_code == 1
    assert "the template fails: bad.txt.j2, line 2: 'nothing' is undefined; correct it" in done.stderr


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (["--sample", "x"], "--sample: there is no sample x; use one of firing, resolved, group, late, test", 2),
        (["--receiver", "x", "--template", "y"], "--receiver and --template exclude each other; keep one", 2),
        (["--receiver", "x"], "--receiver needs the configuration that names it; add --config FILE", 2),
        (["--template", "x"], "there is no template x; its files would be x.txt.j2 or x.json.j2", 1),
        (["--template", "slack", "--html", "x"], "--html: what was asked for has no HTML", 1),
    ],
)
def test_wrong_usage(words: list[str], said: str, status: int) -> None:
    done = preview(*words)
    assert done.exit_code == status
    assert said in done.stderr


def test_a_receiver_that_is_not_there(config: Path) -> None:
    done = preview("--receiver", "nobody", "-c", str(config))
    assert (done.exit_code, done.stderr.strip()) == (1, "there is no receiver nobody; there are: oncall, plain")
