"""What decisions and constraints are called, by people who read them: name and meaning, in English and Chinese."""

from __future__ import annotations

from typing import NamedTuple

from credit_eval.language.words import Text


class Called(NamedTuple):
    """A short name, and what it means."""

    name: Text
    means: Text


DECISIONS = {
    "approve": Called(
        Text("approve", "通过"),
        Text("a new or a higher limit; of a loan, all that was asked for", "新开或上调额度；贷款按申请金额全额授予"),
    ),
    "hold": Called(Text("hold", "维持"), Text("the limit stays as it is", "额度不变")),
    "refer": Called(Text("refer", "转人工"), Text("a person decides first", "先由人工审核")),
    "reduce": Called(
        Text("reduce", "降额"),
        Text(
            "a lower limit, never below what is owed; of a loan, less than was asked for",
            "下调额度，但不低于待还余额；贷款低于申请金额",
        ),
    ),
    "decline": Called(Text("decline", "拒绝"), Text("no line is opened", "不开通额度")),
    "restrict": Called(
        Text("restrict", "限制"),
        Text("no new credit; the line shrinks to what is owed", "不新增授信；额度收缩至待还余额"),
    ),
}

#: What can decide: the constraints of the policy, why a person decides, and the score.
CONSTRAINTS = {
    "score": Text("the score", "评分"),
    "amount_asked": Text("the amount asked for", "申请金额"),
    "grade_cap": Text("the cap of the grade", "等级额度上限"),
    "affordability": Text("what is left of a month's own money affords", "还款能力（每月自有资金结余）"),
    "thin_file": Text(
        "the least that a grade affords, where that is unknown or little", "等级最低额度（结余未知或较少）"
    ),
    "expected_loss_budget": Text("the expected-loss budget per customer", "单客预期损失预算"),
    "profit": Text("a higher limit is not expected to earn more", "更高额度预计不会带来更多收益"),
    "exposure_cap": Text("the largest exposure to anybody", "单客敞口上限"),
    "overdue": Text("an instalment overdue now: no more credit than before", "有账单逾期未还：额度不上调"),
    "stale_data": Text("nothing heard of repayments lately", "近期未收到还款数据"),
    "rule_no_rise": Text("a rule of the policy: no more credit than before", "政策规则：额度不上调"),
    "first_share": Text("a new line begins low", "新开额度先低后高"),
    "step_cap": Text(
        "the largest raise at a time (of a small or closed line up to the thin-file cap), and none soon after the "
        "limit changed",
        "单次上调幅度，以及两次调整的间隔",
    ),
    "restriction": Text("p_default above the policy's threshold", "违约概率高于政策阈值"),
    "still_restricted": Text(
        "restricted before, and not below the way out for long enough", "此前受限，尚未满足解除条件"
    ),
    "legal_cap": Text("the legal cap, below the rate that the risk needs", "法定利率上限低于风险所需利率"),
    "rates": Text("the policy's rates, dearer for everybody", "政策费率整体上调"),
    "rule": Text("a rule of the policy: no new credit", "政策规则：不新增授信"),
    "in_default": Text("a debt in default now", "目前有债务违约"),
    "override_stop": Text("a person, who stopped new credit", "人工决定：不新增授信"),
    "override": Text("a person, who overruled the policy", "人工核准：不适用政策结论"),
    "p_default": Text("p_default above which a person decides", "违约概率高于人工审核线"),
    "cured": Text("a debt in default paid of late", "违约债务新近还清"),
    "capacity_unknown": Text("how much is left of a month is not known", "每月自有资金结余未知"),
    "no_reason": Text("no reason of the model that could be told", "模型没有可告知的原因"),
}

#: Why a person allows more than the policy, in words that a customer may read.
WHY_ALLOWED = {
    "income_shown": Text(
        "an income or payments were shown that the data do not hold", "已提供数据未反映的收入或还款证明"
    ),
    "data_corrected": Text("data that were wrong are corrected", "错误数据已更正"),
    "one_off": Text("what happened is not expected to happen again", "所发生的情况预计不会再次发生"),
    "agreed": Text("a repayment plan was agreed", "已达成还款安排"),
    "appeal": Text("an appeal was upheld", "申诉成立"),
}
#: Why a person stops new credit.
WHY_STOPPED = {
    "unverified": Text("details could not be verified", "信息无法核实"),
    "data_doubted": Text("the data held are incomplete or in doubt", "现有数据不完整或存疑"),
    "debts_elsewhere": Text("debts elsewhere are known that the data do not hold", "已知存在数据未反映的外部债务"),
    "asked_for": Text("this was asked for", "应本人要求"),
}
WHY = WHY_ALLOWED | WHY_STOPPED
