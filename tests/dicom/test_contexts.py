import pytest

from pacs_monitor.dicom.contexts import sop_class_uid, with_verification


def test_a_sop_class_may_be_named_by_keyword_or_uid() -> None:
    assert sop_class_uid("CTImageStorage") == "1.2.840.10008.5.1.4.1.1.2"
    assert sop_class_uid("1.2.840.10008.5.1.4.1.1.2") == "1.2.840.10008.5.1.4.1.1.2"
    assert sop_class_uid("1.3.46.670589.2.5.1.1") == "1.3.46.670589.2.5.1.1"  # a vendor's own


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("CTImageStorrage", "CTImageStorrage is not a SOP class; did you mean CTImageStorage?"),
        ("zzz", "zzz is not a SOP class; write its keyword as PS3.6 has it, or its UID"),
        ("1.2.x", "1.2.x is not a UID; up to 64 digits and dots"),
        ("1." * 40 + "1", "1." * 40 + "1 is not a UID; up to 64 digits and dots"),
        ("1..2", "1..2 is not a UID; up to 64 digits and dots"),
        ("1.２", "1.２ is not a UID; up to 64 digits and dots"),
    ],
)
def test_what_is_no_sop_class_is_refused_with_the_remedy(name: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        sop_class_uid(name)
    assert str(raised.value) == complaint


def test_verification_comes_first_for_it_carries_the_echo() -> None:
    first, second = with_verification(("1.2.3",))
    assert first.abstract == "1.2.840.10008.1.1"
    assert (second.abstract, len(second.transfers)) == ("1.2.3", 2)
