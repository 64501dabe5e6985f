"""Words of the review page, in both languages."""

from __future__ import annotations

from credit_eval.language.words import Language, Text

WORDS = {
    "title": Text("Review", "审核"),
    "queue": Text("Decisions to look at", "待审决定"),
    "lead": Text(
        "Adverse and referred decisions of {dataset}, {label}; {n} in all.",
        "数据集{dataset}，批次{label}，不利决定及转人工决定共{n}条。",
    ),
    "found": Text("{n} found", "符合条件{n}条"),
    "customer": Text("Customer", "客户"),
    "decision": Text("Decision", "决定"),
    "by": Text("Decided by", "决定因素"),
    "grade": Text("Grade", "等级"),
    "score": Text("Score", "评分"),
    "p": Text("Risk", "违约概率"),
    "limit": Text("Limit before → now", "额度：调整前 → 现在"),
    "stake": Text("At stake", "涉及金额"),
    "reason": Text("First reason", "首要原因"),
    "any": Text("any", "全部"),
    "begins": Text("id begins with", "编号开头"),
    "order": Text("Order", "排序"),
    "order_stake": Text("money at stake", "涉及金额"),
    "order_risk": Text("risk", "违约概率"),
    "order_score": Text("score", "评分"),
    "order_customer": Text("customer", "客户编号"),
    "show": Text("Show", "显示"),
    "next": Text("Next page", "下一页"),
    "first": Text("First page", "第一页"),
    "nothing": Text("Nothing is waiting here. Take a filter away.", "没有符合条件的决定，请减少筛选条件。"),
    "no_line": Text("no limit", "无额度"),
    "why": Text("What raised the risk", "提高风险的因素"),
    "no_reason": Text(
        "A rule decided, or nothing raised the risk: no reasons of the model.",
        "由规则决定，或没有提高风险的因素：无模型原因。",
    ),
    "helps": Text("What would help", "改善建议"),
    "sides": Text("The five sides of the customer", "客户的五个维度"),
    "sides_note": Text(
        "log-odds of default, and points of the score; to the right: raises the risk; the stroke: everybody on average",
        "对违约对数几率及评分分值的影响；向右为提高风险；竖线为全体客户平均",
    ),
    "profile": Text("The profile behind it", "客户画像"),
    "feature": Text("What", "指标"),
    "value": Text("Value", "取值"),
    "typical": Text("Typical", "典型值"),
    "log_odds": Text("Log-odds", "对数几率"),
    "points": Text("Points", "分值"),
    "others": Text("Everybody, on average", "全体客户平均"),
    "further": Text("{n} further features, smaller each", "其余{n}项指标，影响递减"),
    "rest": Text("{n} more moved the score by next to nothing.", "另有{n}项几乎没有影响。"),
    "sum": Text(
        "Base {base} and all features together: log-odds {total} of default.",
        "基准{base}加全部指标之和：违约对数几率{total}。",
    ),
    "history": Text("Decisions so far", "历史决定"),
    "date": Text("As of", "观察时点"),
    "policy": Text("Policy and model", "政策与模型"),
    "back": Text("Back to the queue", "返回列表"),
    "facts": Text("The decision", "决定"),
    "opinions": Text("What reviewers said", "审核意见"),
    "your_opinion": Text("Your opinion of this decision", "您对该决定的意见"),
    "because": Text("Why, if you do not agree", "如不同意，原因"),
    "note": Text("In a sentence", "说明"),
    "for_ever": Text(
        "It changes no decision. It stays in the log for ever and is counted by reason: name nobody in it.",
        "意见不改变决定，将永久保存在记录中并按原因统计，请勿填写个人姓名。",
    ),
    "say": Text("Write it down", "提交意见"),
    "kept": Text("Your text is kept:", "您填写的内容已保留："),
    "sign_in": Text("Sign in", "登录"),
    "token": Text("The word that `credit-eval review` printed", "命令行打印的口令"),
    "wrong": Text("That was not it. Look at the terminal once more.", "口令不正确，请再次查看终端。"),
    "out": Text("Sign out", "退出"),
    "other": Text("中文", "English"),
    "no": Text("This cannot be shown", "无法显示"),
}


def word(name: str, language: Language, **values: object) -> str:
    """A word of the page, with values in it."""
    return WORDS[name].in_(language).format(**values)
