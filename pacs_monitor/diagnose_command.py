"""The command `pacs-monitor diagnose`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from pacs_monitor.console import DEFAULT_CONFIG, ConfigOption, fail, load, out


def diagnose(
    target: Annotated[
        str, typer.Argument(metavar="NODE|HOST:PORT", help="A node of the configuration, or a DICOM listener.")
    ],
    called: Annotated[
        str | None, typer.Option("--called", help="Its AE title; of a node the one that it has, unless given.")
    ] = None,
    calling: Annotated[
        str | None, typer.Option("--calling", help="Our AE title; PACSMON, or what a node has, unless given.")
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Speak TLS; each option on certificates means it, too.")] = False,
    ca: Annotated[Path | None, typer.Option("--ca", help="Certificates to trust (PEM).")] = None,
    cert: Annotated[Path | None, typer.Option("--cert", help="Our certificate (PEM), if it wants one.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Its private key, unless in --cert (PEM).")] = None,
    server_name: Annotated[str | None, typer.Option(help="The name in its certificate, if not HOST.")] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Do not verify its certificate.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds for all of it, closer looks included.")] = 10.0,
    trace: Annotated[
        Path | None, typer.Option("--trace", help="Write what is said on the wire into this file; nothing of patients.")
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Also store a synthetic study, by the node's check that may write.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON document a line, for scripts.")] = False,
) -> None:
    """Walk to a DICOM service step by step to where it breaks.

    Then say what is wrong, whose side it is on and what to try. Exit status 0 if the node answers C-ECHO, 1 if
    not, 2 for wrong usage.
    """
    from pacs_monitor.diagnosing import walk as diagnoses
    from pacs_monitor.diagnosing.options import TlsOptions, make_target, target_of_node
    from pacs_monitor.diagnosing.storing import store_of
    from pacs_monitor.diagnosing.tracing import Trace

    options, storing = TlsOptions(tls, ca, cert, key, server_name, insecure), None
    try:
        if ":" in target:
            wanted = make_target(target, called, calling, options, timeout)
            if store:
                raise ValueError("--store is for a node of the configuration, whose check ingest may write; name it")
        else:
            configuration = load(config, 2)
            wanted = target_of_node(configuration, target, called, calling, options, timeout)
            storing = store_of(configuration, target) if store else None
    except ValueError as error:
        fail(f"diagnose: {error}", 2)
    try:
        writing = Trace.open(trace) if trace else None
    except OSError as error:
        fail(f"--trace: {trace} cannot be written ({error.strerror}); choose another place", 2)
    status = asyncio.run(diagnoses.run(wanted, out(), as_json, writing, storing))
    if writing is not None:
        writing.close()
        print(f"what was said stands in {trace}", file=sys.stderr)
    raise typer.Exit(status)
