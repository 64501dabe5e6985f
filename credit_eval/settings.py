"""Settings: where things lie and what may be chosen, from `settings.yaml` beside the Makefile.

>>> Settings().default.window_days
120
>>> Settings().of("shop", policy="default").jurisdiction
'any'
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from credit_eval.core.errors import SourceError
from credit_eval.core.located_yaml import read_yaml
from credit_eval.core.machine import memory_bytes
from credit_eval.core.names import checked_label, checked_name
from credit_eval.language.words import Jurisdiction


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DefaultSettings(_Section):
    """The default definition; `samples.definition` says what each of them means, and whence the thresholds are."""

    days_past_due: Annotated[int, Field(ge=1)] = 60
    window_days: Annotated[int, Field(ge=1)] = 120
    material_absolute: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    material_relative: Annotated[float, Field(ge=0, lt=1)] = 0.01


class SampleSettings(_Section):
    """Which snapshots teach and which judge; of more than `max_rows`, customers are drawn at random with all theirs.

    `days`: of each month, on which everybody is observed. `oot_snapshots` are months, with all their days.
    """

    days: Annotated[tuple[Annotated[int, Field(ge=1, le=28)], ...], Field(min_length=1)] = (1,)
    min_history_days: Annotated[int, Field(ge=1)] = 150
    oot_snapshots: Annotated[int, Field(ge=1)] = 2
    max_rows: Annotated[int, Field(ge=1000)] = 300_000
    seed: int = 20260101


class LossSettings(_Section):
    """`discount_rate`: a year, as a share, by which recoveries are discounted to the default (EBA/GL/2017/16, 6.3.2).

    The guideline's is the risk-free rate of one year and 5 percentage points.
    """

    discount_rate: Annotated[float, Field(ge=0, lt=1)] = 0.08


class EngineSettings(_Section):
    """Memory that queries may use before they spill to disk, such as `2GB`; a sixteenth of the machine's if unsaid."""

    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)?(MB|GB)$")] | None = None

    def bound(self) -> str:
        """The bound in force."""
        return self.memory or f"{max(memory_bytes() // 16, 10**9) // 10**6}MB"


class TrainingChoice(_Section):
    """How trees are grown, by LightGBM's own names; what is not said is as `models.training.TrainingSettings` has it.

    `monotone`: hold trees to the directions that features declare. `refit`: once judged out of time, grow them again on
    all rows. `central_tendency`: move the mean probability to this long-run default rate. `folds` stop and calibrate
    where customers are cross-fitted, `repeats` judge.
    """

    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    max_depth: Annotated[int, Field(ge=1, le=32)] | None = None
    num_leaves: Annotated[int, Field(ge=2, le=4096)] | None = None
    num_iterations: Annotated[int, Field(ge=1, le=20_000)] | None = None
    early_stopping_round: Annotated[int, Field(ge=1)] | None = None
    min_data_in_leaf: Annotated[int, Field(ge=1)] | None = None
    max_bin: Annotated[int, Field(ge=2, le=65_535)] | None = None
    feature_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    lambda_l2: Annotated[float, Field(ge=0)] | None = None
    monotone: bool | None = None
    refit: bool | None = None
    central_tendency: Annotated[float, Field(gt=0, lt=1)] | None = None
    folds: Annotated[int, Field(ge=2, le=50)] | None = None
    repeats: Annotated[int, Field(ge=1, le=50)] | None = None

    def said(self) -> dict[str, Any]:
        """What somebody chose."""
        return self.model_dump(exclude_none=True)


class CheckSettings(_Section):
    """Beyond what a run is told to be unlike the one before (`credit-eval check`).

    `volume`: change of the number of customers, as a share. `decisions`: change of the share of any decision. `psi`: of
    the scores; 0.25 is the usual sign of a shift (Siddiqi, Credit Risk Scorecards, 2006). `feed`: rows of a table in
    the last week, as a share of the least of the four weeks before, if that had `feed_rows`.
    """

    volume: Annotated[float, Field(gt=0)] = 0.2
    decisions: Annotated[float, Field(gt=0, le=1)] = 0.1
    psi: Annotated[float, Field(gt=0)] = 0.25
    feed: Annotated[float, Field(gt=0, lt=1)] = 0.3
    feed_rows: Annotated[int, Field(ge=1)] = 50


class SimulateSettings(_Section):
    """Size and seed of the simulated data set."""

    customers: Annotated[int, Field(ge=100)] = 20_000
    months: Annotated[int, Field(ge=6)] = 18
    seed: int = 7


class LenderSettings(_Section):
    """Who writes the letters: `contact` is how a customer reaches a person, `supervisor` the authority they name."""

    name: Annotated[str, Field(min_length=1)]
    address: Annotated[str, Field(min_length=1)]
    contact: Annotated[str, Field(min_length=1)]
    supervisor: Annotated[str, Field(min_length=1)]


class ReviewSettings(_Section):
    """The review page behind a proxy that signs people in.

    `proxy_header`: in which it names them; `hosts`: names under which the pages are asked for there.
    """

    proxy_header: Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9-]{2,60}$")] | None = None
    hosts: tuple[Annotated[str, Field(pattern="^[A-Za-z0-9.-]+$")], ...] = ()


class DatasetSettings(_Section):
    """How one data set differs from the rest.

    `policy` is a policy file, or `default` for the built-in one in units of 1; nothing is decided under a policy that
    nobody named. `jurisdiction` is where its customers live: `eu` bars social and browsing data from the credit
    decision, `us` and `eu` what stands for a protected trait; letters to customers are written for `us`, `eu` and `cn`.
    `lender` writes them. `published_only`: nothing is scored under a policy that no second person published.
    `assume_no_debt`: a source without repayments is taken to have nobody who owes anything. `unknown`: what happens
    where features are unknown of somebody that were known of everybody the model learnt from: `warn`, or `refuse` to
    score. `training` goes before that of all data sets. `language`: of the reasons of the model. `owner`, `purpose`
    and `not_for` stand on the model card and in the inventory.
    """

    policy: Path
    jurisdiction: Jurisdiction = "any"
    lender: LenderSettings | None = None
    revolving: bool = True
    assume_no_debt: bool = False
    published_only: bool = False
    unknown: Literal["warn", "refuse"] = "warn"
    language: Literal["en", "zh"] = "en"
    owner: str | None = None
    purpose: str | None = None
    not_for: str | None = None
    training: TrainingChoice = TrainingChoice()

    def unless_said(self, *, revolving: bool, assume_no_debt: bool) -> Self:
        """These settings, where nobody said otherwise in settings.yaml."""
        taken = {"revolving": revolving, "assume_no_debt": assume_no_debt}
        unsaid = {name: value for name, value in taken.items() if name not in self.model_fields_set}
        return self.model_copy(update=unsaid)

    def policy_file(self, root: Path) -> Path:
        """Where the policy lies, seen from the project's root."""
        from credit_eval.policy.settings import DEFAULT_POLICY  # a tenth of a second that only who decides pays

        return DEFAULT_POLICY if str(self.policy) == "default" else root / self.policy


class Settings(_Section):
    """All settings.

    `ledger`: a file of SQLite, or a URL of PostgreSQL; the environment's CREDIT_EVAL_LEDGER goes before it.
    """

    default: DefaultSettings = DefaultSettings()
    sample: SampleSettings = SampleSettings()
    loss: LossSettings = LossSettings()
    simulate: SimulateSettings = SimulateSettings()
    check: CheckSettings = CheckSettings()
    engine: EngineSettings = EngineSettings()
    training: TrainingChoice = TrainingChoice()
    ledger: str = "data/ledger/decisions.sqlite"
    review: ReviewSettings = ReviewSettings()
    datasets: dict[str, DatasetSettings] = {}

    def of(self, dataset: str, *, policy: str | None = None) -> DatasetSettings:
        """Settings of one data set; with `policy` under that one, which also serves where nothing is said of it.

        Raises:
            SourceError: nothing is said of it, and no policy is named.
        """
        found = self.datasets.get(dataset)
        if policy is not None:
            said = {} if found is None else found.model_dump(exclude_unset=True)
            return DatasetSettings.model_validate(said | {"policy": policy})
        if found is None:
            raise SourceError(
                f"settings.yaml says nothing of data set {dataset}, so no policy is in force for it",
                expected=f"`{dataset}: {{policy: FILE}}` under `datasets`; docs/policy.md shows a policy file",
                received=", ".join(sorted(self.datasets)) or "no data set",
                todo="name it there, with its jurisdiction; or take the built-in policy, in units of 1 and for any "
                "jurisdiction, with `--policy default`",
            )
        return found

    def training_of(self, dataset: str) -> dict[str, Any]:
        """How trees are grown of a data set, where somebody chose."""
        found = self.datasets.get(dataset)
        return self.training.said() | (found.training.said() if found else {})

    def lender(self, dataset: str) -> LenderSettings:
        """Who writes the letters of a data set.

        Raises:
            SourceError: nobody is named.
        """
        found = self.datasets.get(dataset)
        if found is None or found.lender is None:
            raise SourceError(
                f"settings.yaml does not say who writes the letters of {dataset}",
                expected="`lender: {name, address, contact, supervisor}` of the data set",
                todo="write it there; a customer has to know who decided, and how to reach a person",
            )
        return found.lender

    def jurisdiction(self, dataset: str) -> Jurisdiction:
        """Where the customers of a data set live, for what decides nothing; `any` where nobody said."""
        found = self.datasets.get(dataset)
        return found.jurisdiction if found else "any"


def load_settings(path: Path) -> Settings:
    """Read a settings file; a missing one means the defaults.

    Raises:
        SourceError: not YAML, an unknown key, or a value out of range.
    """
    if not path.exists():
        return Settings()
    located = read_yaml(path, SourceError, texts=("policy", "memory", "ledger"))
    try:
        return Settings.model_validate({} if located.content is None else located.content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SourceError(
            f"{path.name}, line {located.line(first['loc'])}: {place} {first['msg'].lower()}",
            received=str(first.get("input")),
            todo="correct it; settings.yaml in the repository shows every key",
        ) from None


def project_root() -> Path:
    """The working directory, or the nearest one above it that has `settings.yaml` and `data/`."""
    here = Path.cwd()
    above = (one for one in (here, *here.parents) if (one / "settings.yaml").exists() and (one / "data").is_dir())
    return next(above, here)


class Paths(_Section):
    """Where things lie below the project's root; a name that would lead elsewhere is refused (SourceError)."""

    root: Path = Path()

    @property
    def raw(self) -> Path:
        """Data sets as declared tables."""
        return self.root / "data" / "raw"

    @property
    def truth(self) -> Path:
        """What only the simulator knows; nothing that learns or decides reads it."""
        return self.root / "data" / "truth"

    def ledger(self, said: str) -> str:
        """Where the ledger of decisions is: a URL as it is, a file seen from the root."""
        place = os.environ.get("CREDIT_EVAL_LEDGER") or said
        return place if "://" in place else str(self.root / place)

    @property
    def models(self) -> Path:
        """The model registry."""
        return self.root / "models"

    def dataset(self, name: str) -> Path:
        """Directory of a data set."""
        return self.raw / checked_name(name, "data set")

    def cohort(self, dataset: str, name: str) -> Path:
        """File of a cohort made by a run."""
        return self._of("cohorts", dataset) / f"{name}.parquet"

    def profiles(self, dataset: str, name: str) -> Path:
        """Directory of profiles."""
        return self.all_profiles(dataset) / name

    def scored(self, dataset: str, name: str) -> Path:
        """Directory of a scored run; `name` is `as_of=YYYY-MM-DD` or `cohort=NAME`."""
        return self.all_scored(dataset) / checked_label(name)

    def all_profiles(self, dataset: str) -> Path:
        """Directory of all profiles of a data set."""
        return self._of("profiles", dataset)

    def all_replaced(self, dataset: str) -> Path:
        """Directory of all scored runs that were replaced."""
        return self._of("replaced", dataset)

    def published(self, dataset: str) -> Path:
        """File of the policies that were published for a data set, a line each."""
        return self.models / "policies" / f"{checked_name(dataset, 'data set')}.jsonl"

    def letters(self, dataset: str, name: str, language: str) -> Path:
        """Directory of the letters of a scored run in a language."""
        return self._of("letters", dataset) / checked_label(name) / language

    def training(self, dataset: str) -> Path:
        """Directory that a training of a data set holds, so that there is one at a time."""
        return self._of("locks", dataset)

    @property
    def scratch(self) -> Path:
        """Where queries spill to, and what is not kept lies for as long as it is needed."""
        return self.root / "data" / "scratch"

    @property
    def accounts(self) -> Path:
        """Who may use the review page."""
        return self.root / "data" / "review" / "accounts.json"

    def views(self, dataset: str) -> Path:
        """Who looked at which customer on the review page, a line each."""
        return self.root / "data" / "review" / f"{checked_name(dataset, 'data set')}.views.jsonl"

    def proofs(self, dataset: str) -> Path:
        """Directory of proofs that were asked for; they hold what was decided of a customer."""
        return self._of("proofs", dataset)

    def replaced(self, dataset: str, name: str) -> Path:
        """Directory of the scored runs that another of the same label replaced."""
        return self.all_replaced(dataset) / checked_label(name)

    def all_scored(self, dataset: str) -> Path:
        """Directory of all scored runs of a data set."""
        return self._of("scored", dataset)

    def reports(self, dataset: str) -> Path:
        """What training measured: metrics, split, reliability."""
        return self._of("reports", dataset)

    def report(self, dataset: str, name: str, language: str = "en") -> Path:
        """The static HTML report of a scored run; in Chinese, the committee paper."""
        edition = "" if language == "en" else f".{language}"
        return self._of("reports", dataset) / f"{checked_label(name)}{edition}.html"

    def _of(self, kind: str, dataset: str) -> Path:
        return self.root / "data" / kind / checked_name(dataset, "data set")
