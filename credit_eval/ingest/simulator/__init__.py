"""A simulated platform whose true probabilities of default are known, and kept where no feature can read them."""
