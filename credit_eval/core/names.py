"""Names that become directories and files: of data sets, cohorts and scored runs.

An empty name, `.` or `../raw` is a path to something else, and a command that replaces what it finds there would
replace every data set at once. So every name from outside is checked here before it is joined to a path.

>>> checked_name("shop-2", "data set"), checked_label("as_of=2026-07-01")
('shop-2', 'as_of=2026-07-01')
"""

from __future__ import annotations

import re

from credit_eval.core.errors import SourceError

#: Lower case, so that names differ on every file system; no leading dot or dash, so that none is hidden or an option.
NAME = r"[a-z0-9][a-z0-9_-]*"
_NAME = re.compile(NAME)
_LABEL = re.compile(rf"as_of=\d{{4}}-\d\d-\d\d|(cohort|file)={NAME}")
_LONGEST = 100


def checked_name(name: str, of_what: str) -> str:
    """The name itself.

    Raises:
        SourceError: it is no name that a directory or file may have.
    """
    return _checked(_NAME, name, of_what, "lower-case letters, digits, - and _, beginning with a letter or digit")


def checked_label(label: str) -> str:
    """The label of a scored run itself.

    Raises:
        SourceError: it is none.
    """
    return _checked(_LABEL, label, "scored run", "as_of=YYYY-MM-DD, cohort=NAME or file=NAME")


def _checked(pattern: re.Pattern[str], name: str, of_what: str, expected: str) -> str:
    if not pattern.fullmatch(name) or len(name) > _LONGEST:
        raise SourceError(
            f"this cannot be the name of a {of_what}",
            expected=f"{expected}; at most {_LONGEST} characters",
            received=repr(name[:_LONGEST]),
            todo="if the name comes from a variable, see that it is set; nothing was changed",
        )
    return name
