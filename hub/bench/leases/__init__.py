"""What decisions about leases cost, and how fast the broker answers: measured with what really runs."""
