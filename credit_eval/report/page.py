"""How a page is made of a template: escaped, strict about names, numbers written in words of `words`."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from credit_eval.report import words


def environment() -> Environment:
    """Of the templates in this folder."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"count": words.count, "percent": words.percent, "signed": words.signed}
    return made
