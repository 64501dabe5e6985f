"""YAML that remembers on which line everything stands, so that an error can say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from credit_eval.core.errors import PolicyError

Place = tuple[str | int, ...]


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


def read_yaml(path: Path) -> Located:
    """Read one YAML document.

    Raises:
        PolicyError: missing, unreadable, not UTF-8, not YAML, or one key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = dict(_walk(node, (), path)) if node else {}
        return Located(yaml.safe_load(text), lines)
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path.name} is not text", expected="UTF-8", received=f"{error.reason}") from None
    except OSError as error:
        raise PolicyError(
            f"cannot read the policy file {path.name}",
            expected="a YAML file",
            received=error.strerror or str(error),
            todo="give the path of a policy file; docs/policy.md shows one",
        ) from None
    except yaml.YAMLError as error:
        raise _syntax_error(path, error) from None


def _syntax_error(path: Path, error: yaml.YAMLError) -> PolicyError:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return PolicyError(
        f"{path.name}{line}: this is not YAML",
        expected="'key: value' lines, indented by spaces",
        received=str(getattr(error, "problem", None) or error),
        todo="correct this line or the one above it",
    )


def _walk(node: yaml.Node, place: Place, path: Path) -> Iterator[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            yield from _walk(item, (*place, i), path)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise _twice(path, key.value, seen[key.value], line)
            seen[key.value] = line
            yield from _walk(value, (*place, key.value), path)
            yield (*place, key.value), line


def _twice(path: Path, key: str, first: int, second: int) -> PolicyError:
    return PolicyError(
        f"{path.name}, line {second}: {key} is set twice",
        expected="every key once in its section",
        received=f"{key} on lines {first} and {second}",
        todo="remove one of the two",
    )
