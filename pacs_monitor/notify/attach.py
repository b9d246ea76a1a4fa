"""Attaches templates, languages and secrets of the agent's own file to receivers of an Alertmanager file, by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from pacs_monitor.configuring.fields import suggestion
from pacs_monitor.configuring.findings import Findings
from pacs_monitor.configuring.tree import Items, Map, Place, Scalar, Value, below
from pacs_monitor.notify.samples import SAMPLES, sample
from pacs_monitor.notify.templates import BODIES, TemplateFailed, Templates
from pacs_monitor.routing.definitions import Email, Integration, Receiver, Routing, Secret, Webhook
from pacs_monitor.sections import SecretSource
from pacs_monitor.settings import AlertingSettings, ReceiverSettings

_SOME_DAY = 1_795_515_120_000


def attach(routing: Routing | None, settings: AlertingSettings, root: Map, findings: Findings) -> Routing | None:
    """The routing with what the section `alerting` says of its receivers; complaints go to the findings."""
    section = root.get("alerting")
    if not isinstance(section, Map):
        return routing
    _check_folders(section, findings)
    if not settings.receivers:
        return routing
    listed = section.get("receivers")
    if routing is None:
        if not findings.complained_within("alerting.routes") and settings.routes is None:
            message = "are receivers of an Alertmanager file, and none is named; set alerting.routes"
            findings.complain(below(section, "receivers"), message)
        return routing
    names = [receiver.name for receiver in routing.receivers]
    for name in settings.receivers:
        if name not in names and isinstance(listed, Map):
            message = f"there is no receiver {name} in {settings.routes}; {suggestion(name, names)}"
            findings.complain(below(listed, name), message)
    templates = Templates(UTC, folders=[folder for folder in settings.templates if folder.is_dir()])
    receivers = []
    for receiver in routing.receivers:
        told = settings.receivers.get(receiver.name)
        place = listed.get(receiver.name) if isinstance(listed, Map) else None
        if told is not None and isinstance(place, Map):
            check_attached(receiver, told, place, templates, settings.templates, findings)
        receivers.append(_attached(receiver, told) if told else receiver)
    return replace(routing, receivers=tuple(receivers))


def check_attached(
    receiver: Receiver,
    told: ReceiverSettings,
    place: Map,
    templates: Templates,
    folders: Iterable[Path],
    findings: Findings,
) -> None:
    """Complain of what a receiver cannot use, of secrets that are not there, and of a template that breaks."""
    for setting, message in (*_faults(receiver, told, templates), *_of_secrets(told, place, findings)):
        findings.complain(below(place, setting), message)
    _try_out(receiver, told, templates, folders, findings)


def _attached(receiver: Receiver, told: ReceiverSettings) -> Receiver:
    return replace(receiver, integrations=tuple(_one(integration, told) for integration in receiver.integrations))


def _one(integration: Integration, told: ReceiverSettings) -> Integration:
    if isinstance(integration, Email):
        return replace(integration, template=told.template or "", style=told.style, language=told.language)
    secrets = tuple((name, _secret(source)) for name, source in told.secrets.items())
    key = _secret(told.signing_key) if told.signing_key else integration.signing_key
    return replace(integration, template=told.template or "", secrets=secrets, signing_key=key)


def _secret(source: SecretSource) -> Secret:
    return Secret(source.text.get_secret_value() if source.text else "", source.file)


def _check_folders(section: Map, findings: Findings) -> None:
    listed = section.get("templates")
    for item in listed.items if isinstance(listed, Items) else ():
        if isinstance(item, Scalar) and item.text:
            path = Path(os.path.normpath(Path(item.file).parent / item.text))
            if not path.is_dir():
                findings.complain(item, f"there is no folder {path}; make it, or correct the name")


def _faults(receiver: Receiver, told: ReceiverSettings, templates: Templates) -> Iterator[tuple[str, str]]:
    """Settings that the receiver cannot use, with what is wrong."""
    mails = any(isinstance(one, Email) for one in receiver.integrations)
    posts = any(isinstance(one, Webhook) for one in receiver.integrations)
    if told.template and not (
        (mails and templates.has(told.template, "mail")) or (posts and _has_body(told, templates))
    ):
        yield "template", _no_template(told.template, mails, posts)
    if told.style == "pager" and not mails:
        yield "style", "is for mails, and this receiver has no email_configs; leave it out"
    if told.signing_key and not posts:
        yield "signing_key", "is for posts, and this receiver has no webhook_configs; leave it out"
    if told.template and posts and _has_body(told, templates):
        for name in sorted(_needed(told.template, templates) - set(told.secrets)):
            yield "secrets", f"the template {told.template} takes the secret {name}; add {name}: {{file: PATH}}"


def _has_body(told: ReceiverSettings, templates: Templates) -> bool:
    return templates.has(told.template or "", "json")


def _needed(name: str, templates: Templates) -> set[str]:
    try:
        return templates.secrets_of(name)
    except TemplateFailed:
        return set()  # it is told when it is tried out


def _no_template(name: str, mails: bool, posts: bool) -> str:
    files = [f"{name}.txt.j2"] * mails + [f"{name}.json.j2"] * posts
    remedy = f"write {' or '.join(files)} into a folder of alerting.templates" if files else "leave it out"
    ours = f", or use {', '.join(BODIES)}" if posts else ""
    return f"there is no template {name} for what this receiver sends; {remedy}{ours}"


def _of_secrets(told: ReceiverSettings, place: Map, findings: Findings) -> Iterator[tuple[str, str]]:
    sources = [(f"secrets.{name}", source, _within(place, "secrets", name)) for name, source in told.secrets.items()]
    if told.signing_key:
        sources.append(("signing_key", told.signing_key, place.get("signing_key")))
    for setting, source, value in sources:
        if (source.file is None) == (source.text is None):
            yield setting, "needs one of file and text; write {file: PATH}"
        elif source.file is not None:
            findings.read(source.file)
            if not source.file.is_file() or not os.access(source.file, os.R_OK):
                at = below(value, "file") if isinstance(value, Map) else place
                findings.complain(at, f"{source.file} cannot be read; check that it is a file, and its rights")


def _within(place: Map, *keys: str) -> Value | None:
    found: Value | None = place
    for key in keys:
        found = found.get(key) if isinstance(found, Map) else None
    return found


def _try_out(
    receiver: Receiver, told: ReceiverSettings, templates: Templates, folders: Iterable[Path], findings: Findings
) -> None:
    """Render all samples with a template of the administrator's own: what breaks is a complaint about its line."""
    if not told.template:
        return
    secrets = dict.fromkeys(told.secrets, "secret")
    for name in SAMPLES:
        view = templates.view(sample(name, _SOME_DAY), told.language)
        try:
            if any(isinstance(one, Email) for one in receiver.integrations):
                templates.own_mail(told.template, view, pager=told.style == "pager")
            if any(isinstance(one, Webhook) for one in receiver.integrations) and _has_body(told, templates):
                templates.own_body(told.template, replace(view, secrets=secrets))
        except TemplateFailed as failure:
            file = next((folder / failure.file for folder in folders if (folder / failure.file).is_file()), None)
            if file is not None:
                findings.complain(Place(str(file), failure.line, ""), f"the template fails: {failure.why}; correct it")
                return
