"""A policy: what a risk officer writes down, and what is refused before it can do harm.

The file is YAML. Amounts of money are multiples of `amount_unit`, so one set of grades serves any currency. What
holds for every policy is checked here: a riskier grade never gets more, and never pays less.

>>> policy = load_policy(DEFAULT_POLICY)
>>> policy.name, policy.restriction.threshold, [grade.grade for grade in policy.grades][:3]
('default', 0.5, ['A', 'B', 'C'])
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from credit_eval.core.errors import PolicyError
from credit_eval.core.located_yaml import Located, read_yaml
from credit_eval.core.seals import sha256_json
from credit_eval.language.words import Jurisdiction, Language
from credit_eval.policy.boxes import boxes
from credit_eval.policy.rules import Expression, RuleError

#: The policy of the project: amounts without a currency.
DEFAULT_POLICY = Path(__file__).with_name("default.yaml")

_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Share = Annotated[_Number, Field(gt=0, le=1)]
Inside = Annotated[_Number, Field(gt=0, lt=1)]
Amount = Annotated[_Number, Field(ge=0)]
Above = Annotated[_Number, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Restriction(_Section):
    """Strictly above `threshold` there is no new credit; exactly at it there is.

    Who was restricted stays so until reviews that are `days_below` or more days apart, and all between them, found
    p_default below `leave_below` (unsaid: four fifths of the threshold): an estimate that trembles around the threshold
    opens and shuts nothing.
    """

    threshold: Inside = 0.50
    leave_below: Inside | None = None
    days_below: Amount = 30.0

    @property
    def way_out(self) -> float:
        """Below which the restriction ends.

        >>> Restriction().way_out
        0.4
        """
        return round(0.8 * self.threshold, 12) if self.leave_below is None else self.leave_below


class ExpectedLoss(_Section):
    """`p_default * lgd * exposure at default` of one customer may not exceed `budget` (amount units).

    `lgd`: share of the exposure lost in default. `ccf`: share of the undrawn limit drawn by then (credit
    conversion factor, Basel II §310 ff.), so exposure = balance + ccf * (limit - balance). Both are assumptions, which
    stand in where the lender's own defaults, of `fewest_defaults` customers at least, do not say (`samples.exposure`).
    """

    budget: Above
    lgd: Share
    ccf: Share
    fewest_defaults: Annotated[int, Field(strict=True, ge=30)] = 100


class Affordability(_Section):
    """`income_share`: of a known income, the share that may go into debt service, this lender's and others'.

    40 % is a common ceiling of debt service to income in consumer credit (World Bank, Global Financial Development
    Report 2019/2020, on limits in force: mostly 30 to 50 %).
    """

    income_share: Share = 0.40


class Limits(_Section):
    """Amounts in amount units. Limits are rounded down to `step`; below `minimum` there is none.

    `exposure_cap`: nobody gets more.
    """

    step: Above
    minimum: Amount
    exposure_cap: Above


class Movement(_Section):
    """How fast a line may move; by the calendar, so nightly and monthly runs walk the same path.

    A line moves once in `months_between_changes`, counted from the day on which it was opened or last changed.
    `max_increase_factor`: it grows at most by this factor at a time, or to the thin-file cap of its grade if that is
    more (so a line that stood at 0 can be reopened). `max_decrease`: it loses at most this share at a time; but all of
    it by the restriction, in default, or from `trigger_days_past_due` days past due on. `first_share`: a new line
    begins with this share of what is allowed, and grows. `stale_after_days`: no line is raised where nothing has been
    heard of anybody's repayments for longer.
    """

    months_between_changes: Annotated[int, Field(strict=True, ge=0)] = 1
    max_increase_factor: Annotated[_Number, Field(gt=1)] | None = None
    max_decrease: Inside | None = None
    trigger_days_past_due: Amount = 30.0
    first_share: Share = 1.0
    stale_after_days: Above | None = 45.0


class Profit(_Section):
    """What a limit is expected to earn and cost (`policy.profit`); without this section profit binds nothing.

    `use`: share of free credit that is drawn on average; at most `demand_months` of capacity. `funding_rate`: a year.
    `operating_cost`: of a line with a limit, a year, in amount units. All four are assumptions.
    """

    use: Share
    demand_months: Amount
    funding_rate: Annotated[_Number, Field(ge=0, lt=1)]
    operating_cost: Amount = 0.0


class Price(_Section):
    """What a rate has to bear beside funding, operating cost and expected loss (`policy.pricing`).

    `capital`: held against a unit owed; `hurdle`: what it has to earn, a year; `margin`: beyond all cost, a year.
    `by`: `grade`, at the grade's own rate; or `customer`, at what the customer's own risk needs, at least the grade's
    rate and at most the legal cap.
    """

    by: Literal["grade", "customer"] = "grade"

    capital: Annotated[_Number, Field(ge=0, lt=1)] = 0.0
    hurdle: Annotated[_Number, Field(ge=0, lt=1)] = 0.0
    margin: Annotated[_Number, Field(ge=0, lt=1)] = 0.0


class Grade(_Section):
    """Customers with `p_default <= up_to` (and above the grade before), and the most they may get.

    `capacity_multiple` times what is left of a month's own money is affordable, and never less than `thin_file_cap`,
    which is also what is affordable where that is unknown. `apr`: yearly rate as a share (0.24 is 24 %).
    `loss_signed_by`: who answers for a rate that does not bear what the grade's credit costs.
    """

    grade: Text
    up_to: Share
    limit_cap: Amount
    thin_file_cap: Amount
    capacity_multiple: Amount
    apr: Annotated[_Number, Field(ge=0)]
    max_installments: Annotated[int, Field(strict=True, ge=1)]
    loss_signed_by: Text | None = None


class Refer(_Section):
    """Which approvals a person must look at; until then such a customer gets no more than before.

    `cured_within_days`: the probation after a debt in default was paid; 0 for none.
    """

    p_default_above: Inside | None = None
    capacity_unknown: Annotated[bool, Field(strict=True)] = False
    cured_within_days: Amount = 365.0


class Overrides(_Section):
    """What people may decide over the policy (`policy.overruled`).

    `second_above`: where more than this is at stake, in amount units, a second person has to approve it.
    `longest_days`: so many days after the decision an override ends at the latest.
    """

    second_above: Amount = 0.0
    longest_days: Annotated[int, Field(strict=True, ge=1, le=365)] = 90


class Rule(_Section):
    """A rule of its own: where `when` is true (`policy.rules`), `then` happens, told in the words of `because`
    (in Chinese `because_zh`; without it nothing can be decided in Chinese that the rule decides).

    `decline`: no new credit, a line shrinks to what is owed. `no_rise`: no more credit than before. `refer`: a rise
    waits for a person. Of several rules that fire the first one counts. A rule may stop who is riskier, never who is
    safer: it may ask for a p_default above something only.
    """

    name: Text
    when: Text
    then: Literal["decline", "no_rise", "refer"]
    because: Text
    because_zh: Text | None = None

    @property
    def expression(self) -> Expression:
        """`when`, as it is read."""
        return Expression.parse(self.when)

    @field_validator("when")
    @classmethod
    def _can_be_read(cls, when: str) -> str:
        try:
            found = boxes(Expression.parse(when))
        except RuleError as error:
            raise PydanticCustomError("policy", "{expected}", {"expected": str(error), "received": when}) from None
        if found is None:
            expected = "an expression of fewer alternatives: split the rule"
            raise PydanticCustomError("policy", "{expected}", {"expected": expected, "received": when})
        asked = [box.ranges["p_default"] for box in found if "p_default" in box.ranges]
        upwards = all(one.high == inf and one.among is None and not one.without for one in asked)
        if not upwards or any("p_default" in name and name != "p_default" for box in found for name in box.ranges):
            expected = (
                "a rule that never stops a safer customer and lets a riskier one through: p_default above a number"
            )
            raise PydanticCustomError("policy", "{expected}", {"expected": expected, "received": when})
        return when


class Effective(_Section):
    """From which date on, and before which, a policy decides; unsaid: any."""

    since: date | None = None
    until: date | None = None


#: Settings that are texts: what is written stands, 2026.10 is no number.
_TEXTS = ("name", "version", "currency", "grade", "when", "because", "because_zh", "since", "until")

#: Sections of one setting each key.
_SECTIONS = (
    "restriction",
    "expected_loss",
    "affordability",
    "limits",
    "movement",
    "profit",
    "price",
    "refer",
    "overrides",
)

#: Fields of a grade and how they may change towards risk.
_FALLING = ("limit_cap", "thin_file_cap", "capacity_multiple", "max_installments")


class Policy(_Section):
    """A whole policy. Two policies with the same content have the same `policy_version`.

    Args:
        name: as it is called.
        version: as somebody numbered it.
        currency: code; None where amounts are in units.
        amount_unit: what one unit of the file's amounts is worth in the currency.
        restriction: above which probability credit is restricted.
        expected_loss: LGD, CCF and the budget per customer.
        affordability: how much of an income may go into debt service.
        limits: floor, cap and step.
        movement: how fast a line may move.
        profit: what a limit earns and costs; None: it binds nothing.
        price: what a rate has to bear besides; None: nothing.
        refer: what waits for a person.
        overrides: what people may decide over it.
        rules: what else stops new credit, or waits for a person.
        effective: from when to when it decides.
        jurisdiction: that it is written for; None: any.
        legal_cap: the dearest yearly rate that the law allows; no grade may ask for more; None: there is none.
        plans: months of the instalment plans that are offered, as far as a grade allows so many.
        calibrated_within_days: refuses a model whose latest labels were known longer ago than that; None: asks nothing.
        grades: from the safest on: bounds of probability, price, cap and instalments.
    """

    name: Text
    version: Text
    currency: Text | None = None
    amount_unit: Above = 1.0
    restriction: Restriction = Restriction()
    expected_loss: ExpectedLoss
    affordability: Affordability = Affordability()
    limits: Limits
    movement: Movement = Movement()
    profit: Profit | None = None
    price: Price | None = None
    refer: Refer = Refer()
    overrides: Overrides = Overrides()
    rules: tuple[Rule, ...] = ()
    effective: Effective = Effective()
    jurisdiction: Jurisdiction | None = None
    legal_cap: Above | None = None
    plans: tuple[Annotated[int, Field(strict=True, ge=1, le=120)], ...] = (3, 6, 12)
    calibrated_within_days: Annotated[int, Field(ge=1)] | None = None
    grades: Annotated[tuple[Grade, ...], Field(min_length=1)]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that its rules read."""
        return frozenset().union(*(rule.expression.columns for rule in self.rules))

    def check_in_force(self, at: datetime, jurisdiction: str) -> None:
        """Refuse to decide at a time, or for a place, that the policy is not for.

        Args:
            at: as_of.
            jurisdiction: of the data set.

        Raises:
            PolicyError: it is not in force then or there.
        """
        since, until = self.effective.since, self.effective.until
        if (since and at.date() < since) or (until and at.date() >= until):
            raise PolicyError(
                f"policy {self.name} is not in force on {at:%Y-%m-%d}",
                expected=f"since {since or 'ever'}, until {until or 'further notice'}",
                received=f"{at:%Y-%m-%d}",
                todo="name the policy of that time with --policy FILE, or correct `effective`",
            )
        if self.jurisdiction not in (None, jurisdiction):
            raise PolicyError(
                f"policy {self.name} is written for another jurisdiction",
                expected=f"{self.jurisdiction}, as its `jurisdiction` says",
                received=f"{jurisdiction}, as settings.yaml says of the data set",
            )

    def check_words(self, language: Language) -> None:
        """Refuse to decide in a language in which a rule has no words.

        Args:
            language: in which decisions are told.

        Raises:
            PolicyError: a rule says nothing in Chinese.
        """
        wordless = [rule.name for rule in self.rules if rule.because_zh is None]
        if language == "zh" and wordless:
            raise PolicyError(
                f"rules of policy {self.name} have no words in Chinese",
                expected="`because_zh` beside `because`",
                rows=wordless[:3],
                n_rows=len(wordless),
                todo="write them into the policy file, or score in English (`language: en` in settings.yaml)",
            )

    def check_calibrated(self, until: datetime | None, at: datetime) -> None:
        """Refuse a model whose probabilities were calibrated too long ago.

        Args:
            until: when the latest label that it was calibrated on was known; None: nobody knows.
            at: as_of.

        Raises:
            PolicyError: longer ago than the policy bears.
        """
        days = self.calibrated_within_days
        if days is None or (until is not None and at - until <= timedelta(days=days)):
            return
        raise PolicyError(
            f"policy {self.name} asks for a model that was calibrated within {days} day{'s' if days > 1 else ''}",
            expected=f"labels known on {at - timedelta(days=days):%Y-%m-%d} or later",
            received=f"labels known until {until:%Y-%m-%d}" if until else "a model that does not say",
            todo="train a champion on later data, or let the policy bear more (`calibrated_within_days`)",
        )

    @property
    def policy_version(self) -> str:
        """The version as written, and a hash of the content, so an edit without a new version is seen."""
        return f"{self.version}+{sha256_json(self.model_dump(mode='json'))[:8]}"

    def with_(self, **changes: object) -> Policy:
        """The same policy but for some settings, each named as in its section; checked as a file is.

        >>> load_policy(DEFAULT_POLICY).with_(threshold=0.4, lgd=0.6).restriction.threshold
        0.4

        Args:
            changes: by the setting's name.

        Returns:
            a policy with a `policy_version` of its own.

        Raises:
            PolicyError: no such setting, or a policy that cannot be.
        """
        content: dict[str, Any] = self.model_dump()
        sections = [content, *(content[name] for name in _SECTIONS if content[name] is not None)]
        for name, value in changes.items():
            holders = [section for section in sections if name in section]
            if not holders:
                raise PolicyError(
                    "no such setting of a policy",
                    expected="one of " + ", ".join(sorted(key for section in sections for key in section)),
                    received=name,
                )
            holders[0][name] = value
        try:
            return Policy.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            at = first.get("ctx", {}).get("at", first["loc"])
            raise PolicyError(
                f"a policy that cannot be: {_dotted(at)} {_complaint(first)}",
                expected=_expected(first),
                received=_received(first, at),
            ) from None

    def money(self, amount: float) -> float:
        """An amount of the file in units of the currency.

        Args:
            amount: in units of the file.

        Returns:
            in the currency.
        """
        return amount * self.amount_unit

    @model_validator(mode="after")
    def _riskier_never_gets_more(self) -> Self:
        for i, (safer, riskier) in enumerate(zip(self.grades, self.grades[1:], strict=False), start=1):
            if not riskier.up_to > safer.up_to:
                raise _misordered(i, "up_to", safer, riskier, "more than")
            if riskier.apr < safer.apr:
                raise _misordered(i, "apr", safer, riskier, "at least")
            for field in _FALLING:
                if getattr(riskier, field) > getattr(safer, field):
                    raise _misordered(i, field, safer, riskier, "at most")
        return self

    @model_validator(mode="after")
    def _every_customer_has_one_grade(self) -> Self:
        last, names = len(self.grades) - 1, [grade.grade for grade in self.grades]
        if self.grades[last].up_to != 1.0:
            raise _wrong(("grades", last, "up_to"), "1.0 in the last grade", self.grades[last].up_to)
        for i, name in enumerate(names):
            if name in names[:i]:
                raise _wrong(("grades", i, "grade"), "a name of its own for every grade", name)
        return self

    @model_validator(mode="after")
    def _no_rate_is_above_the_legal_cap(self) -> Self:
        for i, grade in enumerate(self.grades):
            if self.legal_cap is not None and grade.apr > self.legal_cap:
                raise _wrong(("grades", i, "apr"), f"at most the legal cap of {self.legal_cap:g}", grade.apr)
        return self

    @model_validator(mode="after")
    def _somebody_can_be_lent_to(self) -> Self:
        if self.price is not None and self.legal_cap is not None:
            least = (self.profit.funding_rate if self.profit else 0.0) + self.price.margin
            least += self.price.capital * self.price.hurdle
            if least > self.legal_cap:
                expected = f"at least the {least:g} that funding, capital and margin cost without any risk"
                raise _wrong(("legal_cap",), expected, self.legal_cap)
        return self

    @model_validator(mode="after")
    def _a_rate_of_ones_own_ends_at_a_cap(self) -> Self:
        if self.price is not None and self.price.by == "customer" and self.legal_cap is None:
            raise _wrong(("price", "by"), "a `legal_cap`, at which the rates of customers end", "none")
        return self

    @model_validator(mode="after")
    def _the_way_out_is_below_the_way_in(self) -> Self:
        if self.restriction.way_out > self.restriction.threshold:
            expected = f"at most the threshold of {self.restriction.threshold:g}"
            raise _wrong(("restriction", "leave_below"), expected, self.restriction.leave_below)
        return self

    @model_validator(mode="after")
    def _rules_have_names_of_their_own(self) -> Self:
        names = [rule.name for rule in self.rules]
        for i, name in enumerate(names):
            if name in names[:i]:
                raise _wrong(("rules", i, "name"), "a name of its own for every rule", name)
        return self

    @model_validator(mode="after")
    def _it_ends_after_it_begins(self) -> Self:
        since, until = self.effective.since, self.effective.until
        if since and until and until <= since:
            raise _wrong(("effective", "until"), f"after {since}", until)
        return self

    @model_validator(mode="after")
    def _a_limit_is_possible(self) -> Self:
        if self.limits.minimum > self.limits.exposure_cap:
            expected = f"at most the exposure cap of {self.limits.exposure_cap:g}"
            raise _wrong(("limits", "minimum"), expected, self.limits.minimum)
        return self


def load_policy(path: Path) -> Policy:
    """Read and check a policy file.

    Args:
        path: of a YAML file.

    Returns:
        the policy, every key of it checked.

    Raises:
        PolicyError: the file is missing or not YAML, or a setting is unknown, missing, out of range, or gives a
            riskier grade more; the message names the line.
    """
    located = read_yaml(path, PolicyError, texts=_TEXTS)
    try:
        return Policy.model_validate(located.content)
    except ValidationError as error:
        raise _policy_error(path, located, error) from None


def _misordered(i: int, field: str, safer: Grade, riskier: Grade, relation: str) -> PydanticCustomError:
    expected = f"{relation} the {getattr(safer, field):g} of grade {safer.grade}, which is safer"
    return _wrong(("grades", i, field), f"{field} {expected}", getattr(riskier, field))


def _wrong(at: tuple[str | int, ...], expected: str, received: object) -> PydanticCustomError:
    """An error that knows its place; pydantic itself would report a check of the whole file at no place."""
    return PydanticCustomError("policy", "{expected}", {"at": at, "expected": expected, "received": received})


def _policy_error(path: Path, located: Located, error: ValidationError) -> PolicyError:
    problems = error.errors()
    first = problems[0]
    at: tuple[str | int, ...] = first.get("ctx", {}).get("at", first["loc"])
    more = f"; then {len(problems) - 1} more" if len(problems) > 1 else ""
    return PolicyError(
        f"{path.name}, line {located.line(at)}: {_dotted(at) or 'the file'} {_complaint(first)}",
        expected=_expected(first),
        received=_received(first, at),
        todo="correct this line" + more,
    )


def _complaint(problem: ErrorDetails) -> str:
    kinds = {"extra_forbidden": "is not a setting", "missing": "is missing", "policy": "is against the rules"}
    return kinds.get(problem["type"], "has a value that cannot be")


def _expected(problem: ErrorDetails) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return _near(str(problem["loc"][-1]))
        case "missing":
            return "a value for it in this section"
        case _:
            return problem["msg"].removeprefix("Input should be ")


def _near(name: str) -> str:
    """What a misspelt setting may have been meant to be.

    >>> _near("treshold")
    'a setting named in docs/policy.md; threshold?'
    """
    sections = [
        Policy,
        Restriction,
        ExpectedLoss,
        Affordability,
        Limits,
        Movement,
        Profit,
        Refer,
        Rule,
        Effective,
        Grade,
    ]
    known = [key for section in sections for key in section.__annotations__]
    close = get_close_matches(name, known, n=2)
    return "a setting named in docs/policy.md" + (f"; {' or '.join(dict.fromkeys(close))}?" if close else "")


def _received(problem: ErrorDetails, at: tuple[str | int, ...]) -> str | None:
    match problem["type"]:
        case "missing":
            return None
        case "extra_forbidden":
            return f"{at[-1]}: {problem['input']}"[:200]
        case _:
            return str(problem.get("ctx", {}).get("received", problem["input"]))[:200]


def _dotted(at: tuple[str | int, ...]) -> str:
    """A place in the file as a reader finds it; grades are counted from 1.

    >>> _dotted(("grades", 2, "apr"))
    'grades, number 3, apr'
    """
    return ", ".join(f"number {part + 1}" if isinstance(part, int) else part for part in at)
