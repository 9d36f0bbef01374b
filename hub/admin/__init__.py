"""What admins do on pages."""
