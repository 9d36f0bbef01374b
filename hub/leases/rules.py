"""Settings → the rules that decisions follow."""

from collections.abc import Sequence

from hub.leases.allowances import Allowance, devices_with, hours_with, of_users
from hub.leases.model import Rules
from hub.settings import Settings


def rules_of(settings: Settings, allowances: Sequence[Allowance] = ()) -> Rules:
    """The timers and bounds of these settings, and on top of them what admins allow for a while."""
    leases, programmes = settings.leases, settings.programmes
    hours = {p.name: p.quota.gpu_hours_per_week for p in programmes}
    devices = {p.name: p.quota.gpus for p in programmes}
    return Rules(
        offer_timeout=leases.offer_timeout,
        heartbeat_period=leases.heartbeat_period,
        silent_after=3 * leases.heartbeat_period,
        lost_after=6 * leases.heartbeat_period,
        min_idle=leases.min_idle,
        min_idle_crowded=min(leases.min_idle, leases.min_idle_crowded),
        min_hold=leases.min_hold,
        patience=leases.patience,
        notice=leases.notice,
        keep_for=leases.keep_for,
        keeps=leases.keeps,
        park_again_after=leases.park_again_after,
        clean_timeout=leases.clean_timeout,
        parked_life=leases.parked_life,
        idle_life=leases.idle_life,
        ageing_bound=leases.ageing_bound,
        devices_per_user=leases.devices_per_user,
        user_devices=of_users(allowances, leases.devices_per_user),
        waiting_per_user=leases.waiting_per_user,
        user_half_life=leases.user_half_life,
        programme_half_life=leases.programme_half_life,
        parking=leases.parking and settings.site.slurm is None,
        jobs=settings.site.slurm is not None,
        farewell=leases.farewell,
        unheard_life=leases.unheard_life,
        migration=leases.migration,
        shares={p.name: float(p.share) for p in programmes},
        programme_devices=devices_with(allowances, devices),
        programme_hours=hours_with(allowances, hours),
    )
