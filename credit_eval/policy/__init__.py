"""What is done with a probability: restriction, limit, price and instalments, each with the rule that bound."""
