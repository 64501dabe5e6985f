"""What the pages are about: a scored run with all that belongs to it, and who may look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from credit_eval.core.clock import utc_text
from credit_eval.core.errors import OutputExistsError, SourceError
from credit_eval.core.locks import exclusive
from credit_eval.core.seals import append_sealed, read_sealed_lines, sha256_file
from credit_eval.language.words import Language
from credit_eval.models.model import CreditModel
from credit_eval.policy.settings import Policy
from credit_eval.report.letters import Lender
from credit_eval.review.queue import Queue
from credit_eval.review.visitors import Visitor, Visitors
from credit_eval.scoring.ledger import Ledger
from credit_eval.scoring.sealed import MANIFEST, Scored
from credit_eval.study import Study


@dataclass
class Desk:
    """A run under review.

    Attributes:
        run: the scored run, opened.
        profiles: where the profiles lie that it scored.
        queue: of its cases.
        model: that decided.
        ledger: what was decided before, and the log of what people say.
        views: a file that says who looked at whom.
        visitors: who is signed in.
        lender: who writes letters; None: nobody is named.
        others: by feature how far it moved everybody of the run on average.
        manifest: hash of the run's manifest when it was opened.
        hosts: names under which the pages are asked for.
        open_study: opens the data set of the run; None: its people are in none.
        nobody: the run's people have no ids, so nobody of them could be met again, and no override would reach anybody.
        report: where the static report of the run lies in a language.
        proxy: header in which a trusted proxy names who comes, and the secret that it shows; None: nobody does.
    """

    run: Scored
    profiles: Path
    queue: Queue
    model: CreditModel
    ledger: Ledger
    views: Path
    visitors: Visitors
    lender: Lender | None = None
    others: Mapping[str, float] = field(default_factory=dict)
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    open_study: Callable[[], Study] | None = None
    nobody: bool = False
    manifest: str = field(init=False)
    report: Callable[[Language], Path] = lambda _: Path("no report")
    proxy: tuple[str, str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.manifest = sha256_file(self.run.root / MANIFEST)

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        return str(self.run.manifest["dataset"])

    @property
    def label(self) -> str:
        """Label of the run."""
        return str(self.run.manifest["cohort"])

    @property
    def study(self) -> Study:
        """The data set of the run as it is now: a night may have been appended since the page was opened.

        Raises:
            SourceError: the people of the run are in none, or it is gone.
            IntegrityError: it was changed.
        """
        if self.open_study is None:
            raise SourceError("these people were scored from a file, which is not kept")
        return self.open_study()

    def check_current(self) -> None:
        """See that the run is the one that was opened.

        Raises:
            OutputExistsError: it was scored anew meanwhile.
        """
        try:
            now = sha256_file(self.run.root / MANIFEST)
        except FileNotFoundError:
            now = ""
        if now != self.manifest:
            raise OutputExistsError(
                f"{self.label} was scored anew, or removed, since this page was opened",
                todo="end the page where it is served (Ctrl-C), and open it again; nothing was written",
            )

    @cached_property
    def policy(self) -> Policy:
        """Under which the run decided."""
        return Policy.model_validate(self.run.manifest["policy"])

    def write_down(self, visitor: Visitor, customer: str, what: str = "customer") -> None:
        """Write down who looked at whom; visitors that come at once wait for each other.

        Raises:
            StorageError: the disk refused: then nothing may be shown.
        """
        said = {"at": utc_text(), "who": visitor.name, "customer": customer, "what": what}
        with exclusive(self.views.parent, wait=True):
            append_sealed(self.views, said)

    def looked(self) -> list[dict[str, str]]:
        """Who looked at whom, latest first.

        Raises:
            IntegrityError: the file was changed.
        """
        with exclusive(self.views.parent, wait=True):
            lines = read_sealed_lines(self.views)
        return [{name: str(value) for name, value in line.items()} for line in reversed(lines)]
