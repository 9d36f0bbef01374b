"""Every error Werkbank raises on purpose. The docstring is the default sentence: what happened, what to do.

WerkbankError
├── SettingsError        the settings file cannot be used
├── StateError           the state directory is in use or unreadable
├── DatabaseTooNew       a newer Werkbank wrote the database
├── BackupError          an archive cannot be made or cannot be used
├── StartError           something did not start; nothing is left half-started
│   └── PortTaken
├── HubDied              the hub ended while it ran; seats run on
├── BrokerError          the broker cannot go on
│   ├── BrokerBusy
│   ├── BrokerReplaced
│   └── DoubleGrant
├── SlurmError           Slurm did not do it (hub.slurm.commands)
│   ├── SlurmSilent
│   └── SlurmRefused
│       └── NotAllowed
├── EngineError          the container engine did not do it (hub.containers.engine)
│   ├── EngineSilent
│   ├── EngineClosed
│   └── EngineRefused
│       ├── NotThere
│       ├── NameTaken
│       └── DiskFull
├── ImagesError          an image cannot be built, or looked into (hub.images.program)
├── LeaseRefused         the broker cannot do that with a lease; nothing was changed
└── Refusal              a person asked for what they may not have
"""


class WerkbankError(Exception):
    """Werkbank stopped before doing anything."""

    exit_code = 2

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class SettingsError(WerkbankError):
    """The settings cannot be used; nothing was changed."""


class StateError(WerkbankError):
    """The state directory cannot be used; nothing was changed."""


class DatabaseTooNew(WerkbankError):
    """A newer Werkbank wrote the database; nothing was changed."""


class BackupError(WerkbankError):
    """The backup cannot be made or used; nothing was changed."""


class StartError(WerkbankError):
    """The workbench did not start; everything that had started was stopped again."""


class PortTaken(StartError):
    """The port is taken; choose another with --port."""


class HubDied(WerkbankError):
    """The hub ended by itself. Seats run on; `./werkbank up` finds them again."""

    exit_code = 1


class Refusal(WerkbankError):
    """That is not allowed for you; nothing was started."""

    def __init__(self, message: str, *, reason: str, status_code: int = 400) -> None:
        super().__init__(message)
        self.reason = reason
        self.status_code = status_code


class BrokerError(WerkbankError):
    """The broker of GPU leases cannot go on; running kernels keep their devices."""

    exit_code = 1


class BrokerBusy(BrokerError):
    """Another broker of GPU leases runs on this database; this one did not start."""


class BrokerReplaced(BrokerError):
    """Another broker writes to this database; this one stops without writing."""


class DoubleGrant(BrokerError):
    """A device would have got a second live lease; nothing was written."""


class LeaseRefused(WerkbankError):
    """The broker cannot do that; nothing was changed. The code says why."""

    def __init__(self, code: str, **facts: str) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
        """What the sentence for the code speaks of."""
