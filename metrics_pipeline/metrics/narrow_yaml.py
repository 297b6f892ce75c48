"""YAML read in a narrow way: one document of plain mappings, lists and scalars, with the line of each place.

Aliases, anchors, tags and directives are refused (a small file can stand for a huge one, or for something else than it
says), and so are the words and numbers that YAML 1.1 reads otherwise than people do.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 12
MAX_PARTS = 5_000
"""Keys, values and brackets of one file."""
MAX_NUMBER = 10**15
# The words of YAML 1.1 for booleans and nothing, besides true and false.
AMBIGUOUS = re.compile(r"^(?:y|n|yes|no|on|off|null|~)$", re.IGNORECASE)
_DECIMAL = re.compile(r"^[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$")
_ENDLESS = re.compile(r"^[-+]?\.(?:inf|nan)$", re.IGNORECASE)
# Controls, halves of characters, and what no reviewer sees: marks of direction, zero-width and tag characters. The
# joiners U+200C and U+200D stay, for words and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)

Loc = tuple[str | int, ...]
"""A place in a file: `("labels", 0, "when")`; `()` is the whole."""


class Refused(Exception):
    """A file that is not read further."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_yaml(text: str, lines: dict[Loc, int]) -> dict[str, Any]:
    """The mapping that `text` is.

    Args:
        lines: The line, from 1, of each place is put in.

    Raises:
        Refused: It is something else, or says it in a way that is not read.
    """
    # Line ends of other systems are no unseen characters; in a quoted text `\r` is.
    _refuse_the_unseen(text.replace("\r\n", "\n").replace("\r", "\n"))
    loader = _Loader(text)
    try:
        node = loader.single_node()
    except yaml.MarkedYAMLError as error:
        raise Refused(_line(error.problem_mark or error.context_mark), _advice(error)) from None
    finally:
        loader.dispose()
    if node is None:
        raise Refused(None, "is empty. A definition needs name, type and definition.")
    if not isinstance(node, yaml.MappingNode):
        raise Refused(1, "must be a mapping: lines of the form `name: …`.")
    value = _plain(node, (), lines)
    assert isinstance(value, dict)
    return value


class _Loader(yaml.SafeLoader):
    """Composes nodes, and refuses the unusual before anything is built from it."""

    _depth = _parts = 0

    def single_node(self) -> yaml.Node | None:
        self.get_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.StreamEndEvent):
            return None
        start = self._next_event()
        if start.version or start.tags:
            raise Refused(_line(start.start_mark), "begins with a directive (%). Remove the line.")
        node: yaml.Node | None = self.compose_document()
        if not self.check_event(yaml.StreamEndEvent):
            line = _line(self._next_event().start_mark)
            raise Refused(line, "holds several documents (---). Write one metric a file.")
        return node

    def _next_event(self) -> Any:
        return self.peek_event()  # type: ignore[no-untyped-call]

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self._next_event()
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or event.anchor:
            raise Refused(line, "uses an alias or anchor (& or *). Write the text out, or quote it.")
        if event.tag:
            raise Refused(line, "uses a tag (!). Remove it, or quote the text.")
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Refused(line, f"holds more than {MAX_PARTS:,} keys and values. A definition is a page: shorten it.")
        if isinstance(event, yaml.ScalarEvent):
            return super().compose_node(parent, index)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Refused(line, f"is nested more than {MAX_DEPTH} deep. A definition is flat: rewrite it.")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _line(mark: yaml.Mark | None) -> int | None:
    return None if mark is None else mark.line + 1


def _advice(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or error.context or ""
    if "\\t" in problem:
        return "is indented with a tab, which YAML does not allow. Use spaces."
    if "quoted scalar" in (error.context or ""):
        return f"is not YAML: {problem}. A text in quotes lacks its end, or holds a backslash: write two of it."
    return f"is not YAML: {problem}. Put a text that holds `: ` or begins with a sign in quotes; check the indentation."


def _plain(node: yaml.Node, loc: Loc, lines: dict[Loc, int]) -> Any:
    """A node as dicts, lists and scalars; the line of each place goes into `lines`."""
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        folded: set[str] = set()
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise Refused(line, "a key must be plain text: write `key: value`, with the key on one line.")
            key = _key(key_node)
            # White space is folded in texts: keys that only differ in it are one.
            if (same := " ".join(key.split())) in folded:
                raise Refused(line, f"{shortened(same, 60)!r} is there twice. Remove one.")
            folded.add(same)
            lines[(*loc, key)] = line
            mapping[key] = _plain(value_node, (*loc, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*loc, index), lines) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _key(node: yaml.ScalarNode) -> str:
    """A key is text as it is written: `007` is not 7."""
    value = _scalar(node)
    if value is None:
        raise Refused(node.start_mark.line + 1, "a key is missing before the colon. Write `key: value`.")
    return str(value).lower() if isinstance(value, bool) else str(node.value)


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    line = node.start_mark.line + 1
    if node.style == '"':
        # Only here can a character stand that is not in the file: `\u202e`.
        _refuse_the_unseen(text, line)
    if node.style is not None:
        return text
    if text == "":
        return None
    if AMBIGUOUS.match(text):
        raise Refused(line, f'YAML does not read {text} as text. Put it in quotes: "{text}", or write true or false.')
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return _number(text, node.tag, line)


def _number(text: str, tag: str, line: int) -> str | int | float:
    """A whole or decimal number; all else (times, other bases, digits in groups) stays text."""
    if _ENDLESS.match(text):
        raise Refused(line, f'{text} is no number to compare with. Write one in digits, or "{text}".')
    if tag not in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") or not _DECIMAL.match(text):
        return text
    number = float(text)
    if abs(number) >= MAX_NUMBER:
        raise Refused(
            line, f"{shortened(text, 20)} is too large. Write a number of at most 15 digits, or put text in quotes."
        )
    return number if set(text) & set(".eE") else int(text)


def _refuse_the_unseen(text: str, line: int | None = None) -> None:
    found = _UNSEEN.search(text)
    if found:
        line = line or text.count("\n", 0, found.start()) + 1
        raise Refused(line, f"holds the character U+{ord(found[0]):04X}, which cannot be seen. Remove it.")


def shortened(text: str, length: int) -> str:
    """`text` in at most `length` characters; of a longer one the middle is left out."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]}…{text[len(text) - half + 1 :]}"
