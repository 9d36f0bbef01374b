"""Running seats: how long they may stay idle, who keeps them, when they are stopped and why."""
