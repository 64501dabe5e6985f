"""The engines: DuckDB for daily work, plain Python as the definition of what a query means."""
