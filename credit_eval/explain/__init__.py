"""Why the model says what it says: contributions in log-odds, by feature, by reason, by dimension."""
