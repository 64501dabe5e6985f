"""The line of credit: what is bought on it, what is billed, what is paid, and when it goes wrong.

Each calendar month m, for every open line with its due day d (16th to 25th, midnight):

    windows 2 and 3   (1st to 9th, 10th to d - 4): somebody in arrears may make up for all that is due
    day d     a bill that is not in arrears already is missed with probability q, otherwise paid
    window 1  (d + 2 to the month's end): somebody in arrears may make up, the fresh miss included
    23:59:59 of the last day: the cycle closes; the bill lays down all instalments of the month's orders, the first of
              which falls due next month

`age` is the number of months since the oldest unpaid bill fell due, counted at the month's start: 0, 1 or 2. Who is
at 2 and does not make up in windows 2 and 3 reaches 60 days past due around day d: a default, and the line is
blocked. With ability A and willingness W (see `parameters`),

    q = 1 - (1 - sigmoid(cannot + slope A)) (1 - sigmoid(will_not + slope W))
    r = sigmoid(cure + slope A + slope W)        in each window

Forgetful customers also pay some days after the due day but within the month; that looks bad and means little.
No window crosses a month's start, so what is open at the start of a month is a clean state, and drawn up on a bill.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.ingest.simulator.orders import KEPT, Orders
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import Population
from credit_eval.ingest.simulator.rhythm import HOUR_US, Bools, Calendar, Floats, Ints, sigmoid
from credit_eval.ingest.simulator.states import States

DEFAULT_DAYS = 60
LONGEST = 6  # instalments
UNPAID = 0


@dataclass(frozen=True)
class Snapshot:
    """The lines of a block at the start of a month: all that the truth needs beyond the states.

    `age`: see the module. `due_now`, `due_next`: something falls due this and the next month already for sure.
    `room`: cents left for new orders; -1 where the line may not be used this month.
    """

    age: Ints
    in_default: Bools
    due_now: Bools
    due_next: Bools
    room: Ints


@dataclass(frozen=True)
class LimitChange:
    """Changes of the limit in one month; `limit` in cents."""

    customer: Ints
    at: Ints
    limit: Ints


@dataclass(frozen=True)
class Credit:
    """What happened on the lines of a block.

    `on_line` (orders,): the order was bought on the line. `billed` (customers, months, LONGEST): cents of the orders
    of that month by instalment; instalment k falls due in month + 1 + k. `due_at`, `paid_at` (customers,
    months + LONGEST): for what falls due in that month, when it is due and when it was paid in full (UNPAID: not).
    `snapshots`: month starts 0 to months, both included.
    """

    on_line: Bools
    billed: Ints
    due_at: Ints
    paid_at: Ints
    snapshots: list[Snapshot]
    changes: list[LimitChange]

    @property
    def age(self) -> Ints:
        """(customers, months): age of arrears at each month's start; 3 after default."""
        return np.stack([np.where(s.in_default, 3, s.age) for s in self.snapshots[:-1]], axis=1)


def miss_chance(ability: Floats, willingness: Floats, world: Parameters) -> Floats:
    """Probability q of missing a due date."""
    cannot = sigmoid(world.cannot_level + world.cannot_slope * ability)
    will_not = sigmoid(world.will_not_level + world.will_not_slope * willingness)
    missed: Floats = 1 - (1 - cannot) * (1 - will_not)
    return missed


def cure_chance(ability: Floats, willingness: Floats, world: Parameters) -> Floats:
    """Probability r of making up for arrears in one window."""
    return sigmoid(world.cure_level + world.cure_ability * ability + world.cure_willingness * willingness)


def run_credit(
    rng: np.random.Generator,
    people: Population,
    states: States,
    orders: Orders,
    calendar: Calendar,
    world: Parameters,
) -> Credit:
    """Walk the lines of a block through the months."""
    lines = _Lines(rng, people, states, calendar, world)
    on_line = np.zeros(len(orders), dtype=np.bool_)
    snapshots, changes = [], []
    by_month = np.argsort(orders.month, kind="stable")
    edges = np.searchsorted(orders.month[by_month], np.arange(calendar.months + 1))
    for month in range(calendar.months):
        snapshots.append(lines.snapshot(month))
        rows = by_month[edges[month] : edges[month + 1]]
        on_line[rows] = lines.buy(orders, rows, month, snapshots[-1].room)
        changes += [lines.block(month, lines.early_windows(month))]
        lines.due_day(month)
        lines.late_window(month)
        changes += [lines.change_limits(month)]
    snapshots.append(lines.snapshot(calendar.months))
    return Credit(on_line, lines.billed, lines.due_at, lines.paid_at, snapshots, changes)


class _Lines:
    """The state of a block's lines, changed month by month."""

    def __init__(
        self,
        rng: np.random.Generator,
        people: Population,
        states: States,
        calendar: Calendar,
        world: Parameters,
    ) -> None:
        size, months = len(people), calendar.months
        due_months = (size, months + LONGEST)
        self.rng, self.people, self.calendar, self.world = rng, people, calendar, world
        self.age = np.zeros(size, dtype=np.int64)
        self.in_default = np.zeros(size, dtype=np.bool_)
        self.limit = people.limit.copy()
        self.billed = np.zeros((size, months, LONGEST), dtype=np.int64)
        self.due = np.zeros(due_months, dtype=np.int64)
        self.paid_at = np.full(due_months, UNPAID, dtype=np.int64)
        self.due_at = calendar.starts[: months + LONGEST] + (people.due_day[:, None] - 1) * DAY_US
        ability, willingness = states.ability, people.willingness[:, None]
        self.miss = miss_chance(ability, willingness, world)
        self.cure = cure_chance(ability, willingness, world)
        self.forget = sigmoid(world.forgetful_level + world.forgetful_impulsiveness * people.impulsiveness)

    def snapshot(self, month: int) -> Snapshot:
        """The lines at the start of a month."""
        usable = (self.age == 0) & ~self.in_default & self.people.account
        room = np.maximum(self.limit - self._outstanding(), 0)
        return Snapshot(
            age=self.age.copy(),
            in_default=self.in_default.copy(),
            due_now=self.due[:, month] > 0,
            due_next=self.due[:, month + 1] > 0,
            room=np.where(usable, room, -1),
        )

    def buy(self, orders: Orders, rows: Ints, month: int, room: Ints) -> Bools:
        """Which of the month's orders go on the line: wished, after opening, and within the room left.

        Kept orders use the room up in the order in which they come; the first that does not fit closes the month.
        """
        customer, amount = orders.customer[rows], orders.amount[rows]
        wished = orders.wants_credit[rows] & (orders.at[rows] > self.people.opened[customer])
        takes = np.where(wished & (orders.fate[rows] == KEPT), amount, 0)
        used = np.cumsum(takes)
        first = np.searchsorted(customer, customer, side="left")
        used_before = used - takes - (used - takes)[first] if len(rows) else used
        accepted = wished & (used_before + amount <= room[customer])
        self._bill(customer, amount, orders.installments[rows], month, accepted & (takes > 0))
        return accepted

    def _bill(self, customer: Ints, amount: Ints, parts: Ints, month: int, billed: Bools) -> None:
        """Spread billed orders over their instalments; the first carries the cents that do not divide."""
        each = amount // parts
        for part in range(LONGEST):
            has = billed & (part < parts)
            share = each[has] + (amount - each * parts)[has] * (part == 0)
            np.add.at(self.billed[:, month, part], customer[has], share)
            self.due[:, month + 1 + part] += self.billed[:, month, part]

    def early_windows(self, month: int) -> Bools:
        """Windows 2 and 3; returns who defaults because the last chance went by."""
        start = self.calendar.starts[month]
        for low, high in (
            (np.zeros(len(self.age)), np.full(len(self.age), 9.0)),
            (np.full(len(self.age), 9.0), self.people.due_day - 4.0),
        ):
            cured = (self.age > 0) & ~self.in_default & self._happens(self.cure[:, month])
            self._pay(cured, month - 1, self._day(start, low, high))
            self.age[cured] = 0
        fallen: Bools = (self.age == 2) & ~self.in_default
        self.in_default |= fallen
        return fallen

    def block(self, month: int, fallen: Bools) -> LimitChange:
        """Close the lines that reached 60 days past due."""
        customer = np.flatnonzero(fallen)
        self.limit[customer] = 0
        at = self.due_at[customer, month - 2] + DEFAULT_DAYS * DAY_US + 6 * HOUR_US
        return LimitChange(customer, at, np.zeros(len(customer), dtype=np.int64))

    def due_day(self, month: int) -> None:
        """Pay the month's bill on time or a little late, or miss it; arrears grow a month older."""
        billed = self.due[:, month] > 0
        orderly = (self.age == 0) & ~self.in_default
        missed = orderly & billed & self._happens(self.miss[:, month])
        self.age = np.where(missed, 1, np.where(self.age > 0, self.age + 1, 0))
        paying, late = orderly & billed & ~missed, self._happens(self.forget)
        before = self._day(self.due_at[:, month], np.full(len(billed), -6.0), np.zeros(len(billed)))
        self._pay(paying & ~late, month, before)
        self._pay(paying & late, month, self._after_due(month, 0.0))

    def late_window(self, month: int) -> None:
        """Window 1, and payments in collections of those who defaulted."""
        cured = (self.age > 0) & ~self.in_default & self._happens(self.cure[:, month])
        recovered = self.in_default & self._happens(np.full(len(cured), self.world.recovery))
        self._pay(cured | recovered, month, self._after_due(month, 2.0))
        self.age[cured] = 0

    def change_limits(self, month: int) -> LimitChange:
        """Raise some limits of lines in order, cut some of lines in arrears; valid from the next month."""
        at = self.calendar.starts[month] + self.rng.integers(26 * 24, 27 * 24, len(self.age)) * HOUR_US
        active = (self.people.opened < self.calendar.starts[month]) & ~self.in_default
        up = active & (self.age == 0) & self._happens(np.full(len(at), self.world.limit_raise))
        cut = active & (self.age > 0) & self._happens(np.full(len(at), self.world.limit_cut))
        factor = np.where(up, 1.4, np.where(cut, 0.6, 1.0))
        changed = np.flatnonzero(up | cut)
        self.limit[changed] = np.round(self.limit * factor / 10_000)[changed].astype(np.int64) * 10_000
        return LimitChange(changed, at[changed], self.limit[changed])

    def _outstanding(self) -> Ints:
        total: Ints = np.where(self.paid_at == UNPAID, self.due, 0).sum(axis=1)
        return total

    def _happens(self, chance: Floats) -> Bools:
        happens: Bools = self.rng.random(len(chance)) < chance
        return happens

    def _day(self, start: Ints, low: Floats, high: Floats) -> Ints:
        """A daytime moment on one of the days low, low + 1 … high - 1 after `start`."""
        day = np.floor(low + self.rng.random(len(low)) * (high - low)).astype(np.int64)
        return start + day * DAY_US + self.rng.integers(8 * HOUR_US, 22 * HOUR_US, len(low))

    def _after_due(self, month: int, low: float) -> Ints:
        due = self.due_at[:, month]
        left = (self.calendar.starts[month + 1] - due) / DAY_US
        return self._day(due, np.full(len(due), low), left.astype(np.float64))

    def _pay(self, who: Bools, through: int, at: Ints) -> None:
        """Pay every unpaid bill due in month `through` or before."""
        open_bills = (self.due[:, : through + 1] > 0) & (self.paid_at[:, : through + 1] == UNPAID)
        rows, months = np.nonzero(open_bills & who[:, None])
        self.paid_at[rows, months] = at[rows]
