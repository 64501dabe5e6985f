"""One family of errors, each branch with its own exit code.

An error is read by somebody who has to act on it, often at night. So it is built from parts that
answer the reader's questions in order: what is wrong, what was expected, what came instead, which
rows (a few, and how many), and what to do next.

>>> print(TableError("orders.amount holds negative amounts", expected="amount >= 0", received="-3.00",
...                  rows=["line 7"], n_rows=1, todo="correct the file or import with --quarantine"))
orders.amount holds negative amounts
  expected: amount >= 0
  received: -3.00
  rows: 1 (line 7)
  to do: correct the file or import with --quarantine
"""

from __future__ import annotations

from collections.abc import Sequence


class CreditEvalError(Exception):
    """Base of all errors that a user can cause and mend; `exit_code` is what the command line returns."""

    exit_code = 1

    def __init__(
        self,
        problem: str,
        *,
        expected: str | None = None,
        received: str | None = None,
        rows: Sequence[object] = (),
        n_rows: int | None = None,
        todo: str | None = None,
    ) -> None:
        self.problem, self.expected, self.received, self.todo = problem, expected, received, todo
        self.rows, self.n_rows = tuple(rows), n_rows
        super().__init__(self._text())

    def _text(self) -> str:
        lines = [self.problem]
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.received is not None:
            lines.append(f"  received: {self.received}")
        if self.n_rows is not None:
            shown = ", ".join(str(row) for row in self.rows)
            more = ", …" if self.n_rows > len(self.rows) > 0 else ""
            lines.append(f"  rows: {self.n_rows:,}" + (f" ({shown}{more})" if shown else ""))
        if self.todo is not None:
            lines.append(f"  to do: {self.todo}")
        return "\n".join(lines)


class SourceError(CreditEvalError):
    """A file that is missing, unreadable, or not what its mapping expects."""

    exit_code = 10


class TableError(CreditEvalError):
    """Rows that break the declaration of a table: column, type, range, key or reference."""

    exit_code = 11


class CohortError(CreditEvalError):
    """An `as_of` outside the data, an unknown customer, or nobody to build profiles for."""

    exit_code = 12


class DeclarationError(CreditEvalError):
    """A feature declaration that cannot mean anything, or two of one name."""

    exit_code = 13


class SampleError(CreditEvalError, ValueError):
    """A sample that cannot train or judge a model: one class only, too few rows, no matured window."""

    exit_code = 14


class ModelError(CreditEvalError, ValueError):
    """A model that is missing, uncalibrated, or asked to score profiles that lack its features."""

    exit_code = 15


class PolicyError(CreditEvalError):
    """A policy file that does not say what may be done, or inputs it must refuse."""

    exit_code = 16


class OutputExistsError(CreditEvalError):
    """The place to write to is taken."""

    exit_code = 17


class StorageError(CreditEvalError):
    """The disk refused: full, read-only, or not ours."""

    exit_code = 18


class IntegrityError(CreditEvalError):
    """A number that must add up does not: contributions, hashes, row counts."""

    exit_code = 19


class EngineError(CreditEvalError):
    """An engine is not installed, or could not do what it was asked: a file it cannot read, a number too large."""

    exit_code = 20


class QuarantineError(CreditEvalError):
    """So many rows would be set aside that what is left is another data set."""

    exit_code = 22


class WorkerError(CreditEvalError):
    """One of the processes that share the work was killed, or ran out of memory."""

    exit_code = 21


class LedgerError(CreditEvalError):
    """The ledger of decisions cannot be reached, read or written."""

    exit_code = 23


class ProofError(CreditEvalError):
    """A proof that does not hold: of another batch, of another log, or edited."""

    exit_code = 25


class ReplayError(CreditEvalError):
    """A decision that cannot be made again: data, model, policy or code of it are gone; or that comes out otherwise."""

    exit_code = 26


class ReviewError(CreditEvalError):
    """An opinion that is none: no verdict, or a disagreement without a reason."""

    exit_code = 27
