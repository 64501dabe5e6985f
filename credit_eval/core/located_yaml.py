"""YAML as people write it, with the line of everything, so that an error can say it.

A number is what a reader takes it for: `020` (octal in YAML 1.1), `50:00` (base 60) and `0x10` are refused, `yes` is a
text, and what is declared a text stays as it was written: version `2026.10` is not 2026.1. Anchors, aliases, tags, a
key said twice and sections nested without end are refused before anything is made of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from credit_eval.core.errors import CreditEvalError

Place = tuple[str | int, ...]

#: Nothing that a person writes here is nested deeper.
DEEPEST = 20

_WHOLE = re.compile(r"[-+]?(0|[1-9]\d*)")
_NUMBER = re.compile(r"[-+]?(0|[1-9]\d*)(\.\d*)?([eE][-+]?\d+)?|[-+]?\.\d+([eE][-+]?\d+)?")
#: What YAML 1.1, or a language, takes for a number that a reader would not.
_NO_NUMBER = re.compile(r"[-+]?(0\d[\d.]*|0[xob][0-9a-fA-F]+|\d+(:[0-5]?\d)+(\.\d*)?|\d[\d_]*_[\d_.]*)")
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True)
class Located:
    """The content of a YAML file and the line (from 1) of every key and item in it."""

    content: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """Line of a place; for one that is not in the file, of the nearest section around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(path: Path, error: type[CreditEvalError], *, texts: Collection[str] | None = ()) -> Located:
    """Read one YAML document.

    Args:
        path: of the file.
        error: the family of errors that its faults belong to.
        texts: keys whose values stay as they are written; None: all of them.

    Returns:
        the content and its lines; content None for an empty file.

    Raises:
        CreditEvalError: of that family: missing, unreadable, not UTF-8, not YAML, or what the module refuses.
    """
    return _Reader(path, error, texts).read()


class _Reader:
    def __init__(self, path: Path, error: type[CreditEvalError], texts: Collection[str] | None) -> None:
        self._path, self._error, self._texts = path, error, texts
        self._lines: dict[Place, int] = {}

    def read(self) -> Located:
        try:
            text = self._path.read_text(encoding="utf-8")
            self._check(text)
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except UnicodeDecodeError as error:
            raise self._error(f"{self._path.name} is not text", expected="UTF-8", received=error.reason) from None
        except OSError as error:
            raise self._error(
                f"cannot read the file {self._path.name}",
                expected="a YAML file",
                received=error.strerror or str(error),
                todo="check the path",
            ) from None
        except yaml.YAMLError as error:
            raise self._no_yaml(error) from None
        return Located(None if node is None else self._made(node, (), as_text=self._texts is None), self._lines)

    def _check(self, text: str) -> None:
        """Go through the events, which nest without recursion, before a tree is made of them."""
        deep = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
            if anchor:
                raise self._refused(line, "an anchor or alias", "every value written out", anchor)
            if tag:
                raise self._refused(line, "a tag", "plain values", tag)
            deep += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if deep > DEEPEST:
                raise self._refused(line, "nested too deeply", f"at most {DEEPEST} levels", "more")

    def _made(self, node: yaml.Node, place: Place, *, as_text: bool) -> Any:
        self._lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._made(item, (*place, i), as_text=as_text) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, place, as_text))
        assert isinstance(node, yaml.ScalarNode)
        return str(node.value) if as_text or node.style else self._plain(node)

    def _items(self, node: yaml.MappingNode, place: Place, as_text: bool) -> Iterator[tuple[str, Any]]:
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self._refused(line, "a key that is no word", "words as keys", "a list or section")
            if key.value in seen:
                raise self._twice(key.value, seen[key.value], line)
            seen[key.value] = self._lines[(*place, key.value)] = line
            told = as_text or (self._texts is not None and key.value in self._texts)
            yield key.value, self._made(value, (*place, key.value), as_text=told)

    def _plain(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value)
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if _WHOLE.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
        if _NO_NUMBER.fullmatch(text):
            line = node.start_mark.line + 1
            raise self._refused(
                line, "a number that can be read in two ways", "plain digits, or quotes around it", text
            )
        return text

    def _refused(self, line: int, what: str, expected: str, received: str) -> CreditEvalError:
        return self._error(
            f"{self._path.name}, line {line}: {what}", expected=expected, received=received, todo="correct this line"
        )

    def _no_yaml(self, error: yaml.YAMLError) -> CreditEvalError:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        return self._error(
            f"{self._path.name}{line}: this is not YAML",
            expected="'key: value' lines, indented by spaces",
            received=str(getattr(error, "problem", None) or error),
            todo="correct this line or the one above it",
        )

    def _twice(self, key: str, first: int, second: int) -> CreditEvalError:
        return self._error(
            f"{self._path.name}, line {second}: {key} is set twice",
            expected="every key once in its section",
            received=f"{key} on lines {first} and {second}",
            todo="remove one of the two",
        )
