"""What a person asks for when starting a seat, and whether they may have it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.errors import Refusal
from hub.settings import Profile, Settings
from hub.words import Translate


class SeatRequest(BaseModel):
    """The whole of what a start request may say. Anything else in it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    profile: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    language: Literal["en", "nl"] | None = None
    """The language the seat speaks; left out, the one of the request."""


def read_form(form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The posted fields as user options; each field once, JupyterHub's own left out."""
    fields = {key: values for key, values in form.items() if not key.startswith("_")}
    return {key: values[0] if len(values) == 1 else list(values) for key, values in fields.items()}


def admit(
    options: Mapping[str, Any], settings: Settings, mine: Sequence[Profile], _: Translate, language: str
) -> Profile:
    """The profile that `options` asks for, if it is one of those that the user may have (`mine`).

    No options at all mean the first profile the user may have. Raises Refusal, whose sentence is for
    the user and whose reason is for the metrics.
    """
    if not mine:
        raise Refusal(
            _("None of the profiles here is for your groups. Ask your programme lead to add you."),
            reason="no-profile",
            status_code=403,
        )
    if not options:
        return mine[0]
    request = _parse(options, mine, _)
    try:
        profile = settings.profile(request.profile)
    except KeyError:
        raise _not_a_profile(mine, _) from None
    if profile not in mine:
        raise _for_others(profile, mine, settings, _, language)
    return profile


def _parse(options: Mapping[str, Any], mine: Sequence[Profile], _: Translate) -> SeatRequest:
    if "profile" not in options:
        raise Refusal(_("Pick a profile first; nothing was started."), reason="bad-request")
    try:
        return SeatRequest.model_validate(dict(options))
    except ValidationError as error:
        if any(problem["loc"] == ("profile",) for problem in error.errors()):
            raise _not_a_profile(mine, _) from None
    raise Refusal(_("A start request names a profile and nothing else; nothing was started."), reason="bad-request")


def _not_a_profile(mine: Sequence[Profile], _: Translate) -> Refusal:
    sentence = _("There is no such profile. You can pick {profiles}; nothing was started.")
    return Refusal(sentence.format(profiles=", ".join(p.name for p in mine)), reason="unknown-profile")


def _for_others(profile: Profile, mine: Sequence[Profile], settings: Settings, _: Translate, language: str) -> Refusal:
    sentence = _("The profile {profile} is for members of {groups}. Ask your programme lead, or pick {other}.")
    return Refusal(
        sentence.format(
            profile=profile.title.in_language(language),
            groups=", ".join(settings.group_titles(profile.groups, language)),
            other=mine[0].title.in_language(language),
        ),
        reason="profile-not-allowed",
        status_code=403,
    )
