"""What a validator asks of a version before it may decide: one module a question, each a table of numbers.

subject       what is validated: the judged rows, what was known of them, the model
ranking       how well it ranks: by part, month, segment, with and without arrears, beside plain rules
truth         whether its probabilities are true: by grade, decomposed, beside other calibrations
stability     whether the scored people and their grades stay what they were
robustness    other seeds, a feed that stops, harder times
directions    whether declared directions hold, proved on the trees
told          whether the reasons it gives are true, and stay
fairness      whether groups that no model may see are treated alike
"""
