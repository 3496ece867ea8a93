"""Parse XML documents: their encoding, and what is refused in them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ritornello.music.errors import decode_text


def parse_xml(content: bytes) -> ElementTree.Element:
    """Parse an XML document.

    Raises ValueError for broken XML and for a document that declares entities.
    """
    text = xml_text(content)
    if "<!ENTITY" in text:
        raise ValueError("this XML file declares entities, which no score needs: export it again without them")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"broken or cut short XML ({error}): fetch or export the file again") from None


def xml_text(content: bytes) -> str:
    """Decode an XML document by the encoding in its declaration, which is dropped."""
    declared = re.match(rb"\s*<\?xml[^>]*encoding=[\"']([\w.-]+)", content)
    try:
        text = content.decode(declared[1].decode("ascii")) if declared else decode_text(content)
    except (LookupError, UnicodeDecodeError):
        text = decode_text(content)
    return re.sub(r"^\s*<\?xml.*?\?>", "", text.removeprefix("\ufeff"), count=1, flags=re.DOTALL).strip()
