"""Commands on templates of notifications: `pacs-monitor template preview`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacs_monitor.console import fail, load

if TYPE_CHECKING:
    from pacs_monitor.notify.preview import Preview

template = typer.Typer(help="Look at notifications before they are sent.", no_args_is_help=True)


@template.callback()
def _template() -> None:
    """Look at notifications before they are sent."""


@template.command()
def preview(
    receiver: Annotated[str | None, typer.Option(help="What this receiver would get; needs --config.")] = None,
    name: Annotated[
        str | None, typer.Option("--template", help="What this template makes of it: teams, slack, or one of your own.")
    ] = None,
    sample: Annotated[str, typer.Option(help="firing, resolved, group, late or test.")] = "firing",
    language: Annotated[str, typer.Option(help="en or de, without --receiver.")] = "en",
    html: Annotated[Path | None, typer.Option(help="Write the mail's HTML into this file.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="With the site, time zone and templates of this file.")
    ] = None,
) -> None:
    """Show what a notification would say.

    It is made up, and nothing is sent. Exit status 1 if a template fails.
    """
    from pacs_monitor.notify.preview import shown
    from pacs_monitor.notify.samples import SAMPLES
    from pacs_monitor.notify.templates import TemplateFailed

    if sample not in SAMPLES:
        fail(f"--sample: there is no sample {sample}; use one of {', '.join(SAMPLES)}", 2)
    if receiver and name:
        fail("--receiver and --template exclude each other; keep one", 2)
    if receiver and not config:
        fail("--receiver needs the configuration that names it; add --config FILE", 2)
    try:
        found = _previews(receiver, name or "", sample, language, config)
    except TemplateFailed as failure:
        fail(f"the template fails: {failure}; correct it")
    except LookupError as error:
        fail(str(error.args[0]))
    print(shown(found), end="")
    if html:
        _write(html, next((one.html for one in found if one.html), ""))


def _previews(receiver: str | None, name: str, which: str, language: str, config: Path | None) -> list[Preview]:
    from zoneinfo import ZoneInfo

    from pacs_monitor.notify.preview import of_receiver, of_template
    from pacs_monitor.notify.samples import SAMPLES, sample
    from pacs_monitor.notify.templates import Templates
    from pacs_monitor.settings import AgentSettings

    configuration = load(config) if config else None
    agent = configuration.agent if configuration else AgentSettings(site="north")
    templates = Templates(ZoneInfo(agent.time_zone), agent.site, agent.alerting.templates)
    link = agent.external_url or "https://pacsmon.north.example"
    kind = next(one for one in SAMPLES if one == which)
    notification = sample(kind, int(time.time() * 1000), link, agent.site)
    if not receiver:
        return of_template(name, notification, templates, language)
    routing = configuration.routing if configuration else None
    try:
        found = routing.receiver(receiver) if routing else None
    except KeyError:
        found = None
    if found is None:
        named = ", ".join(one.name for one in routing.receivers) if routing else "none"
        raise LookupError(f"there is no receiver {receiver}; there are: {named}")
    return of_receiver(found, notification, templates)


def _write(path: Path, html: str) -> None:
    if not html:
        fail("--html: what was asked for has no HTML; leave --template out, or name a receiver of mails")
    try:
        path.write_text(html, "utf-8")
    except OSError as error:
        fail(f"--html: {path} cannot be written ({error.strerror}); give another file")
