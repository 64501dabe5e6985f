"""What people read of a run: counts and tables, figures, and one HTML file that needs nothing but itself."""
