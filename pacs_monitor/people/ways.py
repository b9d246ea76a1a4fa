"""How each person is reached: mails, short texts to a pager, posts to a chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pacs_monitor.people.settings import Person, Smtp, server_of
from pacs_monitor.routing.definitions import NO_SECRET, Email, Integration, Secret, Tls, Webhook
from pacs_monitor.sections import SecretSource

HasTemplate = Callable[[str, str], bool]
"""Whether there is a template of a name and a kind: `mail` or `json`."""


def ways_of(
    people: Mapping[str, Person], smtp: Smtp | None, has: HasTemplate
) -> Iterator[tuple[tuple[str, str], Integration]]:
    """Each by way and person: (`pager`, `ana`)."""
    for name, person in people.items():
        if smtp is not None and person.email:
            own = person.template if person.template and has(person.template, "mail") else ""
            yield ("email", name), replace(_mail(person.email, person, smtp), template=own)
        if smtp is not None and person.pager:
            yield ("pager", name), replace(_mail(person.pager, person, smtp), style="pager")
        if person.webhook:
            own = person.template if person.template and has(person.template, "json") else ""
            yield ("webhook", name), _post(person, own)


def _mail(to: str, person: Person, smtp: Smtp) -> Email:
    host, port = server_of(smtp.host)
    return Email(
        to=to,
        sender=smtp.from_,
        host=host,
        port=int(port),
        hello=smtp.hello,
        username=smtp.username,
        password=_secret(SecretSource(file=smtp.password_file, text=smtp.password)),
        require_tls=smtp.require_tls,
        tls=Tls(ca_file=smtp.ca_file),
        send_resolved=True,
        language=person.language,
    )


def _post(person: Person, template: str) -> Webhook:
    return Webhook(
        url=_secret(SecretSource(file=person.webhook_file, text=person.webhook)),
        template=template,
        secrets=tuple((name, _secret(source)) for name, source in person.secrets.items()),
    )


def _secret(source: SecretSource) -> Secret:
    if source.file is not None:
        return Secret(file=source.file)
    return Secret(source.text.get_secret_value()) if source.text else NO_SECRET
