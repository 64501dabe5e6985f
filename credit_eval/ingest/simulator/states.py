"""What moves from month to month: the purse, the appetite, the job; and what follows from them.

    liquidity x and appetite u: first-order autoregressions with unit variance and the same persistence
    job: lost with a hazard that falls with stability, found again with a constant hazard
    ability in month m = static part + a_x x_m + a_u u_m + a_j lost_m

Column 0 of a state is the state before the first month, column m + 1 the state during month m. A month's rate of
orders follows the state *before* it, so that the rate is known when the month begins; ability follows the
state during it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from credit_eval.ingest.simulator.parameters import Parameters
from credit_eval.ingest.simulator.population import Population
from credit_eval.ingest.simulator.rhythm import Bools, Calendar, Floats


@dataclass(frozen=True)
class States:
    """Monthly states of a block, all (customers, months + 1); see the module for the meaning of the columns."""

    liquidity: Floats
    appetite: Floats
    lost: Bools
    order_rate: Floats
    fixed_ability: Floats
    moving_ability: Floats
    loss_hazard: Floats
    world: Parameters

    @property
    def ability(self) -> Floats:
        """(customers, months): ability to pay during each month."""
        lost = self.world.ability_job_loss * self.lost[:, 1:]
        return self.fixed_ability[:, None] + self.moving_ability[:, 1:] + lost


def draw_states(rng: np.random.Generator, people: Population, calendar: Calendar, world: Parameters) -> States:
    """Walk liquidity, appetite and jobs through the months."""
    shape = (len(people), calendar.months + 1)
    liquidity, appetite = _walk(rng, shape, world), _walk(rng, shape, world)
    hazard = world.job_loss * np.exp(world.job_loss_stability * people.stability)
    lost = _jobs(rng, hazard, shape, world)
    return States(
        liquidity=liquidity,
        appetite=appetite,
        lost=lost,
        order_rate=_order_rate(people, liquidity, appetite, lost, world) * calendar.factor,
        fixed_ability=world.ability_capacity * people.capacity
        + world.ability_stability * people.stability
        + world.ability_impulsiveness * people.impulsiveness,
        moving_ability=world.ability_liquidity * liquidity + world.ability_appetite * appetite,
        loss_hazard=hazard,
        world=world,
    )


def _walk(rng: np.random.Generator, shape: tuple[int, int], world: Parameters) -> Floats:
    states = rng.standard_normal(shape)
    fresh = np.sqrt(1 - world.persistence**2)
    for month in range(1, shape[1]):
        states[:, month] = world.persistence * states[:, month - 1] + fresh * states[:, month]
    return states


def _jobs(rng: np.random.Generator, hazard: Floats, shape: tuple[int, int], world: Parameters) -> Bools:
    drawn = rng.random(shape)
    lost = np.zeros(shape, dtype=np.bool_)
    lost[:, 0] = drawn[:, 0] < hazard / (hazard + world.job_found)
    for month in range(1, shape[1]):
        before = lost[:, month - 1]
        lost[:, month] = drawn[:, month] < np.where(before, 1 - world.job_found, hazard)
    return lost


def _order_rate(people: Population, liquidity: Floats, appetite: Floats, lost: Bools, world: Parameters) -> Floats:
    fixed = (
        world.order_activity * people.activity
        + world.order_capacity * people.capacity
        + world.order_impulsiveness * people.impulsiveness
    )
    moving = world.order_appetite * appetite + world.order_liquidity * liquidity + world.order_job_loss * lost
    rate: Floats = world.order_rate * np.exp(fixed[:, None] + moving)
    return rate
