"""How a page is made of a template: escaped, strict about names, numbers written in words of `words`."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from credit_eval.report import words


def environment(folder: Path = Path(__file__).parent) -> Environment:
    """Of the templates in a folder, by default this one; values are text in them, and one that is missing an error."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": words.count, "percent": words.percent, "signed": words.signed}
    return made
