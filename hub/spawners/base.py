"""What every site's spawner shares: profiles, the spawn form, the seat's environment, progress in words."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.spawner import SpawnException
from traitlets import Any as AnyTrait
from traitlets.config import LoggingConfigurable

from hub.cgroups.groups import Enforcement
from hub.errors import Refusal
from hub.logs import get_logger
from hub.pages import render
from hub.settings import Current, Profile, Settings
from hub.spawners.capacity import Capacity, ClusterCapacity
from hub.spawners.doors import profiles_of
from hub.spawners.options import admit, read_form
from hub.state import StateDirectory
from hub.words import COOKIE, Translate, choose_language, translator
from hub.workshops.admission import Admission

log = get_logger("spawner")


class SeatSpawner(LoggingConfigurable):  # type: ignore[misc]
    """What makes a spawner follow the profiles of werkbank.yaml; mixed into one that starts processes.

    Nothing that a profile decides is kept on the spawner between starts: each start derives all of
    it anew from the request, so that one start can never leak into the next.
    """

    current: Current = AnyTrait(help="The settings, followed.").tag(config=True)
    state: StateDirectory = AnyTrait(help="The state directory.").tag(config=True)
    admission: Admission = AnyTrait(help="What workshops that are on open for whom.").tag(config=True)

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.current.settings

    # --- language ---------------------------------------------------------------------------

    @property
    def language(self) -> str:
        """The language of the person who made the request being served, or the last one that was."""
        # JupyterHub takes the request away before the seat answers, while its start still has things to say.
        if (handler := getattr(self, "handler", None)) is not None:
            header = handler.request.headers.get("Accept-Language")
            self._language = choose_language(handler.get_cookie(COOKIE), header)
        return self._language

    _language = "en"

    @property
    def translate(self) -> Translate:
        return translator(self.language)

    # --- profiles ---------------------------------------------------------------------------

    @property
    def groups(self) -> set[str]:
        """Names of the groups the seat's user is in."""
        return {group.name for group in self.user.groups}

    @property
    def profiles(self) -> list[Profile]:
        """Those that the seat's user may have now: their groups', and those of workshops that are on."""
        name = self.user.name
        return profiles_of(name, self.groups, self.admission.of(name), self.settings)

    def requested_profile(self) -> Profile:
        """The profile of this start's options. Raises SpawnException with a sentence for the user."""
        try:
            return admit(self.user_options, self.settings, self.profiles, self.translate, self.language)
        except Refusal as refusal:
            raise self._refused(refusal) from None

    def current_profile(self) -> Profile | None:
        """The profile of the running seat; None when nobody remembers it."""
        name = self.user_options.get("profile") if self.user_options else None
        try:
            return self.settings.profile_of_seat(name) if isinstance(name, str) else None
        except KeyError:
            return None

    def options_from_form(self, form_data: dict[str, list[str]]) -> dict[str, Any]:
        """JupyterHub calls this with the posted form; what it returns are the user options."""
        options = read_form(form_data)
        try:
            profile = admit(options, self.settings, self.profiles, self.translate, self.language)
            if not options:
                raise Refusal(self.translate("Pick a profile first; nothing was started."), reason="bad-request")
        except Refusal as refusal:
            raise self._refused(refusal) from None
        return {"profile": profile.name, "language": self.language}

    def options_from_query(self, query_options: dict[str, list[str]]) -> dict[str, Any]:
        """A link such as `…/spawn?opt-profile=small` starts that profile: the same door as the form."""
        return self.options_from_form(query_options)

    def _refused(self, refusal: Refusal) -> SpawnException:
        log.info("seat.refused", user=self.user.name, server=self.name, reason=refusal.reason)
        return SpawnException(str(refusal), reason=refusal.reason, status_code=refusal.status_code)

    # --- what is free -----------------------------------------------------------------------

    def capacity(self) -> Capacity | ClusterCapacity:
        """What is free where this site's seats run."""
        raise NotImplementedError

    def _other_profiles(self) -> Iterable[Profile]:
        for user in JupyterHub.instance().users.values():
            for spawner in user.spawners.values():
                other = spawner.active and spawner is not self and isinstance(spawner, SeatSpawner)
                if other and (profile := spawner.current_profile()):
                    yield profile

    # --- the form ---------------------------------------------------------------------------

    def limits_enforcement(self) -> Enforcement:
        """Whether this site holds seats to their limits."""
        return Enforcement(False, "this site does not say")

    async def get_options_form(self) -> str:
        """The profile cards of the spawn page."""
        language = self.language
        return render(
            "profile_cards.html",
            language,
            profiles=self.settings.profiles,
            mine=self.profiles,
            environments=self.settings.environments,
            gpu_classes=self.settings.gpu_classes,
            simulated_gpus=self.settings.site.simulate_gpus,
            capacity=self.capacity(),
            enforcement=self.limits_enforcement(),
            chosen=self._chosen(),
            groups_of=self._groups_of,
            last_end=self.last_end(),
            expectations=self.expectations(),
        )

    def expectations(self) -> dict[str, str]:
        """By profile, a sentence about when a seat of it could begin, where one would have to wait."""
        return {}

    def last_end(self) -> str:
        """How the last seat ended, where its user should know."""
        return ""

    def _chosen(self) -> str | None:
        """The card to preselect: the last choice if it may still be had, else the first with room."""
        capacity = self.capacity()
        mine = [p.name for p in self.profiles if capacity.is_a_line or capacity.seats_left(p)]
        last = (self.user_options or {}).get("profile")
        return last if last in mine else (mine[0] if mine else None)

    def _groups_of(self, profile: Profile) -> list[str]:
        """The groups a profile is for, as people call them."""
        return self.settings.group_titles(profile.groups, self.language)

    # --- the environment ----------------------------------------------------------------------

    def seat_environment(self, profile: Profile) -> dict[str, str]:
        """Variables a seat gets beside JupyterHub's own."""
        env = self.settings.environments[profile.environment].variables | {
            "WERKBANK_PROFILE": profile.name,
            "WERKBANK_LANGUAGE": self.user_options["language"],
            "CPU_LIMIT": f"{profile.cpu:g}",
            "MEM_LIMIT": str(int(profile.memory)),
            # Numeric libraries start a thread per core of the machine unless told the seat's share.
            "OMP_NUM_THREADS": str(max(1, int(profile.cpu))),
        }
        env |= self._lease_environment(profile)
        return env | (self._gateway_environment(profile) if self.settings.gateway.enabled else {})

    def _lease_environment(self, profile: Profile) -> dict[str, str]:
        """Where kernels ask for GPUs, and which kinds there are. Without a lease they see none."""
        service = f"{JupyterHub.instance().base_url}services/werkbank"
        declared = ((name, self.settings.gpu_classes[name]) for name in profile.gpu_classes)
        # Without simulated devices their class is empty: a kernel of it could only be refused.
        classes = [(name, c) for name, c in declared if not c.simulated or c.gres or self.settings.site.simulate_gpus]
        are_jobs = {"WERKBANK_KERNELS_ARE_JOBS": "1"} if self.settings.site.slurm is not None else {}
        language = self.user_options["language"]
        described = [
            {
                "name": name,
                "title": gpu_class.title.in_language(language),
                "simulated": gpu_class.simulated,
                "memory": int(gpu_class.memory),
            }
            for name, gpu_class in classes
        ]
        return {
            "WERKBANK_API": f"http://{self._own_address}:{self.state.ports().service}{service}/api/v1",
            "WERKBANK_GPU_CLASSES": json.dumps(described),
            **are_jobs,
            "CUDA_VISIBLE_DEVICES": "",
            "NVIDIA_VISIBLE_DEVICES": "void",
        }

    @property
    def _own_address(self) -> str:
        """Where seats reach this machine."""
        slurm = self.settings.site.slurm
        return slurm.address if slurm is not None else "127.0.0.1"

    def _gateway_environment(self, profile: Profile) -> dict[str, str]:
        """So that `Gateway()` and the Dask panel need no arguments, and JupyterLab knows what may be asked for."""
        ports = self.state.ports()
        path = f"{JupyterHub.instance().base_url}services/dask-gateway"
        there = "" if self.settings.site.slurm is None else f"{self._own_address}:"
        return {
            "DASK_GATEWAY__ADDRESS": f"http://{self._own_address}:{ports.gateway}{path}",
            "DASK_GATEWAY__PROXY_ADDRESS": f"gateway://{self._own_address}:{ports.gateway_tcp}",
            # Through the seat: the Dask panel knows such addresses, and only the seat's user gets in.
            "DASK_GATEWAY__PUBLIC_ADDRESS": f"{self.server.base_url}proxy/{there}{ports.gateway}{path}",
            "DASK_GATEWAY__AUTH__TYPE": "jupyterhub",
            "WERKBANK_DASK_CLUSTERS": str(profile.dask.clusters),
            "WERKBANK_DASK_WORKERS": str(profile.dask.workers),
            "DASK_LABEXTENSION__FACTORY__MODULE": "dask_gateway",
            "DASK_LABEXTENSION__FACTORY__CLASS": "GatewayCluster",
        }

    # --- progress -----------------------------------------------------------------------------

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What happens while a seat starts, for the progress page."""
        _ = self.translate
        profile = self.current_profile()
        if profile is not None:
            promise = _("Setting aside your share: CPU {cpu}, memory {memory} GiB.")
            yield {
                "progress": 20,
                "message": promise.format(cpu=f"{profile.cpu:g}", memory=f"{profile.memory / 2**30:g}"),
            }
        yield {"progress": 40, "message": _("Laying out your home folder and the lessons.")}
        yield {"progress": 60, "message": _("Starting JupyterLab; this takes a few seconds.")}
