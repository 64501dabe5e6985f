"""From a sample to a champion: train, judge, register as challenger, compare, and promote what nothing speaks against.

    sample ──grow──► model ──judge──► record ──refit──► challenger ──objections?──► champion
                                                             └── some: stays challenger, the champion is who it was

A challenger is registered before it is judged fit, with its record and what it said of the rows that judged it. So who
was refused can be looked at, compared with the champion, and promoted later, by somebody, for a reason.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from credit_eval.challenger import Made, grades_of, growing, identity_of, made, said_of
from credit_eval.core.errors import IntegrityError, ModelError, SourceError
from credit_eval.core.files import write_json
from credit_eval.core.locks import exclusive
from credit_eval.core.stage_log import stage
from credit_eval.models.comparison import Comparison, can_tell, compare, said_by_both
from credit_eval.models.evidence import record_of, rows_of, said_before, taken_down
from credit_eval.models.history import Move, check_said, read_history, runner
from credit_eval.models.promotion import beside_the_champion, check_reason, refused
from credit_eval.models.record import Record, judging
from credit_eval.models.registry import (
    CHALLENGER,
    CHAMPION,
    RECORD_FILE,
    ROWS_FILE,
    SAID_FILE,
    Version,
    find_version,
    keep_champion,
    load_version,
    make_challenger,
    promote,
    register,
)
from credit_eval.models.training import TrainingSettings
from credit_eval.models.tuning import Tuned
from credit_eval.models.tuning import tune as search
from credit_eval.scoring.memory import log_moves
from credit_eval.study import Study

#: Probabilities that differ by no more are the same, and of so many of the rows there must be something to compare.
SAME, _ENOUGH = 1e-9, 0.5


@dataclass(frozen=True)
class Chosen:
    """Who decides, and the challenger that was refused, if one was."""

    champion: Record
    refused: Record | None = None


def train(study: Study, *, promote_anyway: str | None = None) -> Record:
    """Train, judge and register a challenger, and promote it if nothing speaks against it; returns what was measured.

    `promote_anyway`: why a model with objections (`models.promotion`) shall decide all the same; is recorded.

    Raises:
        OutputExistsError: another process is training on this data set; told before anything is trained.
        ModelError: something speaks against the model; it is registered, and the champion is who it was.
    """
    check_reason(promote_anyway)
    found = _challenger(study)
    if not _promoted(study, found, promote_anyway):
        raise refused(study.name, found.model_version, _objections(study, found))
    return _record(study, found.model_version)


def choose(study: Study, *, promote_anyway: str | None = None) -> Chosen:
    """The champion, if it is of these very data; else whom training brings, or the champion where that was refused.

    Raises:
        ModelError: the challenger is refused, and there is no champion.
    """
    check_reason(promote_anyway)
    identity, champion = identity_of(study), _known(study, CHAMPION)
    if champion and is_made_of_these(study, champion):
        return Chosen(champion)
    known = _known(study, CHALLENGER)
    challenger = known if known and known.identity == identity else _challenger(study)
    if _promoted(study, challenger, promote_anyway):
        return Chosen(_record(study, challenger.model_version))
    if champion is None:
        raise refused(study.name, challenger.model_version, _objections(study, challenger))
    return Chosen(champion, replace(challenger, objections=_objections(study, challenger)))


def is_made_of_these(study: Study, record: Record) -> bool:
    """Whether a version is of these very data, settings and code, or was shown to be (`keep`)."""
    identity = identity_of(study)
    moves = read_history(study.paths.models, study.name)
    kept = {move.identity for move in moves if move.what == "kept" and move.version == record.model_version}
    return record.identity == identity or identity in kept


def keep(study: Study, *, why: str, by: str) -> Move:
    """Keep the champion though the code, a library, the settings or the data are others than those it was made with.

    Its model scores the sample anew, built by what is there now. It is kept if it says of everybody what it said when
    it was trained, and then counts as made of this.

    Raises:
        ModelError: it says something else, or nobody says why or who; the champion is who it was, and `run` trains.
        SourceError: there is no champion, or it did not keep what it said.
    """
    check_said(why, by)
    champion = _found(study, CHAMPION)
    before = said_before(champion)
    now = said_of(load_version(study.paths.models, champion), study.draw_sample())
    both = before.merge(now, on=["customer_id", "as_of"], suffixes=("_before", "_now"))
    moved_by = (both["p_default_now"] - both["p_default_before"]).abs()
    other = both[~(moved_by <= SAME)]
    if len(both) < _ENOUGH * len(before) or len(other):
        raise ModelError(
            f"version {champion.number} of {study.name} does not say what it said when it was trained",
            expected=f"the same p_default of {len(before):,} rows of its sample, to {SAME:g}",
            received=f"{len(both):,} of them are there now; the largest difference is {moved_by.max():.3g}",
            rows=other["customer_id"].head(3).tolist(),
            n_rows=len(other),
            todo="train anew: the new code or data make another model of it",
        )
    move = keep_champion(study.paths.models, study.name, champion, identity_of(study), why=why, by=by)
    _log(study)
    return move


def tune(study: Study, *, seconds: float | None = None, trials: int | None = None, rows: int = 60_000) -> Tuned:
    """Search for how to grow the trees of a data set, judged on rows that the search never saw; changes nothing.

    Args:
        study: whose sample is searched on, beginning with its settings.
        seconds: after which no trial begins.
        trials: at most; so many give the same on every machine.
        rows: of the search at most.

    Returns:
        what was found, also written to `tuning.json` beside the reports.

    Raises:
        SampleError: too few bads or goods, or no bound is said.
    """
    sample = study.draw_sample()
    grown = growing(study, grades_of(study.policy))
    by_time = sample.split.kind == "time"
    frame, features = sample.frame, sample.profiles.catalogue.features
    found = search(frame, features, grown, by_time=by_time, seconds=seconds, trials=trials, rows=rows, tick=study.tick)
    write_json(study.paths.reports(study.name) / "tuning.json", asdict(found))
    return found


def compare_versions(study: Study, version: int | None = None, against: int | None = None) -> Comparison:
    """Two versions on the rows that judged both.

    Args:
        study: whose versions.
        version: None: the challenger, the one trained last.
        against: None: the champion.

    Returns:
        both, and the first's gains over the second.

    Raises:
        ModelError: there is no such version, or it is the same one twice.
        SourceError: a version did not keep what it was judged by.
        SampleError: too few rows judged both.
    """
    this, other = _found(study, version or CHALLENGER), _found(study, against or CHAMPION)
    if this.number == other.number:
        raise ModelError(
            f"version {this.number} is both the challenger and the champion"
            if version is None
            else "one version twice",
            expected="two versions",
            received=f"version {this.number}",
            todo="name another: `--against VERSION`; `credit-eval registry history` tells them",
        )
    kept = _known(study, this.number)
    if kept and kept.compared and kept.compared.against == other.number:
        return kept.compared  # on more rows than both have kept, perhaps
    judged = judging(rows_of(this))
    return compare(
        said_by_both(judged, rows_of(other)), against=other.number, threshold=study.policy.restriction.threshold
    )


def _challenger(study: Study) -> Record:
    grades = grades_of(study.policy)  # so that nothing is made where no policy is named
    training = exclusive(study.paths.training(study.name), wait=False, doing=f"training on {study.name}")
    with stage("train", dataset=study.name) as told, training:
        found = _register(study, made(study, study.draw_sample(), grades))
        told |= {"rows": sum(found.rows_by_part.values()), "model": f"{study.name}/{found.model_version}"}
        return found


def _register(study: Study, one: Made) -> Record:
    """The challenger's number; none anew for a model that was made of the same before."""
    study.tick("registering", 0, 1)
    store, model, record = study.paths.models, one.model, one.record
    known = _made_before(study, model.fingerprint, record.identity)
    if known:
        make_challenger(store, study.name, known.model_version)
        study.tick("registering", 1, 1)
        return known
    told = {"split", "definition", "n_features", "rounds", "label_source"}
    params = _grown(growing(study, model.grades)) | {k: v for k, v in record.stored().items() if k in told}
    with study.scratch() as folder:
        files = [folder / RECORD_FILE, folder / ROWS_FILE, folder / SAID_FILE]
        write_json(files[0], record.stored())
        one.rows.to_parquet(files[1], index=False)
        one.said.to_parquet(files[2], index=False)
        version = register(model, store, dataset=study.name, params=params, metrics=record.metrics, artifacts=files)
    _check_read_back(study, version, one)
    study.tick("registering", 1, 1)
    return record.of(version, "")


def _check_read_back(study: Study, number: int, one: Made) -> None:
    """Refuse a version that scores otherwise than in training when it is read back; before an alias moves."""
    there = load_version(study.paths.models, _found(study, number)).p_default(one.probe)
    expected = one.said["p_default"].head(len(one.probe)).to_numpy()
    if not (there == expected).all():
        raise IntegrityError(
            f"version {number} of {study.name} scores otherwise than in training",
            expected="the same p_default of the first rows of its sample, to the last bit",
            n_rows=int((there != expected).sum()),
            todo="train again; the champion is who it was",
        )


def _made_before(study: Study, fingerprint: str, identity: str) -> Record | None:
    """The record of a version that is this very model, made of the same: the challenger, or any that was champion."""
    store, name = study.paths.models, study.name
    champions = sorted({move.version for move in read_history(store, name)}, reverse=True)
    asked: list[int | str] = [CHALLENGER, *champions]
    for which in asked:
        version, known = find_version(store, name, which), _known(study, which)
        if known and version and (version.fingerprint, known.identity) == (fingerprint, identity):
            return known
    return None


def _promoted(study: Study, found: Record, promote_anyway: str | None) -> bool:
    """Make a challenger champion, unless something speaks against it that nobody overrules."""
    champion, spoken = find_version(study.paths.models, study.name), _objections(study, found)
    if champion and champion.number == found.model_version:
        return True
    if spoken and promote_anyway is None:
        return False
    store, version = study.paths.models, found.model_version
    if spoken and promote_anyway:
        promote(store, study.name, version, why=promote_anyway, by=runner())
        _log(study)
        return True
    now = _beside_champion(study, found)
    beside = f"not worse than version {now.against}" if now else "compared with nobody"
    promote(store, study.name, version, why=f"nothing spoke against it: judged on {found.judged_on}, {beside}")
    _log(study)
    return True


def _log(study: Study) -> None:
    log_moves(study.ledger, study.name, read_history(study.paths.models, study.name))


def _objections(study: Study, found: Record) -> list[str]:
    """Those of its record, of which one to a champion before this one counts no more; to it beside the champion of now;
    and that somebody took it, or the same model, down."""
    store, moves = study.paths.models, read_history(study.paths.models, study.name)
    this, now = find_version(store, study.name, found.model_version), _beside_champion(study, found)
    before = beside_the_champion(found.compared) if found.compared else []
    spoken = [said for said in found.objections if said not in before] + (beside_the_champion(now) if now else [])
    for version in sorted({move.version for move in moves}, reverse=True):
        move, other = taken_down(moves, version), find_version(store, study.name, version)
        if move and this and other and other.fingerprint == this.fingerprint:
            taken = f"{move.at[:10]} {move.by} put version {move.version} in its place: {move.why}"
            return [*spoken, f"it was champion as version {version}, until on {taken}"]
    return spoken


def _beside_champion(study: Study, found: Record) -> Comparison | None:
    """The version beside the champion of now, who may be another than when it was trained; None: cannot be told."""
    store = study.paths.models
    champion, this = find_version(store, study.name), find_version(store, study.name, found.model_version)
    if champion is None or this is None or champion.number == this.number:
        return None
    if found.compared and found.compared.against == champion.number:
        return found.compared
    if not {ROWS_FILE} <= champion.hashed & this.hashed:
        return None
    both = said_by_both(judging(rows_of(this)), rows_of(champion))
    threshold = study.policy.restriction.threshold
    return compare(both, against=champion.number, threshold=threshold) if can_tell(both) else None


def _known(study: Study, which: int | str) -> Record | None:
    """The record of a version; None where there is none, or one of another version of this program."""
    try:
        return record_of(study.paths.models, study.name, which)
    except SourceError:
        return None


def _record(study: Study, version: int) -> Record:
    found = record_of(study.paths.models, study.name, version)
    assert found is not None, "a version that was just promoted"
    return found


def _found(study: Study, which: int | str) -> Version:
    found = find_version(study.paths.models, study.name, which)
    if found is None:
        raise ModelError(
            f"data set {study.name} has no {which if isinstance(which, str) else f'version {which}'}",
            expected="a version that was registered",
            todo=f"train one: `credit-eval train {study.name}`; `credit-eval registry history` tells the champions",
        )
    return found


def _grown(settings: TrainingSettings) -> dict[str, object]:
    """How the trees were grown, for the registry."""
    return {name: value for name, value in asdict(settings).items() if name not in ("scale", "grades", "threads")}
