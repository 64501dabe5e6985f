"""The whole chain, stage by stage: the only place, with the command line, that knows all of it.

Each stage reads what the one before wrote and writes its own output atomically, so any of them can be run again
alone: a data set, its cohorts and profiles, the champion and its validation, the scored file, the report.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from credit_eval.core.errors import CohortError, DeclarationError, ModelError, SourceError
from credit_eval.core.files import exclusive, read_json, sha256_json, write_json
from credit_eval.core.machine import cores, give_back_memory
from credit_eval.core.progress import Tick, silent
from credit_eval.engine.spark import Spark
from credit_eval.events.duckdb import DuckDB
from credit_eval.events.store import Dataset, open_dataset
from credit_eval.explain.contributions import contributions
from credit_eval.explain.leanings import leanings
from credit_eval.features.catalogue import CATALOGUE
from credit_eval.features.language import Catalogue, Dimension
from credit_eval.features.typical import Leaning, Typical
from credit_eval.models.model import CreditModel, GradeScale
from credit_eval.models.promotion import check_promotion, check_reason, objections
from credit_eval.models.record import Record, judged_by_cross_validation, judged_out_of_time
from credit_eval.models.registry import load_champion, register
from credit_eval.models.training import TrainingSettings, train, train_cross_fitted
from credit_eval.policy.settings import Policy, load_policy
from credit_eval.profiles.build import build_profiles
from credit_eval.profiles.customer import Line, by_dimension, one_profile
from credit_eval.profiles.population import typical_values
from credit_eval.profiles.store import Profiles
from credit_eval.report.build import write_report
from credit_eval.report.summary import Summary, summarise
from credit_eval.samples.cohorts import Drawn, draw_customers, monthly_cohort, population_with, snapshot_dates
from credit_eval.samples.definition import DefaultDefinition, label_cohort
from credit_eval.samples.labelled import labelled
from credit_eval.samples.split import Split, choose_split
from credit_eval.samples.standing import standing
from credit_eval.scoring.run import Job, already_done, check_whole, code_fingerprint, score
from credit_eval.settings import DatasetSettings, Paths, Settings

SAMPLE = "sample"
TRAINING_COHORT = "train"
_ROWS_FOR_IMPORTANCE = 2_000


@dataclass(frozen=True)
class Done:
    """A finished run: what validation measured, and a summary per scored label."""

    dataset: str
    validation: Record
    summaries: dict[str, Summary]
    seconds: float


@dataclass(frozen=True)
class LeftOut:
    """Rows that are not in a sample: those that cannot be judged, by reason, and those not drawn."""

    by_reason: dict[str, int]
    drawn: Drawn


@dataclass(frozen=True)
class Pipeline:
    """The chain for one project root. Methods are the stages, in order.

    With `strict`, a data set that lacks what a feature reads is refused; else such features are left out and named.
    With `spark`, profiles of cohorts are built by Spark, and are the same to the last bit. `policy_named` (a file, or
    `default`) stands in for what the settings say.
    """

    paths: Paths
    settings: Settings
    tick: Tick = silent
    strict: bool = False
    spark: bool = False
    policy_named: str | None = None

    def dataset(self, name: str) -> Dataset:
        """Open a data set that was simulated or imported."""
        return open_dataset(self.paths.dataset(name))

    def chosen(self, dataset: str) -> DatasetSettings:
        """The settings of a data set.

        Raises:
            SourceError: nobody said which policy is in force for it.
        """
        return self.settings.of(dataset, policy=self.policy_named)

    def policy(self, dataset: str) -> Policy:
        """The policy in force for a data set."""
        return load_policy(self.chosen(dataset).policy_file(self.paths.root))

    def in_force(self, dataset: str) -> str:
        """The policy, its unit and the jurisdiction, in a phrase."""
        policy = self.policy(dataset)
        unit = policy.currency or f"units of {policy.amount_unit:g}"
        return f"{policy.name} {policy.policy_version} in {unit}, jurisdiction {self.chosen(dataset).jurisdiction}"

    def catalogue(self, name: str) -> Catalogue:
        """The features that are lawful where the data set's customers live; the source may lack some.

        Raises:
            DeclarationError: `strict`, and the data lack what some feature reads.
        """
        lawful, _ = CATALOGUE.lawful_in(self.settings.jurisdiction(name))
        _, absent = lawful.available(self.dataset(name).info)
        if self.strict and absent:
            raise DeclarationError(
                f"data set {name} lacks what {len(absent)} features read",
                expected="every table and column of the catalogue",
                received="no " + ", no ".join(sorted(set(absent.values()))),
                todo="import what is missing, or leave out --strict: these features are then left out and named",
            )
        return lawful

    def _provided(self, name: str) -> Catalogue:
        return self.catalogue(name).available(self.dataset(name).info)[0]

    @property
    def definition(self) -> DefaultDefinition:
        """What default means."""
        chosen = self.settings.default
        return DefaultDefinition(**chosen.model_dump())

    # From events to a sample ---------------------------------------------------------------------------------

    def _members(self, engine: DuckDB, dataset: Dataset, label: str, as_ofs: Sequence[datetime]) -> Path:
        """File of a cohort: everyone with an account at `as_ofs`, written now; without these, one that was brought."""
        if not as_ofs:
            return dataset.cohort_path(label.removeprefix("cohort="))
        path = self.paths.cohort(dataset.name, label)
        monthly_cohort(engine, dataset, as_ofs, path)
        return path

    def _profiles(self, dataset: Dataset, label: str, members: Path) -> Profiles:
        target = self.paths.profiles(dataset.name, label)
        catalogue = self.catalogue(dataset.name)
        with Spark() if self.spark else nullcontext() as engine:
            return build_profiles(dataset, members, catalogue, target, replace=True, engine=engine, tick=self.tick)

    def sample(self, name: str) -> tuple[Profiles, Split, LeftOut]:
        """The labelled training sample: its profiles, its split, and which rows are not in it and why."""
        dataset, chosen = self.dataset(name), self.settings.sample
        label, dates = f"cohort={TRAINING_COHORT}", []
        if dataset.info.label_source == "repayments":
            label, dates = SAMPLE, snapshot_dates(dataset, self.definition, min_history_days=chosen.min_history_days)
        with self._engine() as engine:
            members, drawn = draw_customers(
                engine,
                self._members(engine, dataset, label, dates),
                self.paths.cohort(name, f"{label}_drawn"),
                max_rows=chosen.max_rows,
                seed=chosen.seed,
            )
            labels = label_cohort(engine, dataset, members, self.definition)
        profiles = self._profiles(dataset, label, members)
        give_back_memory()  # half a gigabyte, measured, of what the workers held
        frame = labelled(profiles, labels)
        split = choose_split(
            frame, window_days=self.definition.window_days, oot_snapshots=chosen.oot_snapshots, seed=chosen.seed
        )
        return profiles, split, LeftOut(dict(Counter(labels["exclusion"].dropna())), drawn)

    # From a sample to a champion -----------------------------------------------------------------------------

    def train(self, name: str, *, promote_anyway: str | None = None) -> Record:
        """Train, validate and register the champion; returns what was measured, as `validation.json` holds it.

        `promote_anyway`: why a model with objections (`models.promotion`) shall decide all the same; is recorded.

        Raises:
            OutputExistsError: another process is training on this data set; told before anything is trained.
            ModelError: the model is not shown to rank, or is shown to rank worse than a baseline.
        """
        check_reason(promote_anyway)
        self.dataset(name), self.policy(name)  # so that nothing is made for what is not there or not said
        with exclusive(self.paths.validation(name).parent, wait=False, doing=f"training on {name}"):
            return self._train(name, promote_anyway)

    def _train(self, name: str, promote_anyway: str | None) -> Record:
        profiles, split, left_out = self.sample(name)
        features = profiles.catalogue
        grades = _grades(self.policy(name))
        settings = TrainingSettings(seed=self.settings.sample.seed, grades=grades, threads=cores())
        model, judged = self._trained(split, features, settings)
        overruled = check_promotion(name, objections(judged["metrics"], judged["gains"]), promote_anyway)
        importance, leanings = _importance(model, split.frame)
        model = replace(model, metadata=dict(model.metadata) | {"typical": _typical(profiles, leanings)})
        found: Record = judged | {
            "dataset": name,
            "identity": self._identity(name),
            "split": split.kind,
            "why": split.why,
            "definition": asdict(self.definition),
            "label_source": self.dataset(name).info.label_source,
            "rows_by_part": split.frame["part"].value_counts().to_dict(),
            "left_out": left_out.by_reason,
            "drawn": asdict(left_out.drawn),
            "n_features": len(features.features),
            "features_absent": profiles.info.absent,
            "rounds": model.booster.num_trees(),
            "calibration": asdict(model.calibrated()),
            "importance": importance,
            "promoted_anyway": overruled,
        }
        self.tick("registering", 0, 1)
        version = register(
            model,
            self.paths.models,
            dataset=name,
            params=_params(settings, found),
            metrics=found["metrics"],
            tags={"promoted_anyway": promote_anyway} if overruled and promote_anyway else {},
        )
        self.tick("registering", 1, 1)
        found["model_version"] = version
        write_json(self.paths.validation(name), found)
        return found

    def _trained(self, split: Split, features: Catalogue, settings: TrainingSettings) -> tuple[CreditModel, Record]:
        if split.kind == "time":
            model = train(split.frame, features.features, settings, tick=self.tick)
            return model, judged_out_of_time(model, split.frame, features.features, tick=self.tick)
        model = train_cross_fitted(split.frame, features.features, settings, tick=self.tick)
        demographics = [feature.name for feature in features.features if feature.tables == {"customers"}]
        return model, judged_by_cross_validation(
            split.frame, features.features, settings, demographics=demographics, tick=self.tick
        )

    def _identity(self, name: str) -> str:
        """Changes when anything does that a champion is made from."""
        provided = self._provided(name)
        chosen = self.settings.default.model_dump() | self.settings.sample.model_dump()
        grades = asdict(_grades(self.policy(name)))
        return sha256_json([self.dataset(name).fingerprint, provided.fingerprint, chosen, grades, code_fingerprint()])

    def _still_valid(self, name: str) -> Record | None:
        """The last validation, if it is of the champion in force and of what would be trained now."""
        path = self.paths.validation(name)
        if not path.exists():
            return None
        found: Record = read_json(path)
        try:
            _, version = load_champion(self.paths.models, name)
        except ModelError:
            return None
        return found if (found["identity"], found["model_version"]) == (self._identity(name), version) else None

    # From a champion to decisions ----------------------------------------------------------------------------

    def score(
        self, name: str, *, as_of: datetime | None = None, cohort: str | None = None, replace: bool = False
    ) -> Path:
        """Profiles, scores, reasons and decisions of everyone with an account at `as_of`, or of a brought cohort.

        The same run again changes nothing and is not made again.

        Raises:
            CohortError: an `as_of` outside the data or not at midnight, or nobody to score.
        """
        label, dataset = self._label(as_of, cohort), self.dataset(name)
        if as_of:
            dataset.check_as_of(as_of)
        target, chosen, policy = self.paths.scored(name, label), self.chosen(name), self.policy(name)
        model, version = load_champion(self.paths.models, name)
        self._check_features(name, model)
        with self._engine() as engine:
            members = self._members(engine, dataset, label, [as_of] if as_of else [])
            job = Job(
                dataset=name,
                cohort=label,
                data_fingerprint=dataset.fingerprint,
                catalogue=self._provided(name),
                model=model,
                model_version=version,
                policy=policy,
                typical={name: Typical(*told) for name, told in model.metadata["typical"].items()},
                currency=dataset.info.currency,
                revolving=chosen.revolving,
                assume_no_debt=chosen.assume_no_debt,
                jurisdiction=chosen.jurisdiction,
                definition=self.definition,
                standing=standing(engine, dataset, members, self.definition),
            )
            if not replace and already_done(job, target):
                return target
            profiles = self._profiles(dataset, label, members)
        return score(job, profiles, target, replace=replace, tick=self.tick)

    def _check_features(self, name: str, model: CreditModel) -> None:
        barred = sorted(set(model.features) - set(self._provided(name).names))
        if barred:
            raise ModelError(
                f"the champion of {name} asks for {len(barred)} features that its profiles do not have",
                expected=f"features that the data give and that are lawful in {self.chosen(name).jurisdiction!r}",
                received=", ".join(barred[:3]) + (", …" if len(barred) > 3 else ""),
                todo=f"train again: `credit-eval train {name}`",
            )

    @staticmethod
    def _label(as_of: datetime | None, cohort: str | None) -> str:
        if as_of is None:
            return f"cohort={cohort}"
        if as_of.time() != datetime.min.time():
            raise CohortError(
                "a batch run observes at midnight",
                expected="YYYY-MM-DD",
                received=as_of.isoformat(),
                todo="leave out the time of day; a cohort of the source may have any",
            )
        return f"as_of={as_of:%Y-%m-%d}"

    def report(self, name: str, label: str) -> Path:
        """The static HTML report of a scored run, beside the champion's validation.

        Raises:
            SourceError: nothing is scored under this label, or the champion was never validated.
            IntegrityError: a file of the scored run is missing or was changed since.
        """
        scored, validation = self.paths.scored(name, label), self.paths.validation(name)
        for needed, todo in ((scored / "manifest.json", "score"), (validation, "train")):
            if not needed.exists():
                raise SourceError(f"no report of {name} {label} yet", todo=f"run `credit-eval {todo} {name}` first")
        check_whole(scored)
        self.tick("report", 0, 1)
        target, profiles = self.paths.report(name, label), self.paths.profiles(name, label)
        write_report(scored, read_json(validation), self.dataset(name).info, target, profiles=profiles)
        self.tick("report", 1, 1)
        return target

    def latest(self, name: str) -> str:
        """Label of the run scored last.

        Raises:
            SourceError: nothing is scored yet.
        """
        manifests = list(self.paths.all_scored(name).glob("*/manifest.json"))
        if not manifests:
            raise SourceError(f"nothing is scored of {name} yet", todo=f"run `credit-eval score {name}` first")
        return max(manifests, key=lambda path: str(read_json(path)["finished"])).parent.name

    def labels(self, name: str) -> list[str]:
        """What `run` scores: the cohorts that the source brought without labels, or everybody at the data end."""
        dataset = self.dataset(name)
        brought = [cohort for cohort in dataset.cohorts if cohort != TRAINING_COHORT]
        return [f"cohort={cohort}" for cohort in brought] or [f"as_of={dataset.info.known_until:%Y-%m-%d}"]

    def run(
        self,
        name: str,
        *,
        as_of: datetime | None = None,
        replace: bool = False,
        promote_anyway: str | None = None,
    ) -> Done:
        """Train unless the champion is of these very data, score, report, and sum up."""
        started = time.monotonic()
        validation = self._still_valid(name) or self.train(name, promote_anyway=promote_anyway)
        done: dict[str, Summary] = {}
        for label in [f"as_of={as_of:%Y-%m-%d}"] if as_of else self.labels(name):
            kind, _, value = label.partition("=")
            if kind == "as_of":
                self.score(name, as_of=datetime.fromisoformat(value), replace=replace)
            else:
                self.score(name, cohort=value, replace=replace)
            self.report(name, label)
            done[label] = summarise(self.paths.scored(name, label))
        return Done(name, validation, done, time.monotonic() - started)

    def customer(self, name: str, customer: str, as_of: datetime) -> dict[Dimension, list[Line]]:
        """One customer's profile at a date, beside the population's at that date."""
        dataset = self.dataset(name)
        with self._engine() as engine, TemporaryDirectory(prefix="credit_eval_") as scratch:
            members = Path(scratch) / "population.parquet"
            population_with(engine, dataset, customer, as_of, members)
            target = Path(scratch) / "profiles"
            profiles = build_profiles(dataset, members, self.catalogue(name), target, tick=self.tick)
            usual = typical_values(profiles)
            found = one_profile(engine, profiles, customer)
        return by_dimension(found, usual, profiles.catalogue, dataset.info.currency)

    @contextmanager
    def _engine(self) -> Iterator[DuckDB]:
        scratch = TemporaryDirectory(prefix="credit_eval_")
        with scratch as spill, DuckDB(memory=self.settings.engine.bound(), spill=Path(spill)) as engine:
            yield engine


def _grades(policy: Policy) -> GradeScale:
    """The policy's grades are the model's master scale, so that a grade means one thing."""
    bounds = tuple(grade.up_to for grade in policy.grades[:-1])
    return GradeScale(bounds, tuple(grade.grade for grade in policy.grades))


def _params(settings: TrainingSettings, found: Record) -> dict[str, object]:
    grown = {name: value for name, value in asdict(settings).items() if name not in ("scale", "grades", "threads")}
    return grown | {name: found[name] for name in ("split", "definition", "n_features", "rounds", "label_source")}


def _importance(model: CreditModel, sample: pd.DataFrame) -> tuple[dict[str, float], dict[str, Leaning]]:
    """Mean absolute contribution per feature in log-odds, largest first, and its leaning; on up to 2,000 rows."""
    rows = sample.sample(min(len(sample), _ROWS_FOR_IMPORTANCE), random_state=0)
    matrix = model.matrix(rows)
    explained = contributions(model.booster, matrix).values
    found = np.abs(explained).mean(axis=0)
    ranked = sorted(zip(model.features, found.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    leaning = leanings(matrix, explained)
    return dict(ranked), {column.name: leaning[j] for j, column in enumerate(model.inputs) if not column.categories}


def _typical(profiles: Profiles, leanings: Mapping[str, Leaning]) -> dict[str, tuple[float | str | None, float, int]]:
    """What is typical of each feature, as the model's record holds it."""
    found = typical_values(profiles)
    return {name: (told.value, told.without, leanings.get(name, 0)) for name, told in found.items()}
