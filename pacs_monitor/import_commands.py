"""Commands that take nodes from elsewhere: `pacs-monitor import csv`, `orthanc` and `dcm4chee`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, count, fail, load

if TYPE_CHECKING:
    from pacs_monitor.importing.listing import Listing
    from pacs_monitor.node import Node
    from pacs_monitor.settings import Configuration, PeerSettings

imports = typer.Typer(help="Take nodes from a spreadsheet or an archive.", no_args_is_help=True)

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the file instead of writing it.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", help="The file to write; nodes.d/NAME.yml beside the configuration unless set."),
]
Profile = Annotated[
    str | None, typer.Option(help="The profile of the nodes; modality, if there is that one, unless set.")
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there.")]
Source = Annotated[str, typer.Argument(metavar="FILE_OR_URL")]


@imports.callback()
def _imports() -> None:
    """Take nodes from a spreadsheet or an archive."""


@imports.command()
def csv(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header, as spreadsheets write it.")],
    column: Annotated[
        list[str] | None, typer.Option(metavar="SETTING=COLUMN", help="Which column holds a setting; repeat it.")
    ] = None,
    dry_run: DryRun = False,
    output: Output = None,
    profile: Profile = None,
    force: Force = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take the nodes of a spreadsheet, whatever its columns are called.

    Exit status 1 if a row had to be left out.
    """
    from pacs_monitor.importing.spreadsheet import read_csv

    given = dict(_pair(one) for one in column or ())
    listing = _listed(lambda: read_csv(file, given))
    _take(listing, file.stem, config, output, profile, dry_run=dry_run, force=force)


@imports.command()
def orthanc(
    source: Source,
    username: Annotated[str, typer.Option(help="Who asks the REST API.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="A file with the password.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Certificates to trust (PEM).")] = None,
    dry_run: DryRun = False,
    output: Output = None,
    profile: Profile = None,
    force: Force = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take the remote modalities of an Orthanc: of its configuration file, or of http://HOST:8042.

    Exit status 1 if one had to be left out.
    """
    from pacs_monitor.importing.archives import orthanc_modalities

    peer = _peer(source, username, password_file, None, ca_file)
    listing = _listed(lambda: orthanc_modalities(peer or Path(source), source))
    _take(listing, "orthanc" if peer else Path(source).stem, config, output, profile, dry_run=dry_run, force=force)


@imports.command()
def dcm4chee(
    source: Source,
    username: Annotated[str, typer.Option(help="Who asks the REST API.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="A file with the password.")] = None,
    bearer_token_file: Annotated[Path | None, typer.Option(help="A file with a token instead.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Certificates to trust (PEM).")] = None,
    dry_run: DryRun = False,
    output: Output = None,
    profile: Profile = None,
    force: Force = False,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Take the application entities of a dcm4chee-arc: of https://HOST:8443/dcm4chee-arc, or a file of its /aes.

    Exit status 1 if one had to be left out. Built from its documentation, not tried on a real one.
    """
    from pacs_monitor.importing.archives import dcm4chee_entities

    peer = _peer(source, username, password_file, bearer_token_file, ca_file)
    listing = _listed(lambda: dcm4chee_entities(peer or Path(source), source))
    _take(listing, "dcm4chee" if peer else Path(source).stem, config, output, profile, dry_run=dry_run, force=force)


def _listed(read: Callable[[], Listing]) -> Listing:
    """What is listed there, or why nothing can be taken and the end."""
    from pacs_monitor.importing.listing import ImportRefused

    try:
        return read()
    except ImportRefused as error:
        fail(str(error))


def _pair(text: str) -> tuple[str, str]:
    setting, equals, column = text.partition("=")
    if not equals or not setting or not column:
        fail(f"--column: {text} is not SETTING=COLUMN; write for example --column ae_title='AE Title'", 2)
    return setting, column


def _peer(
    source: str, username: str, password_file: Path | None, bearer_token_file: Path | None, ca_file: Path | None
) -> PeerSettings | None:
    """The server that an address names; None if it is a file."""
    if not re.match(r"https?://", source):
        return None
    from pydantic import SecretStr

    from pacs_monitor.settings import PeerSettings, TlsClient

    if "@" in source.split("//", 1)[1].split("/")[0]:
        fail("the address holds a user; use --username and --password-file instead", 2)
    password, token = (_secret(file) for file in (password_file, bearer_token_file))
    return PeerSettings(
        url=source,
        username=username,
        password=SecretStr(password) if password else None,
        bearer_token=SecretStr(token) if token else None,
        tls=TlsClient(ca_file=ca_file),
    )


def _secret(file: Path | None) -> str:
    from pacs_monitor.configuring.textfile import TextFileError, read_text

    if file is None:
        return ""
    try:
        return read_text(file).strip("\r\n")
    except TextFileError as error:
        fail(f"{file}: {error.message}", 2)


def _take(
    listing: Listing, stem: str, config: Path, output: Path | None, profile: str | None, *, dry_run: bool, force: bool
) -> None:
    from pacs_monitor.importing.judging import judge
    from pacs_monitor.importing.writing import file_text, write

    path = output or config.parent / "nodes.d" / f"{stem}.yml"
    configuration = load(config) if config.exists() else None
    there, title, profile = _there(configuration, path, profile)
    judged = judge(listing, there, title)
    text = file_text(judged, listing.source, profile)
    for said in judged.complaints:
        print(said, file=sys.stderr)
    tell = sys.stderr if dry_run else sys.stdout
    for said in (*judged.notes, *filter(None, [listing.said])):
        print(said, file=tell)
    entries = len(listing.trees) + len(listing.notes) + len(listing.findings.complaints)
    print(f"{listing.source}: {count(entries, listing.noun)}, {count(len(judged.nodes), 'node')}", file=tell)
    if dry_run:
        sys.stdout.write(text)
    elif judged.nodes:
        if path.exists() and not force:
            fail(f"{path} is there already; choose another name with --output, or write over it with --force")
        try:
            write(path, text)
        except OSError as error:
            fail(f"{path} cannot be written ({error.strerror}); make its folder, or choose another with --output")
        print(f"wrote {path}{_next(configuration, config, path)}")
    if judged.complaints:
        raise typer.Exit(1)


def _there(configuration: Configuration | None, path: Path, profile: str | None) -> tuple[dict[str, Node], str, str]:
    """The nodes that are configured elsewhere than in the file to write, our own AE title, and the profile to use."""
    from pacs_monitor.configuring import yamltree
    from pacs_monitor.configuring.tree import Map, plain

    if configuration is None:
        return {}, "", profile or ""
    profiles = configuration.trees.get("profiles")
    known = set(profiles.entries) if isinstance(profiles, Map) else set()
    if profile and profile not in known:
        fail(f"--profile: there is no profile {profile}; there is {', '.join(sorted(known)) or 'none'}", 2)
    written = plain(yamltree.read(path).root) if path.exists() else None
    own = {one.get("name") for one in written if isinstance(one, dict)} if isinstance(written, list) else set()
    there = {name: node for name, node in configuration.nodes.items() if name not in own}
    return there, configuration.agent.ae_title, profile or ("modality" if "modality" in known else "")


def _next(before: Configuration | None, config: Path, path: Path) -> str:
    """What to do so that the file is read."""
    if before is None:
        return f"; there is no {config} yet: pacs-monitor init writes one"
    if path.absolute() in load(config).files:
        return ", which the agent reads"
    shown = path.relative_to(config.parent) if path.is_relative_to(config.parent) else path.absolute()
    pattern = shown.with_name("*.yml") if shown.parent.name == "nodes.d" else shown
    return f"; to have it read, write into {config}:\n\nnodes_from:\n  - file: {pattern}"
