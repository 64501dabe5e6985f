"""Whom to learn from and what became of them. Labels live here and nowhere below."""
