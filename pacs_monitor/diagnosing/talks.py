"""How a diagnosis talks: an association with a C-ECHO, plain or over TLS, into the trace if there is one."""

from __future__ import annotations

import ssl

from pacs_monitor.certificate_facts import Facts, facts_of_file
from pacs_monitor.certificates import context_for
from pacs_monitor.diagnosing.diagnosis import Evidence, Target, show_address
from pacs_monitor.diagnosing.steps import Say, say_how_it_ended, watch
from pacs_monitor.diagnosing.tracing import Trace
from pacs_monitor.dicom.check import identity_of
from pacs_monitor.dicom.connect import Address
from pacs_monitor.dicom.contexts import with_verification
from pacs_monitor.dicom.conversation import Outcome, Script
from pacs_monitor.dicom.dialogue import Observer
from pacs_monitor.dicom.echo import echo
from pacs_monitor.dicom.tls import echo_tls
from pacs_monitor.node import Tls

NODE = "the node"
"""What sentences call it: here it has no name."""


class Talks:
    """To one target, one association at a time."""

    def __init__(self, target: Target, trace: Trace | None) -> None:
        self.target = target
        self.trace = trace
        self.context: ssl.SSLContext | None = None
        self.unverifying: ssl.SSLContext | None = None

    def read_certificates(self) -> Facts | None:
        """Read the files of TLS; what our own certificate says. Blocks. Raises CheckFailed("tls")."""
        tls = self.target.tls or Tls(verify=False)
        self.context = context_for(tls)
        self.unverifying = context_for(tls.model_copy(update={"verify": False}))
        return facts_of_file(tls.cert_file) if tls.cert_file else None

    def begin(self, target: Target, why: str = "") -> None:
        """Note in the trace that another connection begins."""
        if self.trace is not None:
            self.trace.begin(f"{target.place} as {target.called} from {target.calling}{f', {why}' if why else ''}")

    async def attempt(
        self, evidence: Evidence, address: Address, uids: tuple[str, ...], deadline: float, say: Say
    ) -> None:
        """One association, whose steps are said and whose end is evidence."""
        evidence.remote = show_address(address[1])
        evidence.passed = set()
        watched = watch(evidence, say, uids)
        evidence.take(await self.talk(self.target, address, uids, deadline, watched))
        say_how_it_ended(evidence, say)

    async def talk(
        self,
        target: Target,
        address: Address,
        uids: tuple[str, ...],
        deadline: float,
        observer: Observer | None = None,
        *,
        context: ssl.SSLContext | None = None,
    ) -> Outcome:
        """One association with a C-ECHO; over TLS as the target has it, or with `context`."""
        self.begin(target)
        script = self.script(target, uids)
        if target.tls is None and context is None:
            return await echo(script, [address], deadline, observer, self.trace)
        context = context or self.context
        assert context is not None
        return await echo_tls(script, [address], deadline, context, target.server_name, observer, self.trace)

    def script(self, target: Target, uids: tuple[str, ...]) -> Script:
        """What is said in an association that asks for Verification and these SOP classes."""
        return Script.write(
            node=NODE,
            place=target.place,
            called=target.called,
            calling=target.calling,
            contexts=with_verification(uids),
            identity=None if target.user is None else identity_of(target.user),
            only_asking=True,
        )
