"""From a MusicXML file, packed (.mxl) or not, to an element tree that is safe to walk.

XML can name other files, define words that unfold to gigabytes, and nest without end; a zip file
can unpack to a thousand times its size. MusicXML needs none of this: entities are refused before
the tree is built, the document type it names is never fetched, and sizes are checked first.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

from ritornello.errors import UserError
from ritornello.scores import limits

Element = ET.Element

_MAX_ELEMENTS = 2_000_000
_MAX_CONTAINER_BYTES = 2**20
_MAX_PACKED_FILES = 1_000
_ENCODINGS = {None, "utf-8", "utf-16", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252"}
_BROKEN = "save the piece again from a notation program"
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    KeyError,
    ValueError,
    IndexError,
    OSError,
)


def read_document(path: Path) -> bytes:
    """The bytes of the MusicXML document in a file.

    Raises:
        UserError: the file cannot be read, is too large, or is no sound packed MusicXML.
    """
    data = limits.read_bytes(path, limits.MAX_XML_BYTES)
    return unpack(data, str(path)) if data[:2] == b"PK" else data


def unpack(data: bytes, where: str) -> bytes:
    """The score inside a packed MusicXML file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_sizes(archive, len(data), where)
            return _read_member(archive, _root_name(archive, where), limits.MAX_UNPACKED_BYTES, where)
    except UserError:
        raise
    except _ZIP_ERRORS:
        raise UserError("not a sound packed MusicXML file", where=where, mend=_BROKEN) from None


def parse_document(data: bytes, where: str) -> Element:
    """The element tree of an XML document.

    Raises:
        UserError: it is not well formed, declares entities, or is too large.
    """
    limits.check_count("elements", data.count(b"<") - data.count(b"</"), _MAX_ELEMENTS, where)
    limits.check_count("notes", data.count(b"<note>") + data.count(b"<note "), 2 * limits.MAX_NOTES, where)
    try:
        _check_prolog(data, where)
        return ET.fromstring(data)  # noqa: S314 - _check_prolog has refused what is dangerous
    except UserError:
        raise
    except (expat.ExpatError, ET.ParseError, ValueError, LookupError) as error:
        raise UserError(f"not well-formed XML: {str(error)[:100]}", where=where, mend=_BROKEN) from None


class _PrologOver(Exception):  # noqa: N818 - a signal, not an error
    """The root element begins: no declarations can follow."""


def _check_prolog(data: bytes, where: str) -> None:
    """Refuses entities, an internal document type and odd encodings, which all stand before the root."""

    def refuse(*_: Any) -> None:
        raise UserError("the document declares entities", where=where, mend="MusicXML needs none: remove its DOCTYPE")

    def check_document_type(_name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            refuse()

    def check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise UserError(f"the encoding {encoding[:20]!r} is not read", where=where, mend="save it as UTF-8")

    def stop(*_: Any) -> None:
        raise _PrologOver

    parser = expat.ParserCreate()
    parser.XmlDeclHandler = check_encoding
    parser.StartDoctypeDeclHandler = check_document_type
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = stop
    try:
        parser.Parse(data, True)  # noqa: FBT003 - the last piece
    except _PrologOver:
        return


def _check_sizes(archive: zipfile.ZipFile, packed_bytes: int, where: str) -> None:
    members = archive.infolist()
    if len(members) > _MAX_PACKED_FILES:
        raise too_many(len(members), where)
    total = sum(member.file_size for member in members)
    if total > limits.MAX_UNPACKED_BYTES:
        raise limits.too_large("the unpacked file", total, limits.MAX_UNPACKED_BYTES, where, unit="bytes")
    if total > limits.MAX_UNPACK_RATIO * packed_bytes:
        limit = f"{limits.MAX_UNPACK_RATIO} times its packed size"
        raise UserError(f"unpacks to {total // packed_bytes} times its size", where=where, limit=limit, mend=_BROKEN)


def too_many(count: int, where: str) -> UserError:
    """The error for a packed file of too many files."""
    return UserError(f"{count:,} files in one packed score", where=where, limit=f"{_MAX_PACKED_FILES:,}", mend=_BROKEN)


def _root_name(archive: zipfile.ZipFile, where: str) -> str:
    """The name of the score in the archive, from META-INF/container.xml or, without one, by its ending."""
    names = [member.filename for member in archive.infolist()]
    if "META-INF/container.xml" in names:
        container = parse_document(_read_member(archive, "META-INF/container.xml", _MAX_CONTAINER_BYTES, where), where)
        files = [element for element in container.iter() if element.tag.rpartition("}")[2] == "rootfile"]
        kinds = {None, "", "application/vnd.recordare.musicxml+xml", "application/vnd.recordare.musicxml", "text/xml"}
        roots = [file.get("full-path", "") for file in files if file.get("media-type") in kinds]
    else:
        roots = [name for name in names if name.lower().endswith((".xml", ".musicxml")) and "/" not in name]
    if len(roots) != 1:
        raise UserError(f"{len(roots)} scores in one packed file", where=where, limit="1", mend=_BROKEN)
    return roots[0]


def _read_member(archive: zipfile.ZipFile, name: str, max_bytes: int, where: str) -> bytes:
    """One file of the archive; its declared size is not trusted."""
    with archive.open(name) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise limits.too_large("the unpacked file", len(data), max_bytes, where, unit="bytes")
    return data
