"""dask-gateway: a scheduler that is ready says so at once, not after a quarter of a second.

Its first heartbeat is what lets `new_cluster()` return. It waits 0.25 s for nothing: the scheduler listens already when
the service is made, and a heartbeat that fails is repeated. Seen with dask-gateway 2026.3.0.
"""

import functools


def apply(preload):
    """Correct the class of the freshly imported module `dask_gateway.scheduler_preload`."""
    service = preload.GatewaySchedulerService
    service.__init__ = _ready_at_once(service.__init__)


def _ready_at_once(init):
    @functools.wraps(init)
    def initialize(self, *arguments, **named):
        init(self, *arguments, **named)
        if self.heartbeat_period:
            self.heartbeat_initial = 0

    return initialize
