"""Declarations as JSON, and back: what was built from features of one's own can be opened without their code.

An object of a declaration is its class and the fields that are not as the class has them anyway; tuples are lists,
decimals texts.

>>> from credit_eval.language.aggregates import Aggregate
>>> from credit_eval.language.expressions import column
>>> failed = Aggregate("payments", "count", where=column("amount").above(Decimal("9.50")), days=30, when_empty=0)
>>> stored(failed)["where"]
{'is': 'Compare', 'op': '>', 'left': {'is': 'ColumnOf', 'name': 'amount'}, 'right': {'is': 'Constant', \
'value': {'is': 'Decimal', 'value': '9.50'}}}
>>> restored(stored(failed)) == failed
True
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from typing import Any

from credit_eval.core.errors import DeclarationError
from credit_eval.language import aggregates, expressions, measures
from credit_eval.language.feature import Dimension, Feature, Named
from credit_eval.language.words import Text

_CLASSES: dict[str, type] = {
    of.__name__: of
    for of in (
        *(
            one
            for module in (expressions, aggregates)
            for one in vars(module).values()
            if isinstance(one, type) and is_dataclass(one)
        ),
        *(measures.Ratio, measures.Difference, measures.Series, measures.Rank, measures.Given),
        *(Feature, Named, Text, Dimension, Decimal),
    )
}


def stored(declared: Any) -> Any:
    """A feature, or anything it is made of, as JSON holds it."""
    if isinstance(declared, Decimal | Dimension):
        return {"is": type(declared).__name__, "value": str(declared)}
    if isinstance(declared, tuple | list):
        return [stored(one) for one in declared]
    if not is_dataclass(declared) or isinstance(declared, type):
        return declared
    told = {each.name: getattr(declared, each.name) for each in fields(declared)}
    plain = {each.name: each.default for each in fields(declared) if each.default is not MISSING}
    said = {name: stored(value) for name, value in told.items() if name not in plain or plain[name] != value}
    return {"is": type(declared).__name__} | said


def restored(told: Any) -> Any:
    """What `stored` made it from.

    Raises:
        DeclarationError: something that this version does not know.
    """
    match told:
        case list():
            return tuple(restored(one) for one in told)
        case {"is": name} if name in _CLASSES:
            return _CLASSES[name](**{field: restored(value) for field, value in told.items() if field != "is"})
        case dict():
            raise DeclarationError(
                "a stored declaration that this version does not know",
                expected="one of " + ", ".join(sorted(_CLASSES)),
                received=str(told.get("is")),
                todo="build the profiles anew",
            )
        case _:
            return told
