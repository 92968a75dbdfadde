"""Leaves large numbers out of an ONNX file, so that reading it for its structure takes little memory.

A model is a message of Protocol Buffers: fields with a number, and messages inside messages. Here its bytes are walked
once, without a copy, and what no reader of the structure asks for is not taken: the numbers of large tensors, comments.
Encoding: https://protobuf.dev/programming-guides/encoding. Fields: onnx/onnx.proto of ONNX 1.23.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archdsl import limits

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""The ways in which a field is encoded."""

LONGEST_NUMBER = 10
"""Bytes of a number: seven bits each, of 64."""

DEEPEST = 32
"""How deeply graphs, nodes and attributes may lie inside each other."""

MESSAGES: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 8: "opset", 25: "function"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value", 15: "sparse"},
    "function": {7: "node", 9: "opset"},
    "node": {5: "attribute", 9: "property"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "value": {},
    "property": {},
    "opset": {},
}
"""The fields that are messages themselves, of each kind of message that is walked."""

NUMBERS = frozenset({4, 5, 6, 7, 9, 10, 11})
"""The fields of a tensor that hold its numbers, or its texts."""

COMMENTS: Mapping[str, frozenset[int]] = {
    "model": frozenset({6, 20}),
    "graph": frozenset({10, 14}),
    "node": frozenset({6}),
    "attribute": frozenset({13}),
    "function": frozenset({8}),
    "tensor": frozenset({12}),
}
"""The fields that are comments, or serve training."""


class Damaged(Exception):
    """Raised where bytes are no such message; says where and why."""


@dataclass
class Trimmer:
    """Copies a message without large numbers. `kept` counts the bytes of the copy, `items` its messages."""

    data: memoryview
    kept: int = 0
    items: int = 0

    def trimmed(self, kind: str) -> bytes:
        """The message of this kind that all the bytes are."""
        return self._message(kind, 0, len(self.data), 0)

    def _message(self, kind: str, start: int, stop: int, depth: int) -> bytes:
        if depth > DEEPEST:
            raise Damaged(f"messages lie more than {DEEPEST} deep inside each other, at byte {start:,}")
        self._count(start)
        inner, dropped, found = MESSAGES[kind], COMMENTS.get(kind, frozenset()), []
        for number, wire, first, begin, end in _fields(self.data, start, stop):
            if number in dropped or (kind == "tensor" and number in NUMBERS and not self._is_kept(end - begin)):
                continue
            if number in inner:
                if wire != BYTES:
                    raise Damaged(f"field {number} of a {kind} at byte {first:,} is a number, and no message")
                content = self._message(inner[number], begin, end, depth + 1)
                found.append(_varint(number << 3 | BYTES) + _varint(len(content)) + content)
            else:
                self._keep(end - first, first)
                found.append(bytes(self.data[first:end]))
        return b"".join(found)

    def _count(self, place: int) -> None:
        self.items += 1
        if self.items > limits.MESSAGES:
            raise TooLarge(f"it has more than {limits.MESSAGES:,} nodes, tensors and attributes")

    def _is_kept(self, size: int) -> bool:
        """Whether the numbers of a tensor are kept: if they are few, and few were kept before."""
        return size <= limits.NUMBERS and self.kept + size <= limits.MODEL // 2

    def _keep(self, size: int, place: int) -> None:
        self.kept += size
        if self.kept > limits.MODEL:
            raise TooLarge(f"without the numbers of its weights it is larger than {limits.MODEL >> 20} MiB")


class TooLarge(Exception):
    """Raised where a model has more than any network needs."""


def _fields(data: memoryview, start: int, stop: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Of each field: its number, how it is encoded, where it begins, and where its content begins and ends."""
    place = start
    while place < stop:
        first = place
        key, place = _number(data, place, stop)
        number, wire = key >> 3, key & 7
        if number == 0 or number >= 1 << 29:
            raise Damaged(f"there is no field {number}, at byte {first:,}")
        begin = place
        if wire == VARINT:
            _, place = _number(data, place, stop)
        elif wire == BYTES:
            size, begin = _number(data, place, stop)
            place = begin + size
        elif wire in (FIXED32, FIXED64):
            place += 4 if wire == FIXED32 else 8
        else:
            raise Damaged(f"the field at byte {first:,} is of the kind {wire}, which the format does not have")
        if place > stop:
            raise Damaged(f"a field at byte {first:,} ends at byte {place:,}, after what holds it ends ({stop:,})")
        yield number, wire, first, begin, place


def _number(data: memoryview, place: int, stop: int) -> tuple[int, int]:
    """A number of 64 bits, and where it ends."""
    value = 0
    for count in range(LONGEST_NUMBER):
        if place + count >= stop:
            raise Damaged(f"a number at byte {place:,} does not end")
        byte = data[place + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value & (1 << 64) - 1, place + count + 1
    raise Damaged(f"a number at byte {place:,} has more than {LONGEST_NUMBER} bytes")


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))
