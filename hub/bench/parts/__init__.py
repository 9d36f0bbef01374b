"""The parts of the measurement: `measure` of each runs at all hubs in turn and adds to what was measured there."""
