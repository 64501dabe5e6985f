"""The reason codes in plain words: what a code stands for, in tables and on axes, in English and Chinese.

A label names the subject and claims no direction, since a family's contribution may rise with a value or fall.
The sentence that a customer is told comes from the feature itself (`Feature.sentence`).

>>> label("R_FAILED_PAYMENTS"), label("R_FAILED_PAYMENTS", "zh")
('failed payments', '支付失败')
"""

from __future__ import annotations

from credit_eval.language.words import Language, Text

#: Label of every reason code of the catalogue; a test holds it complete.
REASONS: dict[str, Text] = {
    "R_AMOUNT_ASKED": Text("amount asked for", "申请金额"),
    "R_AUTHENTICATION": Text("ways of authenticating payments", "支付验证方式"),
    "R_BROWSING": Text("browsing activity", "浏览活跃度"),
    "R_CATEGORY_MIX": Text("mix of goods and merchants", "商品与商户构成"),
    "R_CONTACT_DATA_CHANGES": Text("changes of address or password", "地址或密码变更"),
    "R_CONVERSION": Text("how much browsing becomes orders", "浏览到下单的转化"),
    "R_COST_OF_LOAN": Text("cost of the loan asked for", "所申请借款的成本"),
    "R_CREDIT_LINE": Text("size of the credit line", "授信额度大小"),
    "R_CREDIT_USE": Text("purchases made on credit", "先买后付使用情况"),
    "R_CUSTOMER_PROFILE": Text("personal details on file", "登记的个人资料"),
    "R_DEBT_LEVEL": Text("debt outstanding", "未还债务"),
    "R_DECLINED_PURCHASES": Text("declined purchases", "被拒交易"),
    "R_DEVICES": Text("number and changes of devices", "设备数量与变更"),
    "R_EARLY_REPAYMENTS": Text("repayments before the due date", "提前还款"),
    "R_FAILED_LOGINS": Text("failed logins", "登录失败"),
    "R_FAILED_PAYMENTS": Text("failed payments", "支付失败"),
    "R_IDENTITY_CHECK": Text("level of identity check", "身份核验等级"),
    "R_INSTALMENTS_DUE": Text("money that falls due", "到期应还金额"),
    "R_INSTALMENT_USE": Text("number of instalments chosen", "分期期数选择"),
    "R_INTEREST_IN_CREDIT": Text("visits to credit pages", "信贷页面访问"),
    "R_IRREGULAR_REPAYMENTS": Text("irregular repayments", "还款不规律"),
    "R_IRREGULAR_SPENDING": Text("irregular spending", "消费不规律"),
    "R_LITTLE_ON_RECORD": Text("little on record", "可参考记录较少"),
    "R_LATE_REPAYMENTS": Text("late repayments", "逾期还款"),
    "R_LIMIT_CHANGES": Text("changes of the credit limit", "额度调整"),
    "R_LOGINS": Text("how often the customer logs in", "登录频率"),
    "R_NIGHT_ACTIVITY": Text("activity at night or at the weekend", "夜间与周末活动"),
    "R_ORDER_ACTIVITY": Text("how often the customer orders", "下单频率"),
    "R_OVERDUE_NOW": Text("instalments overdue now", "当前逾期期数"),
    "R_PART_PAYMENTS": Text("part payments", "部分还款"),
    "R_PAYMENT_METHODS": Text("ways of paying", "支付方式"),
    "R_PRICE_TIER": Text("price of the goods viewed and bought", "浏览与购买商品的价位"),
    "R_PRODUCT_ASKED": Text("product asked for", "申请产品"),
    "R_RECENT_APPLICATIONS": Text("recent requests for credit", "近期借款申请"),
    "R_RECENT_CREDIT": Text("credit accounts opened of late", "近期新开信用账户"),
    "R_REFERRAL": Text("referral", "推荐关系"),
    "R_REFUSED_APPLICATIONS": Text("share of requests for credit granted", "借款申请获批比例"),
    "R_REPAYMENT_FLOW": Text("money paid back of late", "近期还款金额"),
    "R_RETURNS": Text("returned or cancelled orders", "退货或取消的订单"),
    "R_REVIEWS": Text("reviews written", "商品评价"),
    "R_SERVICE_CONTACTS": Text("contacts with customer service", "客服联系"),
    "R_SHORT_CREDIT_HISTORY": Text("length of credit history", "信用历史长度"),
    "R_SHORT_RELATIONSHIP": Text("length of the relationship", "客户关系时长"),
    "R_SPENDING_LEVEL": Text("level of spending", "消费水平"),
    "R_SPENDING_TREND": Text("trend of spending", "消费趋势"),
    "R_TERM_ASKED": Text("term asked for", "申请期限"),
    "R_UNPAID_ORDERS": Text("how soon and how fully orders are paid", "订单付款及时性与完整性"),
    "R_UTILISATION": Text("share of the credit line in use", "额度使用率"),
}


#: What the lender did itself, or what it holds against a customer for no act of theirs: never told as a reason.
LENDERS_ACTS = frozenset({"R_CREDIT_LINE", "R_LIMIT_CHANGES", "R_REFUSED_APPLICATIONS", "R_DECLINED_PURCHASES"})
#: What a customer could do where a reason of this family raised the risk; where nothing surely helps, nothing is said.
HELPS: dict[str, Text] = {
    "R_DEBT_LEVEL": Text("owing less", "减少待还余额"),
    "R_FAILED_PAYMENTS": Text("keeping enough money on the account that payments come from", "确保支付账户余额充足"),
    "R_IDENTITY_CHECK": Text("completing the identity check", "完成身份核验"),
    "R_INSTALMENTS_DUE": Text("less to pay back in the coming weeks", "减少近期应还金额"),
    "R_IRREGULAR_REPAYMENTS": Text("paying every instalment by its due date", "每期账单按时还款"),
    "R_LATE_REPAYMENTS": Text("paying every instalment by its due date", "每期账单按时还款"),
    "R_OVERDUE_NOW": Text("paying what is overdue", "还清逾期账单"),
    "R_PART_PAYMENTS": Text("paying every instalment in full", "每期账单足额还款"),
    "R_RECENT_APPLICATIONS": Text("asking for credit less often", "减少短期内借款申请次数"),
    "R_UNPAID_ORDERS": Text("paying orders in full and soon", "及时足额支付订单"),
    "R_UTILISATION": Text("paying back some of what is owed", "归还部分待还余额"),
}
#: The reason where nothing that can be told raised the risk, and little is known.
LITTLE_KNOWN = "R_LITTLE_ON_RECORD"


def little_known(known: int, typical: int, of: int, language: Language = "en") -> str:
    """The sentence of `LITTLE_KNOWN`: how many facts there are, of how many, and how many there are on average.

    >>> little_known(40, 210, 323)
    'Little on record: 40 of 323 facts are known; average: 210'
    """
    if language == "zh":
        return f"可参考的记录较少：{of}项中有{known}项；客户平均：{typical}项"
    return f"Little on record: {known} of {of} facts are known; average: {typical}"


def label(code: str, language: Language = "en") -> str:
    """The label of a reason code; a code of another catalogue is its own words.

    >>> label("R_SAVINGS_ACCOUNT")
    'savings account'
    """
    return REASONS[code].in_(language) if code in REASONS else code.removeprefix("R_").replace("_", " ").lower()
