"""What the sign-in tests run against: a real hub behind its real proxy, and a real OpenID provider."""
