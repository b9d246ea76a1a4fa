import pytest

from pacs_monitor.diagnosing.options import parse_target


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("archive:104", ("archive", 104)),
        ("10.0.0.5:11112", ("10.0.0.5", 11112)),
        ("[fe80::1]:104", ("fe80::1", 104)),
        (" archive:104 ", ("archive", 104)),
    ],
)
def test_a_target_is_a_host_and_a_port(text: str, place: tuple[str, int]) -> None:
    assert parse_target(text) == place


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("archive", "archive has no port; write HOST:PORT, for example 10.0.0.5:104"),
        (":104", ":104 has no port; write HOST:PORT, for example 10.0.0.5:104"),
        ("archive:", "nothing is not a TCP port (1 to 65535); write HOST:PORT"),
        ("archive:dicom", "dicom is not a TCP port (1 to 65535); write HOST:PORT"),
        ("archive:70000", "70000 is not a TCP port (1 to 65535); write HOST:PORT"),
        ("fe80::1:104", "fe80::1:104 is an IPv6 address without brackets; write [fe80::1]:104"),
        (
            "http://archive:104",
            "http://archive:104 is an IPv6 address without brackets; write [http://archive]:104",
        ),
    ],
)
def test_what_is_no_target_is_refused_with_the_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_target(text)
    assert str(raised.value) == complaint
