"""The declared tables as a page: what a row is, its columns, and how many features want each."""

from __future__ import annotations

from credit_eval.language.catalogue import Catalogue
from credit_eval.schema.tables import DEFAULTS, REFERENCES, TABLES, Column, Table

_HEAD = """# Declared tables

Generated from the declarations by `make docs`; a test holds it current. A data set has some of these tables, each with
its required columns (**bold**) and any of the others. Times are UTC once imported, money is in the data set's currency
with two decimals. *Features* says how many of the catalogue read the column: where it is missing, they are left out,
and named.
"""

_TYPES = {
    "text": "text",
    "int": "whole number",
    "decimal": "amount, two decimals",
    "number": "number",
    "timestamp": "time",
    "bool": "true or false",
}


def tables_page(catalogue: Catalogue) -> str:
    """All declared tables as Markdown.

    Args:
        catalogue: whose features are counted.

    Returns:
        a page, one section per table.
    """
    return "\n".join([_HEAD, *(table_section(table, catalogue) for table in TABLES.values())])


def table_section(table: Table, catalogue: Catalogue) -> str:
    """One declared table as Markdown.

    Args:
        table: which.
        catalogue: whose features are counted.

    Returns:
        its heading, what a row is, and a line per column.
    """
    lines = [f"## {table.name}", "", f"{table.what[0].upper()}{table.what[1:]}.", ""]
    if table.key:
        lines += [f"Key: {', '.join(f'`{column}`' for column in table.key)}.", ""]
    lines += ["| column | what | unit | values | features |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *(_line(table, column, catalogue) for column in table.all_columns), ""])


def _line(table: Table, column: Column, catalogue: Catalogue) -> str:
    name = f"**`{column.name}`**" if column.required else f"`{column.name}`"
    wanted = sum(column.name in f.needs.get(table.name, ()) for f in catalogue.features)
    common = column.name in ("customer_id", "occurred_at", "known_at")
    features = "all" if common else "for audit only" if column.audit_only else str(wanted)
    cells = (name, "; ".join(_what(table, column)), column.unit, _values(column), features)
    return f"| {' | '.join(cells)} |"


def _what(table: Table, column: Column) -> list[str]:
    """Its type, and what it promises."""
    said = [_TYPES[column.type]]
    if column.name in DEFAULTS:
        said.append(f"`{DEFAULTS[column.name]}` where it is not given")
    said += [f"one of table {to}" for name, own, to in REFERENCES if (name, own) == (table.name, column.name)]
    if column.filled is not None:
        said.append(f"{column.filled} where it is empty")
    for reveal in table.reveals:
        if column.name in reveal.columns and column.name != reveal.by:
            said.append(f"known from `{reveal.by}` on")
    said += [
        f"not below `{one.other}` where `{one.given}` is given" for one in table.not_below if one.column == column.name
    ]
    return said


def _values(column: Column) -> str:
    if column.values:
        return ", ".join(f"`{value}`" for value in column.values)
    return "" if column.at_least is None else f"at least {column.at_least}"
