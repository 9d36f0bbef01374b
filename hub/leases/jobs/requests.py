"""What Slurm is asked for a lease: a job of its user with the class's devices, in which the kernel's host waits."""

import pwd
from dataclasses import dataclass

from hub.errors import LeaseRefused
from hub.leases.identity import Tokens
from hub.leases.model import Lease
from hub.settings import Profile, Settings, SlurmSite
from hub.slurm.commands import SlurmRefused
from hub.slurm.names import KERNEL
from hub.slurm.submit import GRACE_S, JobRequest, account_of_groups, script_of

MODULE = "werkbank_kernels.job.host"


@dataclass(frozen=True)
class Requests:
    """Makes them; nothing in them comes from people but the choice of a profile and a class."""

    settings: Settings
    tokens: Tokens
    api: str
    """Where nodes reach the broker's interface."""

    @property
    def site(self) -> SlurmSite:
        """The cluster."""
        assert self.settings.site.slurm is not None
        return self.settings.site.slurm

    def request(self, lease: Lease) -> JobRequest:
        """The job of a lease: as many cores, as much memory and as long as its seat. Raises SlurmRefused."""
        profile, gres = self._profile(lease), self.settings.gpu_classes[lease.gpu_class].gres
        try:
            home = pwd.getpwnam(lease.user).pw_dir
        except KeyError:
            raise SlurmRefused(f"This machine has no account called {lease.user}.") from None
        return JobRequest(
            name=KERNEL,
            folder=home,
            cpus=profile.cores,
            memory=int(profile.memory),
            seconds=profile.life + GRACE_S,
            gres=f"{gres}:{lease.count}",
            account=account_of_groups(self.site, lease.groups),
            partition=self.site.partition,
            qos=self.site.qos,
            comment=lease.id,
        )

    def script(self, lease: Lease) -> str:
        """What the job runs. Raises SlurmRefused."""
        prefix = self.settings.prefix_of(self._profile(lease))
        job = {
            "lease": lease.id,
            "token": self.tokens.of(lease.id),
            "api": self.api,
            "log": f".local/state/werkbank/kernel-{lease.id}.log",
        }
        return script_of(f"{prefix}/bin/python", MODULE, job)

    def _profile(self, lease: Lease) -> Profile:
        try:
            return self.settings.profile_of_seat(lease.profile)
        except (KeyError, LeaseRefused):
            raise SlurmRefused(f"The profile {lease.profile} is no longer there.") from None
