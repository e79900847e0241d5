"""One form for each e-mail address, so that databases can compare them letter by letter."""

from unicodedata import normalize

LONGEST = 320  # Django's validator accepts no more


def normalize_address(address: str) -> str:
    """Return the address in lower case, with Unicode's normal form and a readable domain.

    Chromium sends ``ada@bücher.example`` as ``ada@xn--bcher-kva.example``; other browsers send what
    is typed. Both become the former. The normal form of a normal form is itself. ::

        normalize_address("Ada@XN--BCHER-KVA.example") == "ada@bücher.example"
    """
    if len(address) > LONGEST:  # it is nobody's, and Unicode takes long
        return address
    text = normalize("NFC", normalize("NFKC", address).strip().lower())
    name, at, domain = text.rpartition("@")
    return name + at + ".".join(map(readable_label, domain.split("."))) if at else text


def readable_label(label: str) -> str:
    """A part of a domain as people read it, by the rules that Django sends mail by (IDNA 2003)."""
    try:
        return label.encode("idna").decode("idna")
    except UnicodeError:
        return label
