"""Building profiles: events and a cohort in, one row per (customer_id, as_of) out.

The cohort streams by ranges of customers. Event files are sorted by customer, so a range touches only its own
row groups, and memory depends on the range and not on the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from credit_eval.core.errors import CohortError, DeclarationError
from credit_eval.core.files import atomic_directory
from credit_eval.core.machine import threads
from credit_eval.core.progress import Tick, silent
from credit_eval.engine.base import Engine, write_part
from credit_eval.engine.cohort import Cohort, Ranges
from credit_eval.engine.embedded import Embedded
from credit_eval.engine.workers import give_back
from credit_eval.language.catalogue import Catalogue, Provided
from credit_eval.language.measures import Rank
from credit_eval.language.stored import stored
from credit_eval.profiles.flat import join_flat
from credit_eval.profiles.store import Profiles, ProfilesInfo, describe_profiles, open_profiles
from credit_eval.schema.store import Dataset, check_sorted

if TYPE_CHECKING:
    from credit_eval.engine.ranks import Standing

#: A range of customers holds about so many cells of profiles and so many events of the largest table.
CELLS_PER_RANGE, EVENTS_PER_RANGE = 4_000_000, 500_000


def build_profiles(
    dataset: Dataset,
    cohort: Path,
    features: Catalogue | Provided,
    target: Path,
    *,
    replace: bool = False,
    engine: Engine | None = None,
    standings: Mapping[str, Standing] | None = None,
    tick: Tick = silent,
) -> Profiles:
    """Write the profiles of a cohort (Parquet: customer_id, as_of) to `target`, atomically.

    `engine` (None: the embedded one) changes no bit. `standings`: the cohort in which ranks are told, by feature; None:
    this one.
    Features over tables or columns that the source lacks are left out and named in `ProfilesInfo.absent`; `Provided`
    is a catalogue of which that is known already.

    Raises:
        CohortError: an empty cohort, an `as_of` outside the data, or a customer the data do not know.
        DeclarationError: the source provides nothing that any feature needs.
        WorkerError: a process that shared the work was killed, or ran out of memory.
    """
    give_back()
    features = features.available(dataset.info) if isinstance(features, Catalogue) else features
    provided = features.catalogue
    if not provided.features:
        raise DeclarationError("the source provides no table that a feature needs", received=", ".join(dataset.tables))
    everybody = _sorted_members(cohort)
    _check_cohort(everybody, dataset)
    ranges = _ranges(everybody, dataset, len(provided.features))
    with atomic_directory(target, replace=replace) as building:
        tick("profiles", 0, len(ranges))
        events = {table: dataset.paths(table) for table in dataset.tables}
        for path in chain.from_iterable(events.values()):
            check_sorted(path)
        for written in _computed(provided, events, ranges, building, engine or Embedded()):
            tick("profiles", written, len(ranges))
        join_flat(dataset, provided, building)
        ranked = [feature.name for feature in provided.features if isinstance(feature.measure, Rank)]
        found = _rank(building, ranked, standings or {})
        info = ProfilesInfo(
            dataset=dataset.name,
            data_fingerprint=dataset.fingerprint,
            catalogue_fingerprint=provided.fingerprint,
            cohort=cohort.stem,
            rows=len(everybody),
            features=provided.names,
            absent=features.absent,
            declared=[stored(feature) for feature in provided.features],
            standings={name: asdict(one) for name, one in found.items()},
        )
        describe_profiles(building, info)
    return open_profiles(target)


def _computed(
    provided: Catalogue, events: Mapping[str, Sequence[Path]], ranges: Ranges, building: Path, engine: Engine
) -> Iterator[int]:
    """Write what the engine computes of each range; the keys alone where it has nothing to compute."""
    if provided.measures:
        yield from engine.write(provided.measures, events, ranges, building)
        return
    for number, cohort in enumerate(ranges):
        write_part(cohort.keys, building, number)
        yield number + 1


def _rank(building: Path, names: list[str], standings: Mapping[str, Standing]) -> dict[str, Standing]:
    """Second pass: what is known only when everybody's value is; returns where values stood at the latest as_of."""
    if not names:
        return {}
    from credit_eval.engine.ranks import Standing, ranked  # pandas: a third of a second that others do without

    paths = sorted(building.glob("part-*.parquet"))
    keys = pa.concat_tables(pq.read_table(path, columns=["as_of", *names]) for path in paths)
    as_of = keys["as_of"].cast(pa.int64()).to_numpy()
    values = {name: keys[name].to_numpy() for name in names}
    ranks = {
        name: standings[name].ranks_of(values[name]) if name in standings else ranked(values[name], as_of)
        for name in names
    }
    latest = as_of == as_of.max()
    firsts = np.cumsum([0, *(pq.read_metadata(path).num_rows for path in paths)])

    def rewrite(number: int) -> None:
        table = pq.read_table(paths[number])
        for name in names:
            of_part = ranks[name][firsts[number] : firsts[number + 1]]
            column = pa.array(of_part, mask=np.isnan(of_part))
            table = table.set_column(table.column_names.index(name), name, column)
        write_part(table, building, number)

    with ThreadPoolExecutor(threads()) as pool:  # most of it is Arrow's, which lets go of Python's lock
        list(pool.map(rewrite, range(len(paths))))
    return {name: Standing.of(values[name][latest], ranks[name][latest]) for name in names}


def _sorted_members(cohort: Path) -> pa.Table:
    """customer_id, as_of, sorted by both."""
    members = pq.read_table(cohort, columns=["customer_id", "as_of"])
    return members.take(pc.sort_indices(members, [("customer_id", "ascending"), ("as_of", "ascending")]))


def _ranges(members: pa.Table, dataset: Dataset, features: int) -> Ranges:
    """The members by ranges of customers, small enough for memory; all members of one customer are in one range."""
    customer = Cohort.of(members).customer
    of_customer = np.bincount(customer)
    events = max(dataset.info.rows.values(), default=1)
    known = max(len(of_customer), dataset.info.rows.get("customers", 0))
    of_events = EVENTS_PER_RANGE * known // max(events, 1) * len(members) // len(of_customer)
    most = max(1, min(CELLS_PER_RANGE // features, of_events))
    part = ((np.cumsum(of_customer) - of_customer) // most)[customer]
    return Ranges(members, (0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(members)))


def _check_cohort(members: pa.Table, dataset: Dataset) -> None:
    if len(members) == 0:
        raise CohortError("the cohort is empty", todo="choose an as_of with customers, see `credit-eval datasets`")
    for extreme in pc.min_max(members["as_of"]).as_py().values():
        dataset.check_as_of(extreme)
    before, after = members.slice(0, len(members) - 1), members.slice(1)
    same = (pc.equal(before[name].combine_chunks(), after[name].combine_chunks()) for name in members.column_names)
    twice = pc.sum(pc.and_(*same)).as_py()
    if twice:
        raise CohortError("a customer is twice in the cohort with one as_of", n_rows=twice)
    if dataset.has("customers"):
        _check_known(members, dataset)


def _check_known(members: pa.Table, dataset: Dataset) -> None:
    known = pq.read_table(dataset.paths("customers"), columns=["customer_id"])["customer_id"]
    unknown = members["customer_id"].filter(pc.invert(pc.is_in(members["customer_id"], value_set=known)))
    if len(unknown):
        raise CohortError(
            "the cohort names customers that the data do not know",
            rows=pc.unique(unknown)[:3].to_pylist(),
            n_rows=len(unknown),
            todo="check the identifiers, or import the customers' events",
        )
