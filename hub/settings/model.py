"""All an admin can set, as one frozen tree. Every key is documented here and in werkbank.yaml."""

import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr

from hub.settings.types import (
    AbsoluteFolder,
    CdiName,
    Duration,
    Gres,
    GroupName,
    HostName,
    ImageName,
    Litres,
    Memory,
    Name,
    Number,
    SlurmName,
    Source,
    UserName,
    VariableName,
)


class Section(BaseModel):
    """A part of the settings: unknown keys are refused and nothing changes after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Words(Section):
    """A text people read, in both languages."""

    en: str = Field(min_length=1, max_length=200)
    """English text."""
    nl: str = Field(min_length=1, max_length=200)
    """Dutch text."""

    def in_language(self, language: str) -> str:
        """The text in `language`, English for any language we do not speak."""
        return self.nl if language == "nl" else self.en


class Confinement(Section):
    """What seats, kernels and Dask workers cannot do, besides what their account cannot do anyway."""

    private_folders: Literal["auto", "off"] = "auto"
    """`auto`: with system accounts, each seat has a /tmp, /var/tmp and /dev/shm of its own (mount, IPC and UTS
    namespaces), and so have a user's Dask workers; they are emptied when it ends. `off`: they share the machine's."""
    files: Literal["auto", "off"] = "auto"
    """`auto`: with system accounts, where the kernel has Landlock: write at home, in temporary folders and in
    `writable`; read everything but what lies beside the home. `off`: what the modes of files allow."""
    readable: tuple[AbsoluteFolder, ...] = ()
    """Folders that may be read although they lie beside the homes."""
    writable: tuple[AbsoluteFolder, ...] = ()
    """Folders besides the home in which people may write, such as /scratch."""
    new_privileges: bool = True
    """`false`: programs such as sudo and ping give nobody their rights."""
    system_calls: Literal["all", "filtered"] = "all"
    """`filtered`: without those that only administer a machine or are known for holes (and without new privileges).
    People can then make no containers of their own."""


class Factor(Section):
    """A figure of the site, with where it comes from."""

    year: int = Field(ge=1990, le=2100)
    """The year that the value is of."""
    source: Source
    """Where the value comes from; people read it as it is written here."""


class Pue(Factor):
    """Power usage effectiveness."""

    value: Number = Field(ge=1, le=10)
    """Energy of the whole facility over that of its IT equipment."""


class Co2e(Factor):
    """What a kilowatt-hour emits."""

    value: Number = Field(ge=0, le=5000)
    """Grams of CO2 equivalent per kWh."""
    method: Literal["location", "market"]
    """`location`: of the grid that the site is on. `market`: of the electricity that the site buys."""


class Water(Factor):
    """Water usage effectiveness."""

    value: Litres = Field(gt=0, le=100)
    """Litres per kWh of IT equipment."""


class FootprintFactors(Section):
    """From energy to what it costs the world. There are no defaults: what is left out is "not reported"."""

    pue: Pue | None = None
    """How much more energy the facility takes than its IT equipment (PUE)."""
    co2e: Co2e | None = None
    """Emissions per kWh."""
    water: Water | None = None
    """Water per kWh (WUE)."""


class SlurmSite(Section):
    """How seats run as jobs of a Slurm cluster."""

    address: HostName
    """The name or address by which the cluster's nodes reach this machine."""
    partition: SlurmName | None = None
    """Where jobs run; left out, Slurm's default partition."""
    qos: SlurmName | None = None
    """The quality of service of jobs; left out, the default of the account."""
    accounts: dict[Name, SlurmName] = {}
    """Slurm accounts by programme: jobs of its members are counted there; others go to their user's default."""
    poll_period: Duration = Field(default="5s", validate_default=True)
    """How often Slurm is asked about jobs: one question for all of them."""
    usage_period: Duration = Field(default="1m", validate_default=True)
    """How often Slurm's accounting is asked what jobs used."""
    reservations: bool = True
    """Whether Slurm keeps nodes for workshops; Werkbank must run as one of Slurm's operators for that."""
    patience: Duration = Field(default="10m", validate_default=True)
    """How long a seat may wait for its turn before its start is given up."""


class ContainersSite(Section):
    """How seats run as containers on this machine."""

    socket: AbsoluteFolder
    """The socket of the engine, Podman or Docker."""
    image: ImageName = "localhost/werkbank/lab"
    """What seats run, where their profile names no image; the engine must have it already."""
    network: Literal["outside", "none"] = "outside"
    """`outside`: each user has a network of their own, with a way out to the internet and none to this machine.
    `none`: seats reach the workbench and nothing else."""
    gpus: Literal["advisory", "cdi"] = "advisory"
    """`cdi`: the engine gives a seat the devices of its profile's GPU classes (their `cdi`), and no others.
    `advisory`: the engine is told of no devices; kernels are told theirs, and nothing holds them to it."""
    patience: Duration = Field(default="1m", validate_default=True)
    """How long a seat may take to start before its start is given up."""


class Site(Section):
    """Where seats and kernels run."""

    kind: Literal["local", "containers", "slurm"] = "local"
    """How seats run. `local`: processes on this machine. `containers`: containers on this machine. `slurm`: jobs of a
    Slurm cluster."""
    containers: ContainersSite | None = None
    """The engine, with `kind: containers`."""
    slurm: SlurmSite | None = None
    """The cluster, with `kind: slurm`."""
    title: Words = Words(en="Werkbank", nl="Werkbank")
    """What the pages call this facility."""
    seats_run_as: Literal["same-user", "system-accounts"] = "same-user"
    """`same-user`: every seat runs as the user who started Werkbank (for one person or a demo).
    `system-accounts`: each seat runs as the system account of its user; Werkbank must run as root."""
    limits: Literal["auto", "off"] = "auto"
    """`auto`: enforce a profile's CPU and memory with cgroups where this machine allows it. `off`: never."""
    confinement: Confinement = Confinement()
    """What seats cannot do."""
    warm: bool = True
    """Keep a warm process for each environment, from which seats, kernels and Dask workers are forked."""
    node: Literal["up", "service"] = "up"
    """Who keeps the warm processes. `up`: they come and go with it. `service`: `werkbank node`, run by systemd."""
    memory_overcommit: float = Field(default=2.0, ge=1.0, le=20.0)
    """Seats are refused once the memory promised to seats exceeds this many times the machine's memory."""
    simulate_gpus: int = Field(default=0, ge=0, le=1024)
    """How many simulated devices to show on a machine without GPUs."""
    footprint: FootprintFactors = FootprintFactors()
    """What the energy of GPUs is multiplied by; each figure with its year and source."""


class Server(Section):
    """How the workbench is reached."""

    address: str = Field(default="127.0.0.1", min_length=1, max_length=255)
    """Address to listen on."""
    port: int = Field(default=8000, ge=0, le=65535)
    """Port to listen on; 0 takes any free one."""
    database: str = Field(default="sqlite", min_length=1, max_length=1000)
    """`sqlite` keeps databases in the state directory; otherwise an SQLAlchemy URL for the hub."""


class DemoAuthentication(Section):
    """Demo users who share one password that is new at every first start."""

    kind: Literal["demo"]
    """One shared password, for trying things out on 127.0.0.1."""
    users: dict[UserName, tuple[GroupName, ...]] = {
        "scientist": ("ained",),
        "trainer": ("health-ri", "trainers"),
        "admin": ("admins",),
    }
    """Demo users and the groups they are in."""


class PamAuthentication(Section):
    """System accounts, through PAM."""

    kind: Literal["pam"]
    """Sign in with a system account; its Unix groups are the user's groups."""
    allowed_groups: tuple[GroupName, ...] = ()
    """Only members of these Unix groups may sign in; empty means every account."""


class OidcAuthentication(Section):
    """An OpenID Connect provider (SRAM, SURFconext, Keycloak …)."""

    kind: Literal["oidc"]
    """Sign in at an OpenID Connect provider."""
    issuer: HttpUrl
    """The provider's issuer; its endpoints are discovered from `/.well-known/openid-configuration`."""
    client_id: str = Field(min_length=1, max_length=255)
    """The client the provider knows this workbench by."""
    client_secret: SecretStr
    """The client's secret; `env:NAME` reads it from the environment."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """Scopes to ask for; `openid` must be among them."""
    username_claim: str = Field(default="preferred_username", min_length=1)
    """The claim that names the user."""
    groups_claim: str = Field(default="groups", min_length=1)
    """The claim that lists the user's groups."""
    group_map: dict[str, GroupName] = {}
    """The provider's group names (as in the claim) to the names used here; others keep their own name."""
    allowed_groups: tuple[GroupName, ...] = ()
    """Only members of these groups may sign in; empty means everyone the provider lets through."""
    title: Words = Words(en="your institution", nl="je instelling")
    """What the sign-in button calls the provider."""


Authentication = Annotated[DemoAuthentication | PamAuthentication | OidcAuthentication, Field(discriminator="kind")]


class Environment(Section):
    """A Python environment that seats, kernels and Dask workers run in."""

    title: Words = Words(en="Standard", nl="Standaard")
    """What people see."""
    prefix: Path | None = None
    """Its folder (the one that holds `bin/python`); left out, the workbench's own."""
    variables: dict[VariableName, str] = {}
    """Environment variables for its seats, kernels and Dask workers, such as `LD_LIBRARY_PATH`; not those that
    begin with JUPYTER, WERKBANK_ or DASK_GATEWAY."""


class GpuClass(Section):
    """A kind of accelerator that a lease can ask for."""

    title: Words
    """What people see."""
    memory: Memory
    """Device memory."""
    simulated: bool = False
    """True for devices that exist only on paper; every page says so."""
    model: str = Field(default="", max_length=100)
    """Devices whose model, as the driver calls it, contains this text belong to the class."""
    mig: str = Field(default="", max_length=30)
    """Only MIG slices of this profile, such as `1g.18gb`; left out, only whole GPUs."""
    gres: Gres | None = None
    """What jobs ask Slurm for, with `site.kind: slurm`: `gpu:h200`."""
    cdi: tuple[CdiName, ...] = ()
    """What containers are given for it, with `site.containers.gpus: cdi`: `nvidia.com/gpu=0`."""
    uuids: tuple[str, ...] = ()
    """Devices by UUID (`GPU-…`, `MIG-…`), besides those of `model`."""


class DaskLimits(Section):
    """What one user's Dask clusters may have together; a cluster's options are bounded by it."""

    workers: int = Field(default=4, ge=0, le=10_000)
    """Workers of all clusters; 0 means no Dask."""
    worker_cores: int = Field(default=1, ge=1, le=256)
    """Cores of one worker, at most."""
    worker_memory: Memory = Field(default="1GiB", validate_default=True)
    """Memory of one worker, at most."""
    clusters: int = Field(default=2, ge=1, le=100)
    """Clusters at once."""
    requeue: bool = False
    """Slurm may begin workers of a lost node again."""


class Profile(Section):
    """What a user picks when starting a seat."""

    name: Name
    """Short name, used in addresses and logs."""
    title: Words
    """What people see."""
    description: Words
    """One sentence: who is it for, what does it fit?"""
    environment: Name = "default"
    """One of `environments`."""
    image: ImageName | None = None
    """What its seats run as containers; left out, `site.containers.image`."""
    cpu: float = Field(gt=0, le=1024)
    """Cores a seat may use."""
    memory: Memory
    """Memory a seat may use."""
    processes: int = Field(default=4096, ge=64, le=1_000_000)
    """Processes and threads of a seat and its kernels."""
    gpu_classes: tuple[Name, ...] = ()
    """GPU classes that this seat's kernels may lease; each one of `gpu_classes`."""
    dask: DaskLimits = DaskLimits()
    """What one user's Dask clusters may have together."""
    idle_timeout: Duration = Field(default="1h", validate_default=True)
    """A seat without activity for this long is stopped (a running cell is activity)."""
    life: Duration = Field(default="12h", validate_default=True)
    """A seat is stopped this long after it started, active or not."""
    start: Literal["fork", "exec"] = "fork"
    """`fork`: from a warm process, in a fraction of a second, sharing its memory.
    `exec`: as a new process with an address space of its own, in seconds."""
    groups: tuple[GroupName, ...] = ()
    """Only members of these groups may use it; empty means everyone."""

    @property
    def cores(self) -> int:
        """Cores that a job of it asks for: whole ones."""
        return max(1, math.ceil(self.cpu))


class Quota(Section):
    """What a programme may use."""

    gpu_hours_per_week: float | None = Field(default=None, ge=0)
    """GPU-hours held per week, which begins on Monday 00:00 UTC; left out, no bound."""
    soft_gpu_hours_per_week: float | None = Field(default=None, ge=0)
    """GPU-hours per week from which its members are told; nobody waits. At most `gpu_hours_per_week`."""
    gpus: int | None = Field(default=None, ge=0, le=100_000)
    """Devices held at once; left out, no bound."""


class Programme(Section):
    """Who the use is counted for; a JupyterHub group of the same name."""

    name: Name
    """Short name, also the group's."""
    title: Words
    """What people see."""
    members: tuple[UserName, ...] = ()
    """Users who are members besides those whom sign-in puts in the group."""
    leads: tuple[UserName, ...] = ()
    """Users who lead it: they see what its members use."""
    share: int = Field(default=1, ge=1, le=1_000_000)
    """Weight in fair share, relative to the other programmes'."""
    quota: Quota = Quota()
    """Bounds on use."""


class Gateway(Section):
    """Dask Gateway: clusters that a seat scales out to."""

    enabled: bool = True
    """False leaves Dask Gateway out."""
    idle_timeout: Duration = Field(default="30m", validate_default=True)
    """A cluster without work for this long is stopped."""
    seat_check_period: Duration = Field(default="5s", validate_default=True)
    """How often the gateway looks whether a cluster's seat is still there."""


class Culling(Section):
    """Stopping seats that nobody uses."""

    check_period: Duration = Field(default="1m", validate_default=True)
    """How often idle seats are looked for; at most half the shortest `idle_timeout`."""
    warn_before: Duration = Field(default="10m", validate_default=True)
    """How long before stopping a seat its user is warned."""
    keep_for: Duration = Field(default="2h", validate_default=True)
    """How much longer "keep" holds an idle seat; never past the profile's `life`."""
    keeps: int = Field(default=2, ge=0, le=100)
    """How many times a user may keep one seat."""


class Leases(Section):
    """Who gets a GPU, for how long, and when an idle kernel makes room."""

    database: str = Field(default="sqlite", min_length=1, max_length=1000)
    """`sqlite` keeps it in the state directory; otherwise an SQLAlchemy URL (`postgresql+psycopg://…`)."""
    isolation: Literal["enforced", "advisory", "none"] = "advisory"
    """`enforced`: as `advisory`, and the kernel of this machine lets seats and workers open only the GPUs that their
    user leases; needs `site.seats_run_as: system-accounts`.
    `advisory`: kernels are told their device, and processes that use one without a lease are warned, then ended.
    `none`: kernels are told their device; nothing is watched."""
    intruder_grace: Duration = Field(default="5m", validate_default=True)
    """How long a process may use a device without a lease before it is ended (not with `isolation: none`)."""
    keep_records: Duration = Field(default="90d", validate_default=True)
    """How long the steps of ended leases are kept, for looking up what happened; what was used is kept on."""
    devices_per_user: int = Field(default=2, ge=1, le=1024)
    """Devices that one user's kernels and Dask workers may have at once."""
    waiting_per_user: int = Field(default=8, ge=1, le=1000)
    """Leases that one user may wait for at once."""
    parking: bool = True
    """Park idle kernels when somebody waits, where driver and device allow it."""
    migration: bool = False
    """A parked kernel may come back on another device of its class: needs driver 580 or newer and several equal
    GPUs, and is not proven on every driver; left off, it returns to the device it came from."""
    min_idle: Duration = Field(default="5m", validate_default=True)
    """A kernel is idle this long before it may be asked to make room."""
    min_idle_crowded: Duration = Field(default="1m", validate_default=True)
    """The same while more wait than there are devices; at most `min_idle`."""
    min_hold: Duration = Field(default="10m", validate_default=True)
    """A kernel keeps a device at least this long after it got it."""
    patience: Duration = Field(default="10s", validate_default=True)
    """Once somebody has waited this long, a kernel idle for `min_idle_crowded` makes room, however short it had it."""
    notice: Duration = Field(default="15s", validate_default=True)
    """How long before parking its user is told, when a browser is connected."""
    farewell: Duration = Field(default="5m", validate_default=True)
    """The same before a lease that cannot be parked ends, and with it what is in its kernel."""
    unheard_life: Duration = Field(default="15m", validate_default=True)
    """On a cluster: a kernel's job whose seat is not heard for this long is ended."""
    keep_for: Duration = Field(default="30m", validate_default=True)
    """How long "keep" holds an idle kernel's device."""
    keeps: int = Field(default=1, ge=0, le=100)
    """How many times it can be kept between two cells."""
    park_again_after: Duration = Field(default="15m", validate_default=True)
    """A kernel that came back is not parked again before this."""
    parked_life: Duration = Field(default="1d", validate_default=True)
    """A parked kernel whose user does not come back for this long loses its device state."""
    idle_life: Duration = Field(default="8h", validate_default=True)
    """A lease that cannot be parked ends after being idle for this long while somebody waits."""
    offer_timeout: Duration = Field(default="1m", validate_default=True)
    """A kernel has this long to take the device it is offered."""
    heartbeat_period: Duration = Field(default="10s", validate_default=True)
    """How often a seat says that its kernels live."""
    clean_timeout: Duration = Field(default="30s", validate_default=True)
    """A device that was given back and is not seen clean for this long is quarantined."""
    ageing_bound: Duration = Field(default="4h", validate_default=True)
    """Nobody waits longer than this behind others of the same rank."""
    user_half_life: Duration = Field(default="1d", validate_default=True)
    """A user's past use counts half after this long."""
    programme_half_life: Duration = Field(default="7d", validate_default=True)
    """A programme's past use counts half after this long."""
    host_reserve: Memory = Field(default="4GiB", validate_default=True)
    """Memory of the machine that parked kernels leave free."""
    host_budget: Memory | None = None
    """Memory that parked kernels may take together; left out, as much as the machine has to spare."""


class WorkshopTimes(Section):
    """What happens to workshops by itself."""

    warm_before: Duration = Field(default="15m", validate_default=True)
    """How long before its start a workshop opens: seats are started, and people come in."""


class Settings(Section):
    """The whole of werkbank.yaml."""

    site: Site = Site()
    """Where seats and kernels run."""
    server: Server = Server()
    """How the workbench is reached."""
    authentication: Authentication = DemoAuthentication(kind="demo")
    """Who may sign in and how: one of `demo`, `pam`, `oidc`."""
    admin_groups: tuple[GroupName, ...] = ("admins",)
    """Members of these groups are admins."""
    trainer_groups: tuple[GroupName, ...] = ("trainers",)
    """Members of these groups may give workshops."""
    environments: dict[Name, Environment] = {"default": Environment()}
    """Python environments by short name."""
    gpu_classes: dict[Name, GpuClass] = {}
    """GPU classes by short name."""
    profiles: tuple[Profile, ...]
    """What users can pick, in the order they see it; the first they may use is the default."""
    programmes: tuple[Programme, ...] = ()
    """Programmes that use is counted for."""
    gateway: Gateway = Gateway()
    """Dask Gateway."""
    leases: Leases = Leases()
    """GPU leases."""
    culling: Culling = Culling()
    """Stopping idle seats."""
    workshops: WorkshopTimes = WorkshopTimes()
    """Workshops."""

    _retired: tuple[Profile, ...] = ()

    @property
    def retired(self) -> tuple[Profile, ...]:
        """Profiles that are gone while seats may still run them."""
        return self._retired

    def with_retired(self, profiles: Iterable[Profile]) -> "Settings":
        """These settings, remembering profiles that are no longer among them."""
        copy = self.model_copy()
        copy._retired = tuple(profiles)
        return copy

    def profile(self, name: str) -> Profile:
        """The profile called `name`; KeyError when there is none."""
        return {profile.name: profile for profile in self.profiles}[name]

    def profile_of_seat(self, name: str) -> Profile:
        """The profile that a running seat was started with, also where nobody can pick it any more; else KeyError."""
        return {profile.name: profile for profile in (*self._retired, *self.profiles)}[name]

    def profiles_for(self, groups: Iterable[str]) -> tuple[Profile, ...]:
        """The profiles that a member of `groups` may use, in order."""
        mine = set(groups)
        return tuple(p for p in self.profiles if not p.groups or mine & set(p.groups))

    def lets_train(self, groups: Iterable[str]) -> bool:
        """Whether a member of `groups` may give workshops."""
        return not set(self.trainer_groups).isdisjoint(groups)

    def python_of(self, environment: str) -> Path:
        """The interpreter of an environment."""
        return (self.environments[environment].prefix or Path(sys.prefix)) / "bin" / "python"

    def prefix_of(self, profile: Profile) -> Path:
        """The Python environment that a profile's seats, kernels and Dask workers run in."""
        return self.environments[profile.environment].prefix or Path(sys.prefix)

    def group_titles(self, groups: Iterable[str], language: str) -> list[str]:
        """Groups as people call them: a programme's by its title, others by their name."""
        titles = {programme.name: programme.title.in_language(language) for programme in self.programmes}
        return [titles.get(group, group) for group in groups]
