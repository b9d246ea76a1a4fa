"""Advice on what is in the way of TLS: the node's certificate, ours, or that one side does not speak it."""

from __future__ import annotations

from pacs_monitor.certificates import Trouble
from pacs_monitor.diagnosing.advice import LISTENS, LOG, Advice

_SHOW = "`openssl s_client -connect {place} -showcerts` shows what the node sends"
_CLOCK = "compare the clock of this machine, which says {now}: `date -u`"
_MEANWHILE = "until then, diagnose with --insecure to see whether all else is well"
_OTHER_NAME = (
    "if this is the node that you mean, diagnose with --server-name and a name of its certificate; for checks, set "
    "tls.server_name"
)

WANTS_OURS = Advice(
    "ours",
    ("it talks only to those who show a certificate that it trusts (mutual TLS), and we showed none",),
    (
        "diagnose with --cert and --key: the certificate and key that were issued for this machine",
        "if there are none, ask whoever runs the node which authority it trusts, and have them issued there",
        "for checks, set tls.cert_file and tls.key_file of the node",
    ),
    "the node ({place}) wants a certificate of ours, and none was given",
)
SPEAKS_TLS = Advice(
    "ours",
    ("the port speaks TLS, and we did not",),
    ("diagnose again with --tls, and --ca if it needs one",),
    "the node ({place}) speaks TLS on this port",
)
SPEAKS_PLAIN = Advice(
    "ours",
    ("the port speaks DICOM without TLS",),
    ("diagnose again without --tls",),
    "the node ({place}) does not speak TLS on this port",
)
CHAIN_EXPIRED = Advice(
    "the node's configuration",
    (
        "a certificate of the authority that issued it has expired; its own is good until {ended}",
        "the authority's certificate in {trusted} is an old one",
    ),
    ("have whoever runs the node renew what its authority issued", _SHOW, _CLOCK, _MEANWHILE),
    "the certificate of the node ({place}) is issued by an authority whose certificate has expired",
)

BY_TROUBLE: dict[Trouble, Advice] = {
    "ours_missing": WANTS_OURS,
    "ours_untrusted": Advice(
        "the node's configuration",
        (
            "the issuer of our certificate ({our_issuer}) is not trusted there",
            "our certificate is not registered there",
        ),
        (
            "have our certificate, or its issuer, registered on the node",
            "or ask whoever runs the node which authority it trusts, and give a certificate of that one with --cert",
            LOG,
        ),
        "the node ({place}) does not take our certificate",
    ),
    "ours_expired": Advice(
        "ours",
        ("our certificate is good until {our_end} only", "the clock of the node is wrong"),
        ("renew the certificate of --cert, and diagnose again", "compare the clocks; this machine's says {now}"),
        "the node ({place}) says that our certificate has expired",
    ),
    "ours_revoked": Advice(
        "ours",
        ("its authority ({our_issuer}) has taken our certificate back",),
        ("ask the authority why, and have a new certificate issued",),
        "the node ({place}) says that our certificate was revoked",
    ),
    "expired": Advice(
        "the node's configuration",
        ("it was not renewed in time", "the clock of this machine is wrong: it says {now}"),
        (
            "have whoever runs the node renew its certificate: it is to be done there, not here",
            "compare the clock of this machine: `date -u`",
            _MEANWHILE,
        ),
        "the certificate of the node ({place}) has expired: it ended {ended}",
    ),
    "not_yet_valid": Advice(
        "the node's configuration",
        ("the clock of this machine is wrong: it says {now}", "the node's clock was wrong when it was issued"),
        (
            "compare the clock of this machine: `date -u`",
            "if ours is right, have whoever runs the node get a new certificate",
            _MEANWHILE,
        ),
        "the certificate of the node ({place}) is not valid yet: it begins {began}",
    ),
    "self_signed": Advice(
        "ours",
        ("the node made its certificate itself, and we were not told to trust it",),
        (
            "compare its SHA-256 fingerprint with the one that the node shows: {fingerprint}",
            "if they are the same, save it: `openssl s_client -connect {place} </dev/null | openssl x509 > node.pem`",
            "then diagnose with --ca node.pem; for checks, set tls.ca_file",
        ),
        "the certificate of the node ({place}) is self-signed, and not one that we trust",
    ),
    "issuer": Advice(
        "ours",
        (
            "the authority that issued it ({issuer}) is not in {trusted}",
            "the node does not send the certificates between its own and the authority's",
        ),
        ("ask whoever runs the node for the authority's certificate", "diagnose with --ca and that file", _SHOW),
        "the certificate of the node ({place}) comes from an authority that we do not trust",
    ),
    "name": Advice(
        "the node's configuration",
        ("another machine than the expected one answers", "the node was renamed since the certificate was issued"),
        (_OTHER_NAME, "else have whoever runs the node get a certificate for {expected}"),
        "the certificate of the node ({place}) is not for {expected}, but for {names}",
    ),
    "address": Advice(
        "ours",
        ("certificates are for names, and we connect by address", "another machine than the expected one answers"),
        (_OTHER_NAME, "else have whoever runs the node get a certificate for {expected}"),
        "the certificate of the node ({place}) is not for {expected}, but for {names}",
    ),
    "not_accepted": Advice(
        "the node's configuration",
        ("its certificate, or one of its authority's, is not as it must be",),
        (_SHOW, "have whoever runs the node get another certificate", _MEANWHILE),
    ),
    "not_tls": Advice(
        "the node's configuration",
        ("another service than DICOM over TLS listens on port {port}",),
        ("look up the port for DICOM over TLS in the node's configuration (often 2762)", LISTENS),
    ),
    "old": Advice(
        "the node's service",
        ("its software is too old for TLS 1.2", "TLS 1.2 is switched off there"),
        ("have TLS 1.2 or 1.3 switched on there", "ask its vendor for a version that has it"),
    ),
    "server_name": Advice(
        "ours",
        ("the name that we ask for ({expected}) is none of the node's",),
        ("diagnose with --server-name and a name of the node's certificate", _SHOW),
    ),
    "no_agreement": Advice(
        "the node's configuration",
        ("it has no cipher in common with us", "it does not take our certificate"),
        (LOG, "ask its vendor for the ciphers of the DICOM TLS profiles (BCP 195)", _SHOW),
    ),
    "closed": Advice(
        "the node's configuration",
        ("the port does not speak TLS", "it wants a certificate of ours", "a firewall cuts TLS off"),
        ("look up the port for DICOM over TLS in the node's configuration", "diagnose with --cert and --key", LOG),
    ),
    "other": Advice("the node's service", ("its TLS is broken, or has settings that do not fit ours",), (LOG, _SHOW)),
}
MAYBE_WANTS_OURS = Advice(
    side="ours",
    causes=("it wants a certificate of ours, and none was given", "it has no cipher in common with us"),
    tries=("diagnose with --cert and --key", LOG, _SHOW),
)
