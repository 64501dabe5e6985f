"""The arithmetic everything else stands on: errors, times, odds, statistics. Imports nothing of ours."""
