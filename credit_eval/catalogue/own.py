"""A catalogue of one's own, from a Python file.

import credit_eval as ce
from credit_eval.catalogue import CATALOGUE as THEIRS

night = ce.Keep("at_night", ce.Part("hour", ce.column("occurred_at")).below(6), "payments before 6:00")
often = ce.Feature(ce.count("payments", night, days=30), …, zh="近30天凌晨支付次数")  # Chinese where it is needed
CATALOGUE = ce.Catalogue((*THEIRS.features, often))
"""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path

from credit_eval.core.errors import CreditEvalError, DeclarationError
from credit_eval.language.catalogue import Catalogue


def catalogue_of(path: Path) -> Catalogue:
    """The `CATALOGUE` of a Python file.

    Raises:
        DeclarationError: no such file, one that raises (told with its line), or one that declares no catalogue.
    """
    if not path.is_file():
        raise DeclarationError("no such file of features", expected="a Python file", received=str(path))
    try:
        found = runpy.run_path(str(path)).get("CATALOGUE")
    except CreditEvalError:
        raise
    except Exception as error:  # whatever somebody's code may raise
        raise _does_not_run(path, error) from error
    if not isinstance(found, Catalogue):
        raise DeclarationError(
            f"{path.name} declares no catalogue",
            expected="CATALOGUE = credit_eval.Catalogue((feature, …))",
            received="nothing of that name" if found is None else type(found).__name__,
        )
    return found


def _does_not_run(path: Path, error: Exception) -> DeclarationError:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return DeclarationError(
        f"{path.name}, line {lines[-1] if lines else getattr(error, 'lineno', '?')}: the file of features does not run",
        received=f"{type(error).__name__}: {error}",
        todo="correct this line",
    )
