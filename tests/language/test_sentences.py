# ruff: noqa: E501  # a table to read aloud
"""Reason sentences as customers read them, in both languages: a table to read aloud, and rules that hold for all."""

from __future__ import annotations

import re

import pytest

from credit_eval.catalogue import CATALOGUE
from credit_eval.language.reasons import REASONS, little_known
from credit_eval.language.typical import Typical

#: feature | value | typical | English | Chinese
TABLE = """
payments_failed_count_30d | 3 | 0 | 3 payments failed in the last 30 days; typical: 0 | 近30天支付失败次数：3次；客户中位数：0次
payments_failed_count_30d | 1 | 0 | Payments failed in the last 30 days: 1; typical: 0 | 近30天支付失败次数：1次；客户中位数：0次
customers_age_last | 34 | 41 | Age: 34 years; typical: 41 years | 年龄：34岁；客户中位数：41岁
customers_bank_last | First | GT | Bank: First; commonest: GT | 开户银行：First；最常见：GT
payments_method_last | wallet | card | Latest way to pay: wallet; commonest: card | 最近一次支付方式：钱包；最常见：银行卡
payments_failed_cause_last | insufficient_funds | - | Cause of the latest failed payment: lack of funds; most customers have none | 最近一次支付失败原因：余额不足；多数客户无此记录
orders_placed_days_since_last | 12 | 5 | 12 days since the last order; typical: 5 days | 距上次下单：12天；客户中位数：5天
orders_placed_days_since_last | 0.2 | 5.9 | Less than a day since the last order; typical: 5 days | 距上次下单：不足1天；客户中位数：5天
orders_placed_days_since_last | 1 | 2.5 | 1 day since the last order; typical: 2 days | 距上次下单：1天；客户中位数：2天
orders_placed_days_since_last | - | 5 | Since the last order: never; typical: 5 days | 距上次下单：从未发生；客户中位数：5天
orders_placed_amount_sum_90d | 1234.6 | 250.5 | Spending on orders in the last 90 days: 1,235 CNY; typical: 250 CNY | 近90天消费额：1,235元；客户中位数：250元
orders_placed_amount_slope_6x30d | -1234 | 0 | Average change a month of spending on orders, over the last 6 months: -1,234 CNY; typical: 0 CNY | 近6个月消费额平均每月变动：-1,234元；客户中位数：0元
orders_placed_pace_30d_180d | 0.5 | 1 | Daily orders placed, last 30 days relative to last 180 (1: steady): 0.50; typical: 1.00 | 近30天与近180天日均订单笔数之比（1为持平）：0.50；客户中位数：1.00
orders_placed_silence_365d | 3.2 | 1 | Days since the last order relative to the usual gap (above 1: longer than usual): 3.20; typical: 1.00 | 距上次下单天数与平时下单间隔之比（大于1为比平时间隔更久）：3.20；客户中位数：1.00
orders_placed_category_entropy_365d | 0.5 | 1.5 | Variety of categories of goods (0: always the same) in the last 365 days: 0.50; typical: 1.50 | 近365天商品类别分散度（0为单一）：0.50；客户中位数：1.50
orders_above_median_share_365d | 0.7 | 0.5 | Orders above their category's median as a share of comparable orders in the last 365 days: 70 %; typical: 50 % | 近365天高于同品类中位价的订单占可比价订单的比例：70%；客户中位数：50%
orders_placed_count_90d_rank | 0.05 | 0.5 | Orders placed in the last 90 days, percentile among all customers: 5 %; typical: 50 % | 近90天订单笔数在全体客户中的百分位：5%；客户中位数：50%
orders_night_share_180d | 0.4 | 0.1 | Orders placed between midnight and six local time as a share of orders placed in the last 180 days: 40 %; typical: 10 % | 近180天凌晨（当地时间0至6点）订单占订单的比例：40%；客户中位数：10%
browsing_cart_per_view_90d | 0.05 | 0.2 | Add-to-cart rate, goods put into the cart per view in the last 90 days: 0.05; typical: 0.20 | 近90天浏览加购率：0.05；客户中位数：0.20
behaviour_service_contact_count_30d | 4 | 0 | 4 contacts with the service in the last 30 days; typical: 0 | 近30天联系客服次数：4次；客户中位数：0次
behaviour_device_change_count_30d | 2 | 0 | 2 changes of device in the last 30 days; typical: 0 | 近30天更换设备次数：2次；客户中位数：0次
repayments_late_count_30d | 3 | 0 | 3 instalments paid late or not yet in the last 30 days; typical: 0 | 近30天逾期或未还账单期数：3期；客户中位数：0期
repayments_days_late_max_90d | 41 | 0 | Longest delay of one instalment in the last 90 days: 41 days; typical: 0 days | 近90天单期最长逾期天数：41天；客户中位数：0天
repayments_days_late_mean | 6.5 | 0 | Average days late per instalment so far: 6.5 days; typical: 0 days | 历史各期平均逾期天数：6.5天；客户中位数：0天
repayments_days_late_last_3 | 10 | 0 | Days late on the third most recent instalment: 10 days; typical: 0 days | 倒数第三期账单逾期天数：10天；客户中位数：0天
repayments_paid_days_to_pay_mean_90d | 2 | -1 | Days paid after the due date, on average in the last 90 days (minus: early): 2 days; typical: -1 day | 近90天平均还款日较到期日的天数（负数为提前）：2天；客户中位数：-1天
repayments_paid_days_to_pay_min | 3 | -2 | Earliest payment relative to its due date so far (minus: early): 3 days; typical: -2 days | 历史最早一次还款较到期日的天数（负数为提前）：3天；客户中位数：-2天
repayments_late_longest_run_12x30d | 3 | 0 | Most months in a row with instalments paid late or not yet, of the last 12 months: 3; typical: 0 | 近12个月内最长连续有逾期或未还账单的月数：3个月；客户中位数：0个月
repayments_late_slope_6x30d | 4 | 0 | Average change a month of instalments paid late or not yet, over the last 6 months: 4; typical: 0 | 近6个月逾期或未还账单平均每月变动：4期；客户中位数：0期
repayments_overdue_count | 2 | 0 | 2 instalments due and unpaid now; typical: 0 | 当前逾期期数：2期；客户中位数：0期
payments_no_funds_days_since_last | 9 | - | 9 days since a payment last failed for lack of funds; most customers: never | 距上次因余额不足支付失败：9天；多数客户从未发生
payments_no_funds_share_365d | 0.5 | 0.2 | Payments failed for lack of funds as a share of payments failed in the last 365 days: 50 %; typical: 20 % | 近365天因余额不足支付失败占支付失败的比例：50%；客户中位数：20%
applications_granted_share | 0.5 | 1 | Share of requests for credit granted so far: 50 %; typical: 100 % | 历史申请获批率：50%；客户中位数：100%
accounts_limit_growth | - | 1 | Credit limit relative to the lowest so far: no limit open; typical: 1.00 | 授信额度与历史最低额度之比：额度为零，无法计算；客户中位数：1.00
repayments_owed_per_limit | - | 0.2 | Share of the credit limit in use: no limit open; typical: 20 % | 额度使用率：额度为零，无法计算；客户中位数：20%
repayments_owed_vs_net_spending_180d | 2.5 | 0.1 | Balance owed relative to net spending of the last 180 days: 2.50; typical: 0.10 | 待还余额与近180天净消费额之比：2.50；客户中位数：0.10
accounts_limit_last_2 | 3000 | 5000 | Previous credit limit: 3,000 CNY; typical: 5,000 CNY | 调整前授信额度：3,000元；客户中位数：5,000元
applications_amount_vs_spending_30d | 2 | 1 | Amount asked for relative to monthly net spending (of the last 180 days): 2.00; typical: 1.00 | 申请金额与近180天月均净消费额之比：2.00；客户中位数：1.00
browsing_sessions_nunique_30d | 2 | 9 | 2 browsing sessions in the last 30 days; typical: 9 | 近30天浏览会话次数：2次；客户中位数：9次
customers_days_since_first | 20 | 400 | 20 days since registration; typical: 400 days | 距注册时间：20天；客户中位数：400天
payments_bnpl_share_180d | 0.4 | 0.1 | Payments made on credit as a share of all payments in the last 180 days: 40 %; typical: 10 % | 近180天先买后付支付占全部支付的比例：40%；客户中位数：10%
"""
ROWS = [[cell.strip() for cell in line.split(" | ")] for line in TABLE.strip().splitlines()]


def read(text: str) -> float | str | None:
    if text == "-":
        return None
    return float(text) if re.fullmatch(r"-?[\d.]+", text) else text


@pytest.mark.parametrize(("name", "value", "typical", "en", "zh"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_a_sentence_read_aloud(name: str, value: str, typical: str, en: str, zh: str) -> None:
    usual = Typical(read(typical), 0.6 if typical == "-" else 0.0)
    assert CATALOGUE[name].sentence(read(value), usual, "CNY") == en
    assert CATALOGUE[name].sentence(read(value), usual, "CNY", "zh") == zh


def test_how_many_have_no_value_is_said_where_they_are_no_few() -> None:
    said = CATALOGUE["orders_placed_gap_mean_365d"].sentence
    assert said(30.0, Typical(12.0, 0.38)).endswith("typical: 12 days (38 % of customers have none)")
    assert said(30.0, Typical(12.0, 0.38), "", "zh").endswith("客户中位数：12天（38%的客户无此记录）")
    assert said(30.0, Typical(12.0, 0.09)).endswith("typical: 12 days")


@pytest.mark.parametrize("feature", CATALOGUE.features, ids=lambda feature: feature.name)
def test_no_sentence_is_a_riddle(feature) -> None:
    """The rules of wording, for every feature and for a value that is there as for one that is not."""
    value = "wallet" if feature.unit == "category" else 2.0
    for told in (value, None):
        en, zh = (feature.sentence(told, Typical(value, 0.2), "CNY", language) for language in ("en", "zh"))
        assert en[0].isupper() or en[0].isdigit()
        assert "  " not in en + zh
        assert not re.search(r"unknown|last but|\bbits?\b|against|as yet|most customers:|None|nan", en)
        assert not re.search(
            r"未知|比特|历来|波动(?!幅度)|相对|排位|距最近一次|失败的支付|被拒的购买|多数客户：|None|nan", zh
        )
        assert not re.search(r"[(),;]|:(?!\d)| (%|天|元)", re.sub(r"\d,\d", "", zh)), zh
    title = feature.zh
    assert not re.search(r"(?<![次笔期个月天周秒])数($|在|之比)", title) or "不同" in title, title


def test_little_on_record_is_told_in_both_languages() -> None:
    assert little_known(40, 210, 323) == "Little on record: 40 of 323 facts are known; average: 210"
    assert little_known(40, 210, 323, "zh") == "可参考的记录较少：323项中有40项；客户平均：210项"
    assert {"R_LITTLE_ON_RECORD"} == set(REASONS) - {feature.reason for feature in CATALOGUE.features}
