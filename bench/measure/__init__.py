"""What bench/compare and bench/quick are made of: servers, works, records, figures, pages."""
