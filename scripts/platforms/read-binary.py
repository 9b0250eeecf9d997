"""What a system's loader reads of an addon, as JSON: python3 scripts/platforms/read-binary.py FILE

LIEF reads ELF, PE and Mach-O. What it leaves as bytes is the code signature of Mach-O, without which macOS on arm64 ends the process:
the layout is that of cs_blobs.h in Apple's xnu.
"""

import hashlib
import json
import struct
import sys

import lief

SUPER_BLOB = 0xFADE0CC0
CODE_DIRECTORY = 0xFADE0C02
SHA256 = 2


def read_elf(binary):
    versions = [
        version.name
        for requirement in binary.symbols_version_requirement
        for version in requirement.get_auxiliary_symbols()
    ]
    return {
        "format": "ELF",
        "machine": binary.header.machine_type.name,
        "libraries": list(binary.libraries),
        "exports": [symbol.name for symbol in binary.exported_symbols if symbol.name],
        "versions": versions,
    }


def read_pe(binary):
    entries = binary.get_export().entries if binary.has_exports else []
    return {
        "format": "PE",
        "machine": binary.header.machine.name,
        "libraries": [imported.name for imported in binary.imports],
        "exports": [entry.name for entry in entries],
    }


def read_mach_o(binary, content):
    version = binary.build_version or binary.version_min
    minimum = version.minos if binary.build_version else version.version
    name = next(c.name for c in binary.commands if c.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB)
    return {
        "format": "Mach-O",
        "machine": binary.header.cpu_type.name,
        "libraries": [library.name for library in binary.libraries if library.name != name],
        "exports": [symbol.name for symbol in binary.exported_symbols],
        "name": name,
        "minimum": ".".join(str(part) for part in minimum[:2]),
        "signature": read_signature(binary, content),
    }


def read_signature(binary, content):
    """How many pages are signed, and which are not as they were when they were."""
    if not binary.has_code_signature:
        return None
    start = binary.code_signature.data_offset
    magic, _, count = struct.unpack_from(">III", content, start)
    assert magic == SUPER_BLOB
    for index in range(count):
        _, offset = struct.unpack_from(">II", content, start + 12 + 8 * index)
        if struct.unpack_from(">I", content, start + offset) == (CODE_DIRECTORY,):
            return read_pages(content, start + offset, start)
    return None


def read_pages(content, directory, signature):
    (hashes,) = struct.unpack_from(">I", content, directory + 16)
    count, limit, hash_size, hash_type, _, page_bits = struct.unpack_from(">IIBBBB", content, directory + 28)
    assert hash_type == SHA256
    page = 1 << page_bits
    wrong = [
        index
        for index in range(count)
        if hashlib.sha256(content[index * page : min((index + 1) * page, limit)]).digest()
        != content[directory + hashes + index * hash_size :][:hash_size]
    ]
    return {"pages": count, "wrong": wrong, "whole": limit == signature and count == -(-limit // page)}


def main(file):
    with open(file, "rb") as opened:
        content = opened.read()
    binary = lief.parse(file)
    if isinstance(binary, lief.ELF.Binary):
        return read_elf(binary)
    if isinstance(binary, lief.PE.Binary):
        return read_pe(binary)
    if isinstance(binary, lief.MachO.Binary):
        return read_mach_o(binary, content)
    raise SystemExit(f"{file} is no library of any system")


print(json.dumps(main(sys.argv[1])))
