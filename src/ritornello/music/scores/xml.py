"""Parse XML documents: their encoding, and what is refused in them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ritornello.music.errors import decode_text


def parse_xml(content: bytes) -> ElementTree.Element:
    """Parse an XML document, passing over illegal characters; a bare "&" stands for itself.

    Empty elements without a name, which MuseScore 3 writes for signs that MusicXML does not have, are passed over.
    Raises ValueError for broken XML and for a document that declares entities.
    """
    text = xml_text(content)
    if "<!ENTITY" in text:
        raise ValueError("this XML file declares entities, which no score needs: export it again without them")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        mended = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)
        mended = re.sub(r"&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos);)", "&amp;", mended)
        mended = re.sub(r"<\s[^<>]*/>", "", mended)
        try:
            return ElementTree.fromstring(mended)
        except ElementTree.ParseError:
            raise ValueError(f"broken or cut short XML ({error}): fetch or export the file again") from None


def xml_text(content: bytes) -> str:
    """Decode an XML document by the encoding in its declaration, which is dropped.

    A declaration that can be read as ASCII does not stand in UTF-16, whatever it says.
    """
    if content[:4] in (b"<\0?\0", b"\0<\0?"):  # UTF-16 without a mark
        content = (b"\xff\xfe" if content[0] else b"\xfe\xff") + content
    declared = re.match(rb"(?:\xef\xbb\xbf)?\s*<\?xml[^>]*encoding=[\"']([\w.-]+)", content)
    name = declared[1].decode("ascii").lower() if declared else ""
    try:
        text = decode_text(content) if not name or name.startswith(("utf", "ucs")) else content.decode(name)
    except (LookupError, UnicodeDecodeError):
        text = decode_text(content)
    return re.sub(r"^\s*<\?xml.*?\?>", "", text.removeprefix("\ufeff"), count=1, flags=re.DOTALL).strip()
