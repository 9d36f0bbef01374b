"""What the head of every page needs: who reads it, and where its links lead."""

from dataclasses import dataclass

from hub import __version__


@dataclass(frozen=True)
class Face:
    """The same for the hub's pages and the service's, so that both show one workbench."""

    base_url: str
    """Where the workbench begins: `/`, or `/some/prefix/`."""
    who: str | None
    """The signed-in person; None for nobody, "" where the page cannot know."""
    admin: bool = False
    trainer: bool = False
    """Whether they may give workshops."""

    @property
    def seats(self) -> str:
        return f"{self.base_url}hub/home"

    @property
    def service(self) -> str:
        return f"{self.base_url}services/werkbank/"

    @property
    def gpus(self) -> str:
        return f"{self.service}gpus"

    @property
    def use(self) -> str:
        return f"{self.service}use"

    @property
    def workshops(self) -> str:
        return f"{self.service}workshops"

    @property
    def admin_page(self) -> str:
        return f"{self.service}admin"

    @property
    def people(self) -> str:
        """The hub's own page of users and their seats."""
        return f"{self.base_url}hub/admin"

    @property
    def tokens(self) -> str:
        return f"{self.base_url}hub/token"

    @property
    def version(self) -> str:
        return __version__

    @property
    def sign_in(self) -> str:
        return f"{self.base_url}hub/login"

    @property
    def sign_out(self) -> str:
        return f"{self.base_url}hub/logout"

    def language(self, language: str) -> str:
        """Where a reader chooses `language` and comes back."""
        return f"{self.service}language/{language}"

    def here(self, path: str) -> str:
        """Which of the links leads to `path`: "seats", "service", "gpus", "use", "workshops", "admin" or none."""
        own_parts = {"gpus": self.gpus, "use": self.use, "workshops": self.workshops, "admin": self.admin_page}
        for name, link in own_parts.items():
            if path == link or path.startswith(f"{link}/"):
                return name
        if path.startswith(f"{self.service}programmes/"):
            return "admin" if self.admin else "use"
        if path.startswith(self.service):
            return "service"
        if path.startswith(self.people):
            return "admin"
        own = ("home", "spawn", "user")
        return "seats" if path.startswith(tuple(f"{self.base_url}hub/{page}" for page in own)) else ""
