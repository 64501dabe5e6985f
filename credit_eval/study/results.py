"""What a scored run left, asked by name; each is read once.

night = study.results()  # of the run scored last
night.scored, night.contributions, night.profiles
night.what_if(study.policy.with_(threshold=0.4))
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from credit_eval.core.runs import Run

if TYPE_CHECKING:  # seconds that only those pay who ask
    import pandas as pd

    from credit_eval.policy.settings import Policy
    from credit_eval.report.summary import Summary
    from credit_eval.report.tables import Portfolio
    from credit_eval.study.study import Study

_KEYS = ["customer_id", "as_of"]


@dataclass(frozen=True)
class Results:
    """A scored run of a study.

    Attributes:
        study: whose customers were scored.
        run: when, or which of them.
    """

    study: Study
    run: Run

    def __repr__(self) -> str:
        return f"Results({self.study.name!r}, {self.run.label})"

    @property
    def folder(self) -> Path:
        """Where the scored file, its contributions and its manifest lie."""
        return self.study.paths.scored(self.study.name, self.run.label)

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The scored file, a row per customer: p_default, score, grade, decision, limits, reasons.

        Raises:
            SourceError: this run is not scored.
        """
        from credit_eval.scoring.reading import read_scored

        return read_scored(self.folder)

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """How much each feature moved each customer, in log-odds; with `base_value` they add up to `log_odds`.

        Raises:
            SourceError: this run is not scored.
        """
        from credit_eval.scoring.reading import read_contributions

        return read_contributions(self.folder)

    @cached_property
    def profiles(self) -> pd.DataFrame:
        """The profiles that were scored: customer_id, as_of, and a column per feature.

        Raises:
            SourceError: there are none.
        """
        from credit_eval.profiles.store import open_profiles

        return open_profiles(self.study.profiles_at(self.run.label)).frame()

    def summary(self) -> tuple[Summary, Portfolio]:
        """What was decided, in numbers and in tables.

        Returns:
            counts and money by decision, grade and reason; and tables that `ce.plots` draws.

        Raises:
            SourceError: this run is not scored.
        """
        from credit_eval.report.summary import summarise
        from credit_eval.report.tables import portfolio

        summary = summarise(self.folder)
        return summary, portfolio(self.folder, by_score_only=summary.enough_by_score)

    def inputs(self, policy: Policy | None = None) -> pd.DataFrame:
        """What a policy (None: the one in force) looks at of each customer scored (`policy.decide.INPUTS`).

        Args:
            policy: whose rules may read features.

        Returns:
            a row per profile.
        """
        scored = self.profiles[_KEYS].merge(self.scored[[*_KEYS, "p_default"]], on=_KEYS, validate="one_to_one")
        return self.study.inputs(scored["p_default"].to_numpy(), self._with_amounts(), policy)

    def coverage(self, policy: Policy | None = None) -> pd.DataFrame:
        """How often each rule and constraint of a policy (None: the one in force) decides on these customers.

        Args:
            policy: None: the one in force.

        Returns:
            a row each: what, `true` (of rules: how often the expression is) and `decides`.
        """
        from credit_eval.policy.check import coverage

        chosen = policy or self.study.policy
        return coverage(chosen, self.inputs(chosen), self.study.losses(chosen))

    def constraints(self, policy: Policy | None = None) -> pd.DataFrame:
        """The largest limit that each constraint allows each customer; infinite where it allows anything.

        Args:
            policy: None: the one in force.

        Returns:
            a row per customer, by customer_id, a column per constraint.
        """
        from credit_eval.policy.decide import constraints

        chosen = policy or self.study.policy
        inputs = self.inputs(chosen)
        return constraints(inputs, chosen, self.study.losses(chosen)).set_index(inputs["customer_id"])

    def moves(self, policy: Policy) -> pd.DataFrame:
        """Who moves from the decisions that were made to those of another policy: the swap set, and its limits.

        Args:
            policy: such as `study.policy.with_(threshold=0.4)`.

        Returns:
            a row per decision before and after: n, limit_before and limit_after.
        """
        from credit_eval.policy.check import moves

        return moves(self.scored, self.what_if(policy))

    def what_if(self, policy: Policy) -> pd.DataFrame:
        """The decisions under another policy: the same customers, with the same probabilities.

        Args:
            policy: such as `study.policy.with_(threshold=0.4)`.

        Returns:
            As `Study.decide`.

        Raises:
            SourceError: this run is not scored.
        """
        scored = self.profiles[_KEYS].merge(self.scored[[*_KEYS, "p_default"]], on=_KEYS, validate="one_to_one")
        return self.study.decide(scored["p_default"].to_numpy(), self._with_amounts(), policy)

    def _with_amounts(self) -> pd.DataFrame:
        """The profiles, and the amounts asked for at as_of where the cohort says them."""
        import pandas as pd

        if self.run.cohort is None:  # of files, nobody keeps them
            return self.profiles
        members = pd.read_parquet(self.study.dataset.cohort_path(self.run.cohort))
        return self.profiles.merge(members, on=_KEYS, how="left") if "amount" in members else self.profiles
