"""Names of users: which can be taken, and in which spelling they are kept."""

import unicodedata

from hub.authentication.sentences import SignInRefused

MAX_LENGTH = 64
_PUNCTUATION = frozenset("._@+-")


def normal(name: str) -> str:
    """The one spelling under which `name` is kept: NFKC, lower case. Stable when applied twice."""
    return _nfkc(_nfkc(name).lower())


def problem(name: str) -> SignInRefused | None:
    """Why `name`, in its normal spelling, cannot be a user's; None when it can.

    Past this point a name holds no separator, space, quote, control character or markup, is no
    path component with a meaning of its own, and is no option of a command.
    """
    if not name:
        return SignInRefused("name-missing")
    if len(name) > MAX_LENGTH:
        return SignInRefused("name-too-long", limit=MAX_LENGTH, length=len(name))
    for character in name:
        if not (_is_letter_or_digit(character) or character in _PUNCTUATION):
            return SignInRefused("name-characters", found=_shown(character))
    if not (_is_letter_or_digit(name[0]) or name[0] == "_"):
        return SignInRefused("name-start", found=name[0])
    return None


def typed(name: str) -> str:
    """The normal spelling of a name that somebody typed. Raises SignInRefused with the reason."""
    # Refused before normalising: a single character can become eighteen.
    if len(name) > 4 * MAX_LENGTH:
        raise SignInRefused("name-too-long", limit=MAX_LENGTH, length=len(name))
    spelled = normal(name)
    refusal = problem(spelled)
    if refusal is not None:
        raise refusal
    return spelled


def claimed(name: str) -> str:
    """The normal spelling of a name that a provider vouches for. Raises SignInRefused.

    A provider can hold “admin” and “ａｄｍｉｎ” as two people. Making them one here would let the
    second in as the first, so characters that merely look like others are refused, not replaced.
    """
    spelled = typed(name)
    for character in name:
        if not unicodedata.is_normalized("NFKC", character):
            raise SignInRefused("name-look-alike", found=_shown(character))
    return spelled


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _is_letter_or_digit(character: str) -> bool:
    return character.isalpha() or character.isdecimal()


def _shown(character: str) -> str:
    """The character itself, or its code point where one would see nothing."""
    return character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
