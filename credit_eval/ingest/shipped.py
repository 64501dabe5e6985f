"""The mappings that come with the package: public data sets, by the name a person types.

>>> sorted(SHIPPED)
['superlender', 'taiwan', 'xente']
"""

from __future__ import annotations

from pathlib import Path

from credit_eval.core.errors import SourceError

_FOLDER = Path(__file__).with_name("mappings")

SHIPPED: dict[str, Path] = {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def shipped_mapping(name: str) -> Path:
    """The mapping of that name.

    Raises:
        SourceError: there is none.
    """
    if name not in SHIPPED:
        raise SourceError(
            "no mapping of that name comes with the package",
            expected="one of " + ", ".join(SHIPPED),
            received=name,
            todo="describe your own files in a mapping: see docs/bring-your-own-data.md",
        )
    return SHIPPED[name]
