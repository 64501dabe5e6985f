"""Who the customers are: four latents nobody sees, and the attributes everybody sees.

capacity (log income), willingness (to pay what is owed), stability (of job, home and habits) and impulsiveness
are standard normal and mildly correlated. Attributes follow them weakly, as they do in life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from credit_eval.core.clock import DAY_US
from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.rhythm import Bools, Calendar, Floats, Ints, choose, draw, hours, sigmoid

REGIONS = ("centre", "east", "north", "south", "west")
OCCUPATIONS = ("employee", "self_employed", "worker", "student", "retired", "none")
SEXES = ("female", "male")
NEVER = np.iinfo(np.int64).max

#: Capacity, willingness, stability, impulsiveness.
_CORRELATION = np.array(
    [[1.0, 0.10, 0.30, -0.05], [0.10, 1.0, 0.20, -0.15], [0.30, 0.20, 1.0, -0.30], [-0.05, -0.15, -0.30, 1.0]]
)


@dataclass(frozen=True)
class Population:
    """One block of customers; every array has one entry per customer."""

    number: Ints
    capacity: Floats
    willingness: Floats
    stability: Floats
    impulsiveness: Floats
    activity: Floats
    income: Floats
    registered: Ints
    opened: Ints
    due_day: Ints
    limit: Ints
    birth_year: Ints
    region: Ints
    occupation: Ints
    kyc_level: Ints
    sex: Ints
    referred: Bools

    def __len__(self) -> int:
        return len(self.number)

    @property
    def night(self) -> Floats:
        """Probability that an event of the customer falls into the rhythm of the night."""
        return sigmoid(-2.0 + 0.7 * self.impulsiveness - 0.4 * self.stability)

    @property
    def account(self) -> Bools:
        """Whether the customer opens a credit line before the data end."""
        return self.opened < NEVER


def draw_population(
    rng: np.random.Generator, first: int, size: int, calendar: Calendar, world: Parameters
) -> Population:
    """Customers number `first` to `first + size - 1`."""
    latents = rng.standard_normal((size, 4)) @ np.linalg.cholesky(_CORRELATION).T
    capacity, willingness, stability, impulsiveness = np.ascontiguousarray(latents.T)
    income = world.income_median * np.exp(world.income_sd * capacity)
    registered = _registrations(rng, size, calendar, world)
    return Population(
        number=np.arange(first, first + size, dtype=np.int64),
        capacity=capacity,
        willingness=willingness,
        stability=stability,
        impulsiveness=impulsiveness,
        activity=rng.standard_normal(size),
        income=income,
        registered=registered,
        opened=_openings(rng, registered, calendar, world),
        due_day=rng.integers(16, 26, size),
        limit=_limits(rng, income, world),
        birth_year=_birth_years(rng, stability),
        region=_leaning(rng, capacity, (0.8, 1.0, 0.6, 0.9, 0.5), (0.3, 0.15, -0.25, 0.0, -0.2)),
        occupation=_leaning(
            rng, 0.7 * stability + 0.7 * capacity, (4, 1.2, 2.5, 1, 0.8, 0.5), (0.3, -0.1, 0.0, -0.3, 0.1, -0.6)
        ),
        kyc_level=1 + (rng.random((2, size)) < sigmoid(0.3 + 0.3 * willingness)).sum(0),
        sex=draw(rng, (0.52, 0.48), size),
        referred=rng.random(size) < sigmoid(-1.2 - 0.15 * willingness),
    )


def _registrations(rng: np.random.Generator, size: int, calendar: Calendar, world: Parameters) -> Ints:
    """Before the start: evenly over the tenure. After it: evenly too, up to two days before the end."""
    before = rng.random(size) < world.share_before_start
    days = np.where(
        before,
        -rng.random(size) * world.tenure_before_days,
        rng.random(size) * ((calendar.end - calendar.begin) // DAY_US - 3),
    )
    return calendar.begin + np.floor(days).astype(np.int64) * DAY_US + hours(rng, np.full(size, 0.05))


def _openings(rng: np.random.Generator, registered: Ints, calendar: Calendar, world: Parameters) -> Ints:
    delay = 1 + rng.exponential(world.opening_delay_days, len(registered))
    opened = registered + (delay * DAY_US).astype(np.int64)
    opens = (rng.random(len(registered)) < world.share_opening) & (opened < calendar.end)
    return np.where(opens, opened, NEVER)


def _limits(rng: np.random.Generator, income: Floats, world: Parameters) -> Ints:
    """First limits in cents, rounded to hundreds of money, at least 300."""
    seen = income * np.exp(world.limit_noise * rng.standard_normal(len(income)))
    return np.maximum(np.round(world.limit_share * seen / 100) * 100, 300).astype(np.int64) * 100


def _birth_years(rng: np.random.Generator, stability: Floats) -> Ints:
    age = np.clip(18 + rng.gamma(3.0, 5.5, len(stability)) + 1.5 * (stability + 2), 18, 80)
    years: Ints = 2025 - np.floor(age).astype(np.int64)
    return years


def _leaning(rng: np.random.Generator, latent: Floats, shares: tuple[float, ...], slopes: tuple[float, ...]) -> Ints:
    """A category for each customer, whose log odds lean on a latent."""
    return choose(rng, np.array(shares) * np.exp(np.outer(latent, slopes)))
