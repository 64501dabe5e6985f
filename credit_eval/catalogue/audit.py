"""What no model may see: attributes on which a model's decisions are tested for fairness.

They are profiled apart, for those who test, and are never part of the catalogue.

>>> AUDIT.names, AUDIT.lawful_in("any")[0].names
(['customers_sex_last', 'customers_ethnicity_last'], [])
"""

from __future__ import annotations

from credit_eval.language.catalogue import Catalogue
from credit_eval.language.constructors import fold
from credit_eval.language.expressions import column
from credit_eval.language.feature import Dimension, Named, Of
from credit_eval.language.subjects import about
from credit_eval.language.translation import CHINESE


def _on_file(name: str, text: str) -> Named:
    of = Of(name, column(name), "category", text)
    return fold("customers", "last", of, when_empty=None, title=text)


AUDIT: Catalogue = Catalogue(
    about(
        "R_AUDIT",
        Dimension.IDENTITY,
        _on_file("sex", "sex"),
        _on_file("ethnicity", "ethnicity"),
        lawful="audit_only",
    )
).translated(CHINESE)
