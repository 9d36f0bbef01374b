"""What sign-in says when it refuses, in both languages.

The table is the only place with these texts. A refusal travels as `SignInRefused` and becomes a
page at one point (`sign_in.SignIn`), where the request and so its language is known.
"""

from dataclasses import dataclass
from typing import Protocol

from tornado import web

from hub.errors import Refusal
from hub.words import COOKIE, choose_language


class InLanguages(Protocol):
    """A text that exists in every language: `settings.Words`, or another refusal."""

    def in_language(self, language: str) -> str: ...


@dataclass(frozen=True)
class _Sentence:
    status: int
    en: str
    nl: str


_SENTENCES = {
    "name-missing": _Sentence(400, "Fill in your user name.", "Vul je gebruikersnaam in."),
    "name-too-long": _Sentence(
        400,
        "A user name has at most {limit} characters; this one has {length}.",
        "Een gebruikersnaam telt hoogstens {limit} tekens; deze telt er {length}.",
    ),
    "name-start": _Sentence(
        400,
        "A user name starts with a letter, a digit or _; this one starts with “{found}”.",
        "Een gebruikersnaam begint met een letter, een cijfer of _; deze begint met “{found}”.",
    ),
    "name-characters": _Sentence(
        400,
        "A user name has only letters, digits and . _ @ + -; this one also has “{found}”.",
        "In een gebruikersnaam staan alleen letters, cijfers en . _ @ + -; in deze staat ook “{found}”.",
    ),
    "name-look-alike": _Sentence(
        400,
        "This user name has “{found}”, which is easily taken for another character.",
        "In deze gebruikersnaam staat “{found}”, dat makkelijk voor een ander teken wordt aangezien.",
    ),
    "claimed-name-missing": _Sentence(
        403,
        "The sign-in at {provider} went well, but it did not say what your user name is (claim “{claim}”). "
        "The admins of this workbench can set which claim to read.",
        "Het aanmelden bij {provider} is gelukt, maar je gebruikersnaam is niet meegestuurd (claim “{claim}”). "
        "De beheerders van deze werkbank kunnen instellen welke claim gelezen wordt.",
    ),
    "claimed-name-unfit": _Sentence(
        403,
        "The user name that came from {provider} cannot be used here. {because} "
        "Ask the admins of this workbench for help.",
        "De gebruikersnaam die van {provider} kwam, is hier niet te gebruiken. {because} "
        "Vraag de beheerders van deze werkbank om hulp.",
    ),
    "claimed-groups-unreadable": _Sentence(
        403,
        "The groups that came from {provider} cannot be read: the claim “{claim}” is not a list of names. "
        "The admins of this workbench can set which claim to read.",
        "De groepen die van {provider} kwamen, zijn niet te lezen: de claim “{claim}” is geen lijst met namen. "
        "De beheerders van deze werkbank kunnen instellen welke claim gelezen wordt.",
    ),
    "name-reserved": _Sentence(
        403,
        "Names that begin with “{found}” are for temporary accounts of workshops.",
        "Namen die met “{found}” beginnen, zijn voor tijdelijke accounts van workshops.",
    ),
    "ticket-used": _Sentence(
        403,
        "This way in was used before, is more than a minute old, or was made for another browser. "
        "Open the link of the workshop again.",
        "Deze toegang is al gebruikt, is ouder dan een minuut of was voor een andere browser. "
        "Open de link van de workshop opnieuw.",
    ),
    "signed-in-already": _Sentence(
        409,
        "You are signed in as {name}. Join the workshop with that account, or sign out and open the link again.",
        "Je bent aangemeld als {name}. Doe met dat account mee aan de workshop, of meld je af en open de link opnieuw.",
    ),
    "workshop-over": _Sentence(
        403,
        "This temporary account was for a workshop that is over.",
        "Dit tijdelijke account was voor een workshop die voorbij is.",
    ),
    "not-allowed": _Sentence(
        403,
        "We know who you are, but this workbench is for members of: {groups}. "
        "Ask whoever leads one of these groups to add you, then sign in again.",
        "We weten wie je bent, maar deze werkbank is voor leden van: {groups}. "
        "Vraag iemand die zo'n groep leidt je toe te voegen en meld je dan opnieuw aan.",
    ),
    "provider-silent": _Sentence(
        503,
        "You cannot sign in now, because {provider} does not answer. Seats that run already go on.",
        "Aanmelden lukt nu niet, want {provider} antwoordt niet. Werkplekken die al draaien, gaan gewoon door.",
    ),
    "provider-refused": _Sentence(
        403,
        "The sign-in at {provider} was not completed; perhaps it took too long or you stopped it. "
        "Start again from the sign-in page.",
        "Het aanmelden bij {provider} is niet afgerond; misschien duurde het te lang of heb je het afgebroken. "
        "Begin opnieuw op de aanmeldpagina.",
    ),
}

REASONS = frozenset(_SENTENCES)


class SignInRefused(Refusal):
    """Signing in is refused for a reason that the person may know; nothing was created."""

    def __init__(self, reason: str, **values: InLanguages | str | int) -> None:
        self._sentence = _SENTENCES[reason]
        self._values = values
        super().__init__(self.in_language("en"), reason=reason, status_code=self._sentence.status)

    def in_language(self, language: str) -> str:
        """The whole sentence in "nl", otherwise in English."""
        text = self._sentence.nl if language == "nl" else self._sentence.en
        return text.format(**{key: _said(value, language) for key, value in self._values.items()})


def as_http_error(refusal: SignInRefused, handler: web.RequestHandler | None) -> web.HTTPError:
    """What JupyterHub shows on its sign-in or error page, in the language of the request."""
    return web.HTTPError(refusal.status_code, refusal.in_language(_language(handler)))


def _said(value: InLanguages | str | int, language: str) -> str:
    return str(value) if isinstance(value, str | int) else value.in_language(language)


def _language(handler: web.RequestHandler | None) -> str:
    if handler is None:
        return "en"
    return choose_language(handler.get_cookie(COOKIE), handler.request.headers.get("Accept-Language"))
