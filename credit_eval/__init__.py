"""credit_eval: events in, credit decisions out, and every number on the way can be explained and replayed.

    import credit_eval as ce

    study = ce.open("simulated")
    sample = study.sample()
    model = ce.DefaultModel().fit(*sample.part("fit"))
    p = model.predict_proba(sample.X("oot"))[:, 1]
    ce.auc_interval(sample.y("oot"), p, groups=sample.groups("oot"))
    model.explain(sample.X("oot"))
    study.decide(p, sample.rows("oot"))

Names
-----
open                 a data set with its features, policy and definition of default: a `Study`
Study, Sample, Run   what `open` opens; a labelled sample, split; who is scored, and when
DefaultModel         the model, as scikit-learn knows models
auc_interval, auc_difference, ks_interval, Interval
                     discrimination with 95 % intervals, for rows in groups too
read_scored, read_contributions
                     a scored run as frames
Policy, load_policy, decide
                     the rules, and what they do to customers
Feature, Keep, Dimension, Part, Typical, column, count, fold, share, Catalogue
                     declaring features of one's own
screening            what there is to know of features before they are used
reference_value      a feature of one customer's events, by the engine that is its definition in plain Python
plots                the report's pictures, and its style for pictures of one's own

Everything is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Where each name of the door lives, and what it is called there.
_DOOR: dict[str, tuple[str, str | None]] = {
    "open": ("study", "open_study"),
    "Study": ("study", "Study"),
    "Sample": ("samples.sample", "Sample"),
    "Run": ("core.runs", "Run"),
    "DefaultModel": ("estimator", "DefaultModel"),
    "auc_interval": ("core.statistics", "auc_interval"),
    "auc_difference": ("core.statistics", "auc_difference"),
    "Interval": ("core.statistics", "Interval"),
    "ks_interval": ("core.statistics", "ks_interval"),
    "read_scored": ("scoring.reading", "read_scored"),
    "read_contributions": ("scoring.reading", "read_contributions"),
    "Policy": ("policy.settings", "Policy"),
    "load_policy": ("policy.settings", "load_policy"),
    "decide": ("policy.decide", "decide"),
    "Feature": ("language.feature", "Feature"),
    "Keep": ("language.feature", "Keep"),
    "Dimension": ("language.feature", "Dimension"),
    "Catalogue": ("language.catalogue", "Catalogue"),
    "Part": ("language.expressions", "Part"),
    "Typical": ("language.typical", "Typical"),
    "column": ("language.expressions", "column"),
    "count": ("language.constructors", "count"),
    "fold": ("language.constructors", "fold"),
    "share": ("language.constructors", "share"),
    "screening": ("screening", None),
    "reference_value": ("engine.reference", "value"),
    "plots": ("report.plots", None),
}
__all__ = sorted(_DOOR)

if TYPE_CHECKING:
    from credit_eval import screening as screening
    from credit_eval.core.runs import Run as Run
    from credit_eval.core.statistics import Interval as Interval
    from credit_eval.core.statistics import auc_difference as auc_difference
    from credit_eval.core.statistics import auc_interval as auc_interval
    from credit_eval.core.statistics import ks_interval as ks_interval
    from credit_eval.engine.reference import value as reference_value  # noqa: F401 (a name of the door)
    from credit_eval.estimator import DefaultModel as DefaultModel
    from credit_eval.language.catalogue import Catalogue as Catalogue
    from credit_eval.language.constructors import count as count
    from credit_eval.language.constructors import fold as fold
    from credit_eval.language.constructors import share as share
    from credit_eval.language.expressions import Part as Part
    from credit_eval.language.expressions import column as column
    from credit_eval.language.feature import Dimension as Dimension
    from credit_eval.language.feature import Feature as Feature
    from credit_eval.language.feature import Keep as Keep
    from credit_eval.language.typical import Typical as Typical
    from credit_eval.policy.decide import decide as decide
    from credit_eval.policy.settings import Policy as Policy
    from credit_eval.policy.settings import load_policy as load_policy
    from credit_eval.report import plots as plots
    from credit_eval.samples.sample import Sample as Sample
    from credit_eval.scoring.reading import read_contributions as read_contributions
    from credit_eval.scoring.reading import read_scored as read_scored
    from credit_eval.study import Study as Study
    from credit_eval.study import open_study as open  # noqa: F401 (a name of the door)


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, called = _DOOR[name]
    room = import_module(f"{__name__}.{module}")
    found = globals()[name] = room if called is None else getattr(room, called)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_DOOR})
