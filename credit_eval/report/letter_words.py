"""What a letter says, in English and Chinese: what was decided, why where a rule decided, and what the customer may do.

What a customer may do is the law's of where they live, in our words:

- us: Regulation B, 12 CFR 1002.9: the action taken, the specific reasons, the notice against discrimination with the
  name of the agency. That a score was too low, or an internal standard not met, is no reason (1002.9(b)(2)).
- eu: Directive (EU) 2023/2225, article 18(8) and (9): that the refusal is automated; human intervention, an
  explanation, one's own point of view, a review; debt advice. Regulation (EU) 2016/679, articles 15(1)(h), 22(3), 77.
- cn: Personal Information Protection Law, articles 24, 44 to 46 and 50.
"""

from __future__ import annotations

from credit_eval.language.words import Text

#: Customers' words for what decided where the score did not; none for what cannot decide against anybody.
RULES = {
    "in_default": Text("A debt that you owe us is in default.", "您在我们处有债务处于违约状态。"),
    "still_restricted": Text(
        "Your credit was restricted at an earlier review, for the reasons that we told you then. It opens again once "
        "reviews at least {wait} apart have all found a lower risk.",
        "您的授信在此前的复核中已受限，原因已在当时告知。相隔{wait}以上的各次复核均认定风险降低后，方可恢复。",
    ),
    "rule": Text("{because}.", "{because}。"),
    "rule_no_rise": Text("{because}.", "{because}。"),
    "overdue": Text("An instalment that you owe is overdue.", "您有账单逾期未还。"),
    "stale_data": Text(
        "We have not been told of any repayments for a while, and give no new credit until we are.",
        "我们已有一段时间未收到还款数据，在此期间不新增授信。",
    ),
    "affordability": Text(
        "What is left of your own money each month, as far as we can see, does not bear more credit.",
        "就我们所知，您每月的自有资金结余不足以承担更多授信。",
    ),
    "thin_file": Text(
        "Too little is left of your own money each month, or we know too little of it, to bear more credit.",
        "您每月的自有资金结余较少，或我们掌握的信息不足，无法给予更多授信。",
    ),
    "grade_cap": Text(
        "The highest limit that we give to anybody is below what you had or asked for.",
        "我们可授予的最高额度低于您原有或申请的额度。",
    ),
    "exposure_cap": Text(
        "The highest limit that we give to anybody is below what you had or asked for.",
        "我们可授予的最高额度低于您原有或申请的额度。",
    ),
    "profit": Text(
        "You use only a small part of your limit, as far as your monthly means let us expect.",
        "就您每月的资金情况推算，您对现有额度的使用较少。",
    ),
    "amount_asked": Text(
        "The amount that you asked for is below the smallest that we lend.", "您申请的金额低于我们的最低授信金额。"
    ),
    "override": Text(
        "One of our staff reviewed your account and set this limit until {until}: {why}.",
        "经我们的工作人员审核，核定此额度，有效期至{until}：{why}。",
    ),
    "override_stop": Text(
        "One of our staff reviewed your account and gives no new credit until {until}, because {why}.",
        "经我们的工作人员审核，{until}前（含当日）不新增授信，原因：{why}。",
    ),
    "rates": Text("We have raised our rates for all customers.", "我们对所有客户统一上调了年利率。"),
}

WORDS = {
    "title": Text("About your credit", "授信决定通知书"),
    "reference": Text("Reference", "编号"),
    "customer": Text("Customer", "客户号"),
    "date": Text("Date of the decision", "决定日期"),
    "greeting": Text("Dear customer,", "尊敬的客户："),
    "reasons": Text("Why", "原因"),
    "by_score": Text(
        "These facts about you raised the risk that we estimate more than any others:",
        "以下情况对我们评估的风险影响最大：",
    ),
    "rate_by_score": Text(
        "The rate rises since these facts about you raised the risk that we estimate more than any others:",
        "利率上调，是因为以下情况对我们评估的风险影响最大：",
    ),
    "helps": Text("What could help", "改善建议"),
    "no_promise": Text(
        "None of this is sure to change a later decision, which looks at everything that is known then.",
        "以上建议不保证改变日后的决定，届时将依据当时掌握的全部信息重新评估。",
    ),
    "typical": Text("“Typical” is the middle value among all our customers.", "“客户中位数”指全体客户的中间值。"),
    "rights": Text("What you may do", "您的权利"),
    "contact": Text("How to reach us", "联系方式"),
    "signed": Text("Yours faithfully,", "特此通知。"),
}

#: What was decided: by decision, of a line and of a loan that was asked for.
DECIDED = {
    "decline": Text("We cannot open a credit line for you at present.", "我们目前无法为您开通授信额度。"),
    "decline_loan": Text(
        "We cannot grant the loan of {asked} that you asked for.", "我们无法批准您申请的{asked}借款。"
    ),
    "offer": Text(
        "Of the {asked} that you asked for we can offer you {limit}.", "您申请借款{asked}，我们可以提供{limit}。"
    ),
    "reduce": Text(
        "We are lowering your credit limit from {previous} to {limit}.", "我们将您的授信额度由{previous}下调至{limit}。"
    ),
    "restrict": Text(
        "We can give you no new credit at present. Your limit is {limit} from now on; it was {previous}.",
        "我们目前无法为您新增授信。您的授信额度由{previous}调整为{limit}。",
    ),
    "restrict_kept": Text(
        "We can give you no new credit at present. Your limit stays at {limit}.",
        "我们目前无法为您新增授信。您的授信额度仍为{limit}。",
    ),
    "owed": Text("That is what you owe us now.", "该额度等于您目前的待还余额。"),
    "dearer": Text(
        "The yearly rate of your credit rises from {before} to {rate}.", "您的授信年利率由{before}上调至{rate}。"
    ),
}

#: By jurisdiction: what the customer may do, a paragraph each.
RIGHTS = {
    "us": (
        Text(
            "If anything above is wrong, tell us, and we look at it again. You may ask us for a written copy of these "
            "reasons at any time within 60 days.",
            "如以上内容有误，请告知我们，我们将重新审查。您可在60天内随时索取书面理由。",
        ),
        Text(
            "Federal law, the Equal Credit Opportunity Act, forbids creditors to discriminate against applicants for "
            "credit because of race, color, religion, national origin, sex, marital status or age (if the applicant "
            "may lawfully enter into a contract), because any income comes from public assistance, or because the "
            "applicant has in good faith used a right under the Consumer Credit Protection Act. The federal agency "
            "that sees to it that we keep this law is {supervisor}.",
            "根据联邦《平等信贷机会法》，贷款人不得因种族、肤色、宗教、原国籍、性别、婚姻状况或年龄（申请人具有缔约能力的），"
            "不得因收入来自公共援助，也不得因申请人善意行使《消费者信贷保护法》规定的权利而歧视申请人。"
            "监督我们遵守该法的联邦机构为：{supervisor}。",
        ),
    ),
    "eu": (
        Text(
            "This decision was made by a computer from data about you. You may ask that a person looks at it, ask us "
            "to explain how we assessed whether you can repay, and which data and which risks counted, tell us how you "
            "see it yourself, and ask for the decision to be reviewed.",
            "本决定由系统根据您的数据自动作出。您有权要求人工介入，要求我们说明如何评估您的还款能力以及所依据的数据和风险，"
            "表达您的意见，并要求复核本决定。",
        ),
        Text(
            "You may have wrong data about you put right. If you find it hard to meet your payments, independent debt "
            "advice can help; we tell you where there is some near you.",
            "您有权要求更正有误的数据。如还款有困难，可寻求独立的债务咨询，我们可告知您附近的咨询机构。",
        ),
        Text(
            "You may complain to {supervisor}, and to the data protection authority of where you live.",
            "您可向{supervisor}以及您居住地的数据保护机构投诉。",
        ),
    ),
    "cn": (
        Text(
            "This decision was made by a computer from data about you. Under article 24 of the Personal Information "
            "Protection Law you may ask us to explain it, and refuse a decision that is made by a computer alone: then "
            "a person decides.",
            "本决定通过自动化决策方式作出。根据《个人信息保护法》第二十四条，您有权要求我们予以说明，"
            "并有权拒绝仅通过自动化决策的方式作出的决定，届时我们将安排人工审核。",
        ),
        Text(
            "You may see and copy the data that we hold about you, and have wrong data put right (articles 45 and 46). "
            "You may complain to {supervisor}.",
            "您有权查阅、复制我们持有的您的个人信息，发现信息不准确的，有权要求更正（第四十五条、第四十六条）。"
            "您可向{supervisor}投诉。",
        ),
    ),
}

#: In place of the first of the rights, where a person set the limit.
RIGHTS_BY_PERSON = {
    "eu": Text(
        "A member of our staff made this decision. You may ask us to explain it, tell us how you see it yourself, and "
        "ask that somebody else reviews it.",
        "本决定由我们的工作人员作出。您有权要求我们予以说明，表达您的意见，并要求由其他人员复核本决定。",
    ),
    "cn": Text(
        "A member of our staff made this decision. You may ask us to explain it, and ask that somebody else reviews "
        "it.",
        "本决定由我们的工作人员作出。您有权要求我们予以说明，并要求由其他人员复核本决定。",
    ),
}
