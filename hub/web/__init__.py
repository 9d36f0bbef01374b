"""What every route stands on: who is asking, the hub's API, and errors as sentences."""
