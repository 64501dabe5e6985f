"""A file of features of one's own: what it declares comes in, and what is wrong with it is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.catalogue.own import catalogue_of
from credit_eval.core.errors import CreditEvalError, DeclarationError
from credit_eval.language.typical import Typical

FINE = """
import credit_eval as ce

paid = ce.Keep("by_card", ce.column("method").equals("card"), "payments by card")
counted = ce.count("payments", paid, days=30)
cards = ce.Feature(counted, ce.Dimension.BEHAVIOUR, 0, "R_PAYMENT_METHODS", zh="近30天刷卡支付次数")
CATALOGUE = ce.Catalogue((cards,))
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


def test_its_catalogue_comes_in(tmp_path: Path) -> None:
    assert catalogue_of(written(tmp_path, FINE)).names == ["payments_by_card_count_30d"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FINE + "1 / 0\n", "mine.py, line 8: .*\n.*ZeroDivisionError"),
        (FINE + "def (:\n", "mine.py, line 8: .*\n.*SyntaxError"),
        (FINE.replace("(cards,)", "(cards, cards)"), "two features of one name"),
        (FINE.replace('"method"', '"methode"'), "methode"),
        ("CATALOGUE = 3", "declares no catalogue\n.*\n.*int"),
        ("", "nothing of that name"),
    ],
    ids=["raises", "is no Python", "clash", "unknown column", "no catalogue", "empty"],
)
def test_what_is_wrong_with_it_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(CreditEvalError, match=said) as refused:
        catalogue_of(written(tmp_path, text))
    assert refused.value.exit_code in (11, 13)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="no such file"):
        catalogue_of(tmp_path / "mine.py")


def test_a_feature_needs_english_only_and_what_lacks_chinese_is_listed(tmp_path: Path) -> None:
    english = FINE.replace(', zh="近30天刷卡支付次数"', "")
    catalogue = catalogue_of(written(tmp_path, english))
    (feature,) = catalogue.features
    assert catalogue.untranslated == ["payments_by_card_count_30d"]
    told = feature.sentence(3.0, Typical(1.0, 0.0), language="zh")
    assert "payments by card in the last 30 days" in told
    assert catalogue_of(written(tmp_path, FINE)).untranslated == CATALOGUE.untranslated == []
