"""A study: a data set with its features, its policy and what default means, opened once.

The stages (`stages.py`), the command line and whoever types in a notebook ask it; nothing of it is looked up twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credit_eval.catalogue import CATALOGUE
from credit_eval.core.errors import DeclarationError, PolicyError, SourceError
from credit_eval.core.files import scratch
from credit_eval.core.machine import give_back_memory
from credit_eval.core.names import checked_label, checked_name
from credit_eval.core.progress import Tick, silent
from credit_eval.core.runs import Run
from credit_eval.core.seals import sha256_file
from credit_eval.language.catalogue import Catalogue, Provided, axis_titles
from credit_eval.language.feature import Dimension
from credit_eval.language.typical import Typical
from credit_eval.policy.settings import Policy, load_policy
from credit_eval.samples.definition import DefaultDefinition
from credit_eval.schema.duckdb import DuckDB, parquet
from credit_eval.schema.flat import FLAT, ROWS, UNLABELLED
from credit_eval.schema.store import TRAINING_COHORT, Dataset, check_hashes, open_dataset
from credit_eval.schema.tables import TABLES
from credit_eval.settings import DatasetSettings, Paths, Settings, load_settings, project_root

if TYPE_CHECKING:  # seconds that only those pay who sample, profile or decide
    import pandas as pd
    from numpy.typing import ArrayLike

    from credit_eval.engine.ranks import Standing
    from credit_eval.estimator import DefaultModel
    from credit_eval.models.record import Record
    from credit_eval.policy.backtest import Backtest
    from credit_eval.policy.losses import Losses
    from credit_eval.profiles.customer import Line
    from credit_eval.profiles.store import Profiles
    from credit_eval.samples.exposure import Compared, Exposure
    from credit_eval.samples.sample import Sample
    from credit_eval.scoring.ledger import Ledger
    from credit_eval.study.results import Results

SAMPLE = "sample"


def open_study(
    name: str,
    *,
    root: Path | str | None = None,
    policy: str | None = None,
    catalogue: Catalogue = CATALOGUE,
    strict: bool = False,
    spark: bool = False,
    tick: Tick = silent,
) -> Study:
    """Open a data set that was simulated or imported.

    Args:
        name: of a data set under `data/raw`.
        root: the project's directory, with `data/`, `models/` and `settings.yaml`; None: the working directory, or
            the nearest one above it that has `settings.yaml`.
        policy: a policy file, or `default`, in place of what settings.yaml says of the data set.
        catalogue: the features; those that are unlawful where its customers live, or that the data cannot provide,
            are left out.
        strict: refuse data that lack what a feature reads.
        spark: build profiles on Spark; they are the same to the last bit.
        tick: told how far long work is.

    Returns:
        what was opened, frozen.

    Raises:
        SourceError: no such data set, or settings that are none.
        IntegrityError: files of the data set were changed since they were imported.
        DeclarationError: `strict`, and the data lack what some feature reads.
    """
    paths = Paths(root=project_root() if root is None else Path(root))
    settings = load_settings(paths.root / "settings.yaml")
    dataset = open_dataset(paths.dataset(name))
    with dataset.reading():
        check_hashes(dataset)
    features = catalogue.with_flat(dataset.info.flat)
    lawful, _ = features.lawful_in(settings.jurisdiction(name))
    provided = lawful.available(dataset.info)
    if strict and provided.absent:
        raise DeclarationError(
            f"data set {name} lacks what {len(provided.absent)} features read",
            expected="every table and column of the catalogue",
            received="no " + ", no ".join(sorted(set(provided.absent.values()))),
            todo="import what is missing, or leave out --strict: these features are then left out and named",
        )
    return Study(paths, settings, dataset, provided, policy, catalogue is not CATALOGUE, spark, tick)


@dataclass(frozen=True)
class Study:
    """What `open_study` opened.

    Attributes:
        paths: where things lie.
        settings: as in settings.yaml.
        dataset: the declared tables.
        provided: the features that are lawful and that the data provide, and which are absent for want of what.
        policy_named: a policy in place of what settings.yaml says; None: that.
        own_catalogue: its features are somebody's own, so their profiles are kept apart.
        spark: profiles are built on Spark.
        tick: told how far long work is.
    """

    paths: Paths
    settings: Settings
    dataset: Dataset
    provided: Provided
    policy_named: str | None = None
    own_catalogue: bool = False
    spark: bool = False
    tick: Tick = silent

    def __repr__(self) -> str:
        info = self.dataset.info
        tables = f"{sum(info.rows[table] for table in info.columns):,} events in {len(info.columns)} tables"
        if info.flat:
            tables = (f"{tables}, " if info.columns else "") + f"{info.rows[FLAT]:,} rows of a flat table"
        return f"Study({self.name!r}: {tables}, known until {info.known_until:%Y-%m-%d}, {len(self.features)} features)"

    @property
    def name(self) -> str:
        """The data set's name."""
        return self.dataset.name

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features, the columns of profiles."""
        return tuple(self.catalogue.names)

    @property
    def titles(self) -> dict[str, str]:
        """What each feature is, by name, as it is written on an axis."""
        return axis_titles(self.catalogue.features)

    @property
    def catalogue(self) -> Catalogue:
        """The features, as declared."""
        return self.provided.catalogue

    @cached_property
    def chosen(self) -> DatasetSettings:
        """The settings of this data set.

        Raises:
            SourceError: nobody said which policy is in force for it.
        """
        chosen = self.settings.of(self.name, policy=self.policy_named)
        if not self.dataset.info.flat:
            return chosen
        roles = self.catalogue.roles
        return chosen.unless_said(revolving="requested" not in roles, assume_no_debt="balance" not in roles)

    @cached_property
    def policy(self) -> Policy:
        """The policy in force.

        Raises:
            SourceError: nobody said which.
            PolicyError: its file is none, or its amounts are in another currency than the data set's.
        """
        policy = load_policy(self.chosen.policy_file(self.paths.root))
        if policy.currency not in (None, self.dataset.info.currency):
            raise PolicyError(
                f"the amounts of policy {policy.name} are in another currency than those of data set {self.name}",
                expected=self.dataset.info.currency,
                received=policy.currency,
                todo="name a policy in this currency in settings.yaml: a copy of this one with its own `currency` and "
                "`amount_unit`",
            )
        return policy

    @property
    def in_force(self) -> str:
        """The policy, its unit and the jurisdiction, in a phrase."""
        policy = self.policy
        unit = policy.currency or f"units of {policy.amount_unit:g}"
        return f"{policy.name} {policy.policy_version} in {unit}, jurisdiction {self.chosen.jurisdiction}"

    @property
    def definition(self) -> DefaultDefinition:
        """What default means."""
        definition = DefaultDefinition(**self.settings.default.model_dump())
        waited = self.dataset.info.window_days
        return definition if waited is None else replace(definition, window_days=waited)

    @property
    def tables(self) -> pd.DataFrame:
        """The declared tables that there are: what a row is, how many, and which columns."""
        import pandas as pd

        info = self.dataset.info
        return pd.DataFrame(
            {
                "what": {table: TABLES[table].what for table in info.columns},
                "rows": {table: f"{info.rows[table]:,}" for table in info.columns},
                "columns": {table: ", ".join(columns) for table, columns in info.columns.items()},
            }
        )

    def history(self, customer: str) -> dict[str, list[dict[str, Any]]]:
        """One customer's events by table, in the order of time, as Python's own objects.

        Args:
            customer: its id.

        Returns:
            by table, a dict of columns per event.
        """
        with self.engine() as engine:
            sql = "FROM {} WHERE customer_id = ? ORDER BY occurred_at"
            tables = {table: parquet(self.dataset.paths(table)) for table in self.dataset.tables}
            return {table: engine.arrow(sql.format(of), [customer]).to_pylist() for table, of in tables.items()}

    def validation(self) -> Record:
        """What training measured of the champion.

        Returns:
            metrics with intervals, baselines, the split and what was left out.

        Raises:
            SourceError: nothing is trained yet, or by another version.
            IntegrityError: the record is not what was registered.
        """
        from credit_eval.models.evidence import record_of

        found = record_of(self.paths.models, self.name)
        if found is None:
            raise SourceError(f"no champion of {self.name} yet", todo=f"train one: `credit-eval train {self.name}`")
        return found

    def judged(self, version: int | None = None) -> pd.DataFrame:
        """What a version said of the rows that judged it, by trees that had learnt nothing from them.

        Args:
            version: None: the champion.

        Returns:
            customer_id, as_of, defaulted, part (`fit`: out of fold; `gap`, `oot`: by the model of `fit`) and p_default.

        Raises:
            SourceError: there is no such version, or it kept nothing.
            IntegrityError: the rows are not what was registered.
        """
        from credit_eval.models.evidence import rows_of
        from credit_eval.models.registry import CHAMPION, find_version

        found = find_version(self.paths.models, self.name, version or CHAMPION)
        if found is None:
            raise SourceError(f"no such version of {self.name}", expected="a registered version", received=str(version))
        return rows_of(found)

    # Whom to observe, and when -------------------------------------------------------------------------------

    def runs(self) -> list[Run]:
        """What there is to score: the cohorts that the source brought without labels, or everybody at the data end.

        Of a flat table the rows without a label, or all of them where all have one.

        Returns:
            each of them can be given to `stages.score`.
        """
        brought = [cohort for cohort in self.dataset.cohorts if cohort != TRAINING_COHORT]
        if self.dataset.info.flat and UNLABELLED in brought:
            brought.remove(ROWS)
        end = self.dataset.info.known_until
        return [Run(cohort=cohort) for cohort in brought] or [Run(as_of=datetime(end.year, end.month, end.day))]

    def latest(self) -> Run:
        """The run scored last, of this data set's own customers.

        Returns:
            by the time at which scoring finished.

        Raises:
            SourceError: nothing is scored yet.
        """
        from credit_eval.scoring.decision import latest_run

        return latest_run(self.paths.all_scored(self.name))

    def members(self, engine: DuckDB, label: str, as_ofs: Sequence[datetime]) -> Path:
        """File of a cohort: everyone with an account at `as_ofs`, written now; without these, one that was brought.

        Args:
            engine: that writes it.
            label: of the run or the sample.
            as_ofs: observation dates.

        Returns:
            a Parquet file of customer_id and as_of.
        """
        from credit_eval.samples.cohorts import monthly_cohort

        if not as_ofs:
            return self.dataset.cohort_path(label.partition("=")[2])
        path = self.paths.cohort(self.name, label)
        monthly_cohort(engine, self.dataset, as_ofs, path)
        return path

    # Profiles and samples ------------------------------------------------------------------------------------

    def profiles_at(self, label: str) -> Path:
        """Where the profiles of a label are kept; those of a catalogue of one's own do not take the others' place.

        Args:
            label: of a run or the sample.

        Returns:
            a directory.
        """
        own = f"+{self.catalogue.fingerprint[:8]}" if self.own_catalogue else ""
        return self.paths.profiles(self.name, label + own)

    def build_profiles(self, label: str, members: Path, standings: Mapping[str, Standing] | None = None) -> Profiles:
        """Build the profiles of a cohort's file, and keep them under its label.

        Args:
            label: of a run or the sample.
            members: a Parquet file of customer_id and as_of.
            standings: the population in which ranks are told, by feature; None: these members.

        Returns:
            the profiles on disk, opened.
        """
        from credit_eval.engine.spark import Spark
        from credit_eval.profiles.build import build_profiles

        target = self.profiles_at(label)
        with self.dataset.reading(), Spark() if self.spark else nullcontext() as engine:
            return build_profiles(
                self.dataset,
                members,
                self.provided,
                target,
                replace=True,
                engine=engine,
                standings=standings,
                tick=self.tick,
            )

    def observe(self, members: pd.DataFrame) -> pd.DataFrame:
        """Profiles of any customers at any dates, not kept: customer_id, as_of, and a column per feature.

        Args:
            members: customer_id and as_of; other columns are not looked at.

        Returns:
            a row per member, numbers as float64, NaN where unknown.

        Raises:
            CohortError: an `as_of` outside the data, or an unknown customer.
        """
        from credit_eval.profiles.build import build_profiles

        with self.file_of(members) as path, self.dataset.reading():
            target = path.with_name("profiles")
            return build_profiles(self.dataset, path, self.provided, target, tick=self.tick).frame()

    def sample(self) -> Sample:
        """The labelled sample that models learn from and are judged on: built when first asked for, then kept.

        Returns:
            profiles with what became of each, split into parts.
        """
        return self._sample

    @cached_property
    def _sample(self) -> Sample:
        return self.draw_sample()

    def draw_sample(self) -> Sample:
        """The sample, its profiles built anew, and not kept: it can be a gigabyte.

        Returns:
            as `sample`.
        """
        from credit_eval.samples.cohorts import draw_customers, snapshot_dates
        from credit_eval.samples.definition import label_cohort
        from credit_eval.samples.labelled import labelled
        from credit_eval.samples.sample import LeftOut, Sample
        from credit_eval.samples.split import check_labels, choose_split

        chosen, label, dates = self.settings.sample, f"cohort={TRAINING_COHORT}", list[datetime]()
        if self.dataset.info.label_source == "repayments":
            label = SAMPLE
            history, days = chosen.min_history_days, chosen.days
            dates = snapshot_dates(self.dataset, self.definition, min_history_days=history, days=days)
        with self.engine() as engine:
            members, drawn = draw_customers(
                engine,
                self.members(engine, label, dates),
                self.paths.cohort(self.name, f"{label}_drawn"),
                max_rows=chosen.max_rows,
                seed=chosen.seed,
            )
            labels = label_cohort(engine, self.dataset, members, self.definition)
        left_out = dict(Counter(labels["exclusion"].dropna()))
        check_labels(labels.loc[labels["exclusion"].isna(), "defaulted"], left_out=left_out)  # before what takes long
        profiles = self.build_profiles(label, members)
        give_back_memory()  # half a gigabyte, measured, of what the workers held
        split = choose_split(
            labelled(profiles, labels),
            window_days=self.definition.window_days,
            oot_snapshots=chosen.oot_snapshots,
        )
        return Sample(split, profiles, LeftOut(left_out, drawn))

    def profile(self, customer: str, as_of: datetime) -> dict[Dimension, list[Line]]:
        """One customer's profile at a date, beside what is typical: of those whom the champion learnt from, if there
        is one, else of everybody at that date.

        Args:
            customer: its id.
            as_of: midnight, UTC.

        Returns:
            by dimension, lines of title, value and typical value, in words.

        Raises:
            CohortError: an `as_of` outside the data, or an unknown customer.
        """
        from credit_eval.engine.ranks import Standing
        from credit_eval.profiles.build import build_profiles
        from credit_eval.profiles.customer import by_dimension, one_profile
        from credit_eval.profiles.population import typical_values
        from credit_eval.samples.cohorts import one_member, population_with

        learnt = self._learnt()
        standings = {name: Standing(**told) for name, told in learnt.get("standings", {}).items()}
        known = {name: Typical(*told) for name, told in learnt.get("typical", {}).items()}
        alone = set(self.features) <= set(known)  # the champion knows what is typical, and where ranks stand
        with self.engine() as engine, self.scratch() as folder:
            members, target = folder / "members.parquet", folder / "profiles"
            write = one_member if alone else population_with
            write(engine, self.dataset, customer, as_of, members)
            profiles = build_profiles(
                self.dataset, members, self.provided, target, standings=standings if alone else None, tick=self.tick
            )
            usual = known if alone else typical_values(profiles)
            found = one_profile(engine, profiles, customer)
        return by_dimension(found, usual, profiles.catalogue, self.dataset.info.currency)

    def _learnt(self) -> Mapping[str, Any]:
        """What the champion remembers of the people it learnt from; nothing without one."""
        from credit_eval.core.errors import ModelError
        from credit_eval.models.registry import load_champion

        try:
            return load_champion(self.paths.models, self.name)[0].metadata
        except ModelError:
            return {}

    # Decisions -----------------------------------------------------------------------------------------------

    def decide(self, p_default: ArrayLike, profiles: pd.DataFrame, policy: Policy | None = None) -> pd.DataFrame:
        """What a policy (None: the one in force) does to customers with these probabilities of default.

        Args:
            p_default: (n,) calibrated.
            profiles: n rows of customer_id, as_of and the features; and `amount`, the amount asked for, if it is loans.
            policy: such as `study.policy.with_(threshold=0.4)`.

        Returns:
            Per row grade, decision, limit_previous, limit_new, limit_bound_by, apr and so on, as `policy.decide` says.

        Raises:
            PolicyError: a probability that is none, or what is owed is unknown.
        """
        from credit_eval.policy.decide import decide

        inputs, chosen = self.inputs(p_default, profiles, policy), policy or self.policy
        told: dict[str, Any] = {"language": self.chosen.language, "currency": self.dataset.info.currency}
        decided = decide(inputs, chosen, calibrated=True, losses=self.losses(chosen), **told)
        return decided.assign(limit_previous=inputs["limit_previous"])

    def inputs(self, p_default: ArrayLike, profiles: pd.DataFrame, policy: Policy | None = None) -> pd.DataFrame:
        """What the policy looks at (`policy.decide.INPUTS`) of n profiles with these probabilities of default.

        Args:
            p_default: (n,) calibrated.
            profiles: as for `decide`.
            policy: None: the one in force.

        Returns:
            n rows.

        Raises:
            PolicyError: what is owed is unknown, or the amount of a loan.
        """
        import pandas as pd

        from credit_eval.scoring.inputs import policy_inputs

        scores = pd.DataFrame({"p_default": p_default}, index=profiles.index)
        chosen = self.chosen
        return policy_inputs(
            profiles,
            scores,
            self.standing(profiles),
            self.catalogue.roles,
            revolving=chosen.revolving,
            assume_no_debt=chosen.assume_no_debt,
            policy=policy or self.policy,
        )

    @cached_property
    def exposure(self) -> Exposure | None:
        """CCF and LGD as measured when the champion was trained; None without a champion, or where nothing was."""
        from credit_eval.samples.exposure import exposure_of

        return exposure_of(self._learnt())

    def measure_exposure(self, defaults: pd.DataFrame) -> Exposure | None:
        """What defaults cost, measured on these; None where labels are not made of the repayments.

        Args:
            defaults: customer_id and as_of of observations that a default followed within the window.

        Returns:
            CCF and LGD with intervals.
        """
        from credit_eval.samples.exposure import measured_exposure

        if self.dataset.info.label_source != "repayments":
            return None
        rate = self.settings.loss.discount_rate
        with self.engine() as engine, self.file_of(defaults) as path:
            return measured_exposure(engine, self.dataset, path, self.definition, discount_rate=rate)

    def compare_exposure(self, earlier: pd.DataFrame, later: pd.DataFrame) -> list[Compared]:
        """What earlier defaults predict of later ones, beside what came.

        Args:
            earlier: customer_id and as_of of observations that a default followed.
            later: the same.

        Returns:
            of each quantity that can be compared: predicted and realised.
        """
        from credit_eval.samples.exposure import compared, recoveries

        learnt, defaults = self.measure_exposure(earlier), self.defaults(later)
        if learnt is None:
            return []
        with self.engine() as engine:
            return compared(learnt, defaults, recoveries(engine, self.dataset, defaults, self.definition))

    def defaults(self, members: pd.DataFrame) -> pd.DataFrame:
        """The members that default within the window: when, what they owed when observed and at default, and the limit.

        Args:
            members: customer_id and as_of.

        Returns:
            customer_id, as_of, hit_at, credit_limit (NaN: none known), owed and ead; no rows where the source does not
            tell payments.
        """
        from credit_eval.samples.exposure import defaulted_members

        with self.engine() as engine, self.file_of(members) as path:
            return defaulted_members(engine, self.dataset, path, self.definition)

    def losses(self, policy: Policy | None = None) -> Losses:
        """LGD and CCF under a policy (None: the one in force): measured where there are enough defaults, else assumed.

        Args:
            policy: None: the one in force.

        Returns:
            both, and whence they are.
        """
        from credit_eval.policy.losses import losses

        return losses(policy or self.policy, self.exposure, window_days=self.definition.window_days)

    def findings(self, policy: Policy | None = None) -> pd.DataFrame:
        """What can never happen under a policy, what collides in it, and which grades lose money.

        Args:
            policy: None: the one in force.

        Returns:
            level (`fault` or `note`) and text, faults first.
        """
        import pandas as pd

        from credit_eval.policy.check import findings

        chosen = policy or self.policy
        found = findings(chosen, self.losses(chosen))
        return pd.DataFrame([vars(one) for one in found], columns=["level", "text"])

    def check_decidable(self, run: Run) -> None:
        """Refuse a run of whose customers nobody could be decided on, before anything is built for it.

        Args:
            run: that is going to be scored.

        Raises:
            PolicyError: nobody knows what customers owe, or the amounts of loans; amounts are asked for on lines; the
                policy is in another currency, not in force then or there, or not published where it must be.
            CohortError: there is no such cohort.
        """
        from credit_eval.scoring.inputs import check_inputs
        from credit_eval.study.publishing import check_published

        check_published(self)
        self.policy.check_in_force(run.as_of or self.dataset.info.known_until, self.chosen.jurisdiction)
        self.policy.check_words(self.chosen.language)
        amounts, _ = False, checked_label(run.label)
        if run.brought is not None:
            with self.engine() as engine:
                amounts = "amount" in engine.columns(self.dataset.cohort_path(run.brought))
        chosen = self.chosen
        check_inputs(
            self.features,
            self.catalogue.roles,
            amounts=amounts,
            revolving=chosen.revolving,
            assume_no_debt=chosen.assume_no_debt,
        )

    @contextmanager
    def incoming(self, source: Path, name: str, as_of: datetime | None = None) -> Iterator[Study]:
        """This study over people nobody has seen: rows of a flat file, or events in a folder, and no others.

        Args:
            source: a file as the data set's flat file is; or a folder with the files that its mapping names.
            name: of the cohort `name` in which they are.
            as_of: of events, up to when they are complete, and looked at; None: the midnight after the last one.

        Yields:
            a study to score `Run(file=name)` of, gone afterwards.

        Raises:
            SourceError: a file lacks columns, all of which are named, or there is nobody in it.
            TableError: rows break the declarations.
        """
        from credit_eval.ingest.incoming import import_incoming
        from credit_eval.samples.cohorts import monthly_cohort

        with self.scratch() as folder:
            dataset = import_incoming(self.dataset.info, source, folder, checked_name(name, "file"), as_of=as_of)
            end = dataset.info.known_until
            if name not in dataset.cohorts:
                cohort = f"cohorts/{name}.parquet"
                with self.engine() as engine:
                    at = datetime(end.year, end.month, end.day)
                    monthly_cohort(engine, dataset, [at], dataset.root / cohort)
                hashes = dataset.info.hashes | {cohort: sha256_file(dataset.root / cohort)}
                dataset = replace(dataset, info=replace(dataset.info, hashes=hashes))
            yield replace(self, dataset=dataset, provided=self.catalogue.available(dataset.info))

    def results(self, run: Run | None = None) -> Results:
        """What a scored run (None: the latest) left: decisions, contributions, profiles, a summary.

        Args:
            run: None: the latest.

        Returns:
            what can be asked of it; read when it is asked for.

        Raises:
            SourceError: nothing is scored.
        """
        from credit_eval.study.results import Results

        return Results(self, run or self.latest())

    def what_if(self, policy: Policy, run: Run | None = None) -> pd.DataFrame:
        """The decisions of a scored run (None: the latest) under another policy, same customers, same probabilities.

        Args:
            policy: such as `study.policy.with_(threshold=0.4)`.
            run: None: the latest.

        Returns:
            as `decide`.

        Raises:
            SourceError: nothing is scored.
        """
        return self.results(run).what_if(policy)

    def backtest(self, one: Policy, other: Policy, *, every_month: bool = False, by: Sequence[str] = ()) -> Backtest:
        """Two policies on past observations whose windows have ended, by trees that had learnt nothing from them.

        Args:
            one: such as `study.policy`.
            other: such as `study.policy.with_(threshold=0.4)`.
            every_month: also the months that taught, each customer by trees of another fold.
            by: features with categories that make segments, beside arrears, grades and months.

        Returns:
            whom each stops, what that costs, the swap set, segments, the frontier of thresholds, harder times.

        Raises:
            PolicyError: a policy in another currency, or what is owed or asked for is unknown.
            SourceError: there is no champion, or it kept nothing.
            SampleError: too few bads or goods.
        """
        from credit_eval.study.backtesting import backtested

        return backtested(self, [one, other], every_month=every_month, by=by)

    def champion(self) -> DefaultModel:
        """The model that decides, ready to predict and to explain.

        Returns:
            a fitted estimator.

        Raises:
            ModelError: there is none, or it is damaged.
        """
        from credit_eval.estimator import DefaultModel
        from credit_eval.models.registry import load_champion

        return DefaultModel.of(load_champion(self.paths.models, self.name)[0])

    def explain(self, model: DefaultModel, profiles: pd.DataFrame) -> Any:
        """A `shap.Explanation` of n profiles in the words of the features: exact, in raw log-odds of default.

        Args:
            model: a fitted estimator.
            profiles: n rows with its columns.

        Returns:
            values (n, f) in log-odds, base values (n,), titles as names, values as a person writes them.
        """
        from credit_eval.explain.contributions import contributions
        from credit_eval.explain.explanation import explanation

        credit_model, features = model.model_, [self.catalogue[name] for name in model.model_.features]
        found = contributions(credit_model.booster, credit_model.matrix(profiles))
        return explanation(found.values, found.base, profiles, features, currency=self.dataset.info.currency)

    def mlflow_uri(self) -> tuple[str, str]:
        """Where MLflow finds the champion: its tracking and registry URI, and the model's.

        Returns:
            the store's URI, and `models:/…` of the champion.
        """
        from credit_eval.models.registry import champion_uri

        return champion_uri(self.paths.models, self.name)

    def standing(self, members: pd.DataFrame) -> pd.DataFrame:
        """Where customers stand at each as_of: in default, overdue, cured of late (`samples.standing`).

        Args:
            members: customer_id, as_of, and `amount` where a loan is asked for; other columns are not looked at.

        Returns:
            a row per member.

        Raises:
            LedgerError: the ledger cannot be read.
            IntegrityError: it contradicts the accounts.
        """
        with self.engine() as engine, self.file_of(members) as path:
            return self.standing_of(engine, path)

    def standing_of(self, engine: DuckDB, members: Path, heard: int | None = None) -> pd.DataFrame:
        """As `standing`, of a cohort's file.

        Args:
            engine: that reads it.
            members: a Parquet file of customer_id and as_of, perhaps `amount`.
            heard: how many entries of what people decided are heard; None: all of them.

        Returns:
            a row per member.
        """
        from credit_eval.samples.standing import standing
        from credit_eval.scoring.memory import check_limits, remembered
        from credit_eval.scoring.overrides import honoured, overrides

        found = standing(engine, self.dataset, members, self.definition)
        state = self.ledger.before(self.name, found[["customer_id", "as_of"]])
        if self.dataset.info.anonymous:  # a number in a file is nobody who could be met again
            return remembered(found, state.iloc[:0])
        check_limits(engine, self.dataset, state)
        return honoured(remembered(found, state), overrides(self.ledger.log(self.name), heard=heard))

    @property
    def ledger(self) -> Ledger:
        """What was decided of whom, when: `ledger.history(study.name, customer)`."""
        from credit_eval.scoring.ledger import Ledger

        return Ledger(self.paths.ledger(self.settings.ledger))

    def query(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object] = (), **frames: pd.DataFrame
    ) -> pd.DataFrame:
        """The answer to an SQL question (DuckDB's) of the declared tables, each by its name (a flat table: `flat`),
        and of frames by theirs.

        Args:
            sql: one SELECT.
            parameters: for `?` or `$name` in it.
            frames: under the names that the question uses.

        Returns:
            the answer's rows.

        Raises:
            EngineError: a question that cannot be answered.
        """
        with self.engine() as engine:
            for table in self.dataset.tables:
                engine.run(f"CREATE VIEW {table} AS FROM {parquet(self.dataset.paths(table))}")
            if self.dataset.info.flat:
                engine.run(f"CREATE VIEW {FLAT} AS FROM {parquet(self.dataset.flat_path)}")
            for name, frame in frames.items():
                engine.register(name, frame)
            return engine.frame(sql, parameters)

    def moves_after_as_of(self, as_of: datetime, build: Callable[[Study], pd.DataFrame]) -> pd.Series[int]:
        """Rows per feature that change when what was known only from `as_of` on is taken away: 0 everywhere, by law.

        Args:
            as_of: of all that is built.
            build: gives customer_id, as_of and features, of whichever study it gets.

        Returns:
            by feature, how many rows.

        Raises:
            CohortError: `as_of` lies outside the data.
            IntegrityError: `build` gave other rows or columns for the truncated data.
        """
        from credit_eval.screening import moves_after_as_of

        with self.engine() as engine:
            return moves_after_as_of(engine, self.dataset, as_of, lambda data: build(replace(self, dataset=data)))

    @contextmanager
    def engine(self) -> Iterator[DuckDB]:
        """A database in the memory that settings allow; what does not fit spills to disk.

        Yields:
            the database, closed afterwards.

        Raises:
            SourceError: the data set was replaced since it was opened.
        """
        memory = self.settings.engine.bound()
        with self.dataset.reading(), self.scratch() as spill, DuckDB(memory=memory, spill=spill) as engine:
            yield engine

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory below `data/`, for as long as it is needed; what killed runs left of theirs is removed.

        Yields:
            an empty directory.
        """
        with scratch(self.paths.scratch) as folder:
            yield folder

    @contextmanager
    def file_of(self, members: pd.DataFrame) -> Iterator[Path]:
        """A cohort's file of customers and dates, for as long as it is needed, in a directory of its own.

        Args:
            members: customer_id and as_of, perhaps amount.

        Yields:
            the file.
        """
        with self.scratch() as folder:
            path = folder / "members.parquet"
            members[[name for name in ("customer_id", "as_of", "amount") if name in members]].to_parquet(path)
            yield path
