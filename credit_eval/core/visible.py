"""Text that is somebody else's, made safe to show: control characters are written out."""

from __future__ import annotations

#: Everything below the space, and the second block of controls, but for the tabulator and the line's end.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def visible(text: str) -> str:
    """The text with its control characters written out.

    >>> print(visible("a\x1b[31mb"))
    a\\x1b[31mb
    """
    return text.translate(_CONTROLS)
