"""The words of the committee paper, in English and Chinese."""

from __future__ import annotations

from credit_eval.language.words import Text

WORDS = {
    "title": Text("Committee paper", "信审委员会报告"),
    "numbers": Text("The money, before and after", "资金：调整前后"),
    "what": Text("What", "项目"),
    "before": Text("Before", "调整前"),
    "after": Text("After", "调整后"),
    "change": Text("Change", "变动"),
    "window": Text(
        "Expected within {days} days after the run. Before: had every limit and rate stayed as it was.",
        "预期值，期限为决定后{days}天。“调整前”指额度和利率均保持不变。",
    ),
    "asked": Text("Asked for", "申请"),
    "granted": Text("Granted", "批准"),
    "window_loans": Text(
        "Expected within {days} days after the run. Asked for: had everybody got what they asked for.",
        "预期值，期限为决定后{days}天。“申请”指全部按申请金额批准。",
    ),
    "moves": Text("Who moves", "变动情况"),
    "customers": Text("Customers", "客户数"),
    "share": Text("Share", "占比"),
    "limits_before": Text("Limits before", "原额度"),
    "limits_after": Text("Limits after", "新额度"),
    "adverse": Text("Adverse decisions, by what decided", "不利决定及决定因素"),
    "adverse_lead": Text(
        "{n} decisions are adverse ({share}): credit is taken away or refused, or made dearer. What decided is found "
        "by asking again with the best score, all else equal.",
        "不利决定共{n}笔（{share}），即减少、拒绝授信或上调利率。决定因素的判定方法：其他条件不变，以最优评分重新决定。",
    ),
    "decided_by": Text("What decided", "决定因素"),
    "commonest": Text("Commonest first reason of the model", "模型首要原因"),
    "grades": Text("Does it hold: default rate by grade", "验证：各等级违约率"),
    "grades_lead": Text(
        "Rows that judged the model ({on}), by trees that learnt nothing from them: what was predicted, and what came, "
        "with its 95 % interval. Bold: by customer, what came does not agree with what was predicted.",
        "检验样本（{on}），由未学习过这些样本的模型评分：预测值、实际值及其95%置信区间。粗体：按客户计算，实际与预测不符。",
    ),
    "grade": Text("Grade", "等级"),
    "now": Text("Customers now", "现有客户"),
    "rate": Text("Rate a year", "年利率"),
    "rows": Text("Rows", "样本数"),
    "predicted": Text("Predicted", "预测"),
    "came": Text("Came", "实际"),
    "interval": Text("95 % interval", "95%区间"),
    "bands": Text("By predicted risk, with and without arrears", "按预测风险分段，区分有无逾期"),
    "band": Text("Predicted risk", "预测风险"),
    "current": Text("Nothing late", "无逾期"),
    "late": Text("Something late", "有逾期"),
    "fair": Text("Groups that no model sees", "公平性：模型不可见的群体"),
    "fair_lead": Text(
        "Kept: share of decisions that are not adverse. Goods stopped, bads stopped: shares above {threshold} among "
        "those who paid and those who defaulted, of the rows that judged (false and true positive rates). 95 % "
        "intervals, by customer.",
        "未受不利决定：非不利决定的占比。误拒率、拦截率：检验样本的正常客户和违约客户中，违约概率高于{threshold}的占比"
        "（假阳性率、真阳性率）。括号内为按客户计算的95%置信区间。",
    ),
    "group": Text("Group", "群体"),
    "kept": Text("Kept", "未受不利决定"),
    "goods_stopped": Text("Goods stopped", "误拒率"),
    "bads_stopped": Text("Bads stopped", "拦截率"),
    "apart": Text("largest difference", "最大差异"),
    "assumed": Text("What it rests on, and who signed", "假设与签署"),
    "signed": Text("signed by {who}", "由{who}签署"),
    "unsigned": Text("nobody signed", "无人签署"),
    "loss_grade": Text(
        "Grade {grade} asks {apr} a year; what its credit costs needs {needed}: {who}.",
        "{grade}级年利率{apr}，覆盖成本需{needed}：{who}。",
    ),
    "published": Text("Policy written by {author}, approved by {approver}", "政策起草：{author}，审批：{approver}"),
    "not_published": Text(
        "This policy is not published: no second person approved it.", "该政策未发布，未经第二人审批。"
    ),
    "other_policy": Text(
        "The policy file has changed since; what this run assumed is told by its manifest.",
        "政策文件此后已有变更，本次运行的假设以清单为准。",
    ),
    "none": Text("none", "无"),
    "behind": Text("The whole report, in English, is behind this page", "完整报告（英文版）"),
    "careful": Text("Before you rely on this", "使用前须知"),
    "warning": Text("Warning", "警示"),
    "note": Text("Note", "说明"),
    "no_judged": Text("No rows that judged the model are kept.", "未保存检验样本。"),
}

#: The ten numbers, in their order.
NUMBERS = {
    "lines": Text("Customers with a limit", "有额度的客户"),
    "limits": Text("Credit limits", "授信额度合计"),
    "free": Text("Of that not drawn", "其中未使用额度"),
    "free_risky": Text("Not drawn, above the restriction's threshold", "高风险客户（高于限制阈值）的未使用额度"),
    "risk_of_free": Text("Mean risk of what is not drawn", "未使用额度的加权平均风险"),
    "exposure": Text("Exposure at default", "违约风险敞口"),
    "expected_loss": Text("Expected loss", "预期损失"),
    "loss_rate": Text("Expected loss over exposure", "预期损失占敞口比例"),
    "revenue": Text("Revenue beyond funding", "扣除资金成本后收入"),
    "margin": Text("Margin", "利润"),
}

#: Where loans are asked for, before is what was asked for.
LOANS = {
    "lines": Text("Loans", "借款笔数"),
    "limits": Text("Amounts", "借款金额合计"),
    "average": Text("Average amount", "笔均金额"),
    "free_risky": Text("Amounts above the restriction's threshold", "高风险客户（高于限制阈值）的借款金额"),
    "risk_of_free": Text("Mean risk of what is lent", "借款的加权平均风险"),
}

MOVES = {
    "opened": Text("opened", "新开额度"),
    "raised": Text("raised", "上调"),
    "kept": Text("kept", "不变"),
    "lowered": Text("lowered", "下调"),
    "stopped": Text("no new credit", "停止新增授信"),
    "refused": Text("refused", "拒绝"),
    "loan_approve": Text("granted in full", "全额批准"),
    "loan_reduce": Text("granted in part", "部分批准"),
    "loan_refer": Text("a person decides", "转人工"),
    "loan_decline": Text("refused", "拒绝"),
    "dearer": Text("dearer rate", "利率上调"),
    "cheaper": Text("cheaper rate", "利率下调"),
}

ASSUMED = {
    "lgd": Text("Loss given default", "违约损失率"),
    "ccf": Text("Credit conversion factor", "信用转换系数"),
    "threshold": Text("No new credit above", "停止新增授信的违约概率"),
    "use": Text("Share of free credit that is drawn", "未使用额度的平均支用比例"),
    "funding_rate": Text("Cost of funding, a year", "资金成本（年）"),
    "operating_cost": Text("Operating cost of a line, a year", "每户运营成本（年）"),
    "capital": Text("Capital held, and what it has to earn", "资本占用及要求收益率"),
    "margin": Text("Margin asked for, a year", "目标利差（年）"),
    "legal_cap": Text("Legal cap of a rate", "法定利率上限"),
}
IS = {"measured": Text("measured", "实测"), "assumed": Text("assumed", "假设")}
