"""What the checks say of a value, as the page says it: without the place where the field stands, in both languages.

The checks speak English to the command line. What no line here fits is passed on as they said it.
"""

import re

from hub.words import Translate, later

_AT_FIELD = re.compile(r"^`[^`]*`:? ")
_GIVEN = re.compile(r"^(?:\".*?\"|'.*?'|[^ ]*…?|\{.*\}|\[.*\]) does not fit: ", re.DOTALL)

SENTENCES: tuple[tuple[str, str], ...] = (
    (r"is missing\.", later("This is needed.")),
    (
        r"is not a setting\. Did you mean `(?P<near>.+)`\?",
        later("There is no such setting. Did you mean {near}?"),
    ),
    (
        r"is not a setting\.(?: Allowed here: (?P<known>.+)\.)?",
        later("There is no such setting. Allowed here: {known}."),
    ),
    (r".*is not an amount of memory; .*", later('Write an amount of memory with its unit: "512MiB" or "4GiB".')),
    (r"at least 64MiB is needed, got (?P<got>.+)\.", later("At least 64MiB is needed; this is {got}.")),
    (
        r"a whole number with its unit is needed: .*",
        later('Write a whole number with its unit: "30s", "10m", "2h" or "1d".'),
    ),
    (r"input should be greater than or equal to (?P<least>\S+)\.", later("It must be {least} or more.")),
    (r"input should be greater than (?P<least>\S+)\.", later("It must be more than {least}.")),
    (r"input should be less than or equal to (?P<most>\S+)\.", later("It must be {most} or less.")),
    (r"input should be a valid integer.*", later("Write a whole number.")),
    (r"input should be a (?:valid|finite) number.*", later("Write a number.")),
    (r"input should be a valid boolean.*", later("Choose yes or no.")),
    (r"input should be a valid string.*", later("Write a text.")),
    (r"input should be a valid URL.*", later("Write an address that begins with https.")),
    (r"input should be (?P<known>'.*')\.", later("Choose one of {known}.")),
    (
        r"string should match pattern '\^\[a-z0-9\].*",
        later("Use lower-case letters, digits and hyphens, 32 at most, beginning with a letter or digit."),
    ),
    (r"string should match pattern.*", later("Use letters, digits and underscores, beginning with no digit.")),
    (r"string should have at least (?P<least>\d+) characters?\.", later("Write at least {least} character.")),
    (r"string should have at most (?P<most>\d+) characters?\.", later("Write at most {most} characters.")),
    (r"a list is needed here\.", later("A list is needed here.")),
    (r"`key: value` lines are needed here\.", later("Lines of key and value are needed here.")),
    (r"a folder's whole path is needed, .*", later("Write a folder's whole path, such as /scratch.")),
    (
        r"the workbench itself sets variables that begin with (?P<known>.+)\.",
        later("The workbench itself sets variables that begin with {known}."),
    ),
    (
        r"0 litres is a missing value.*",
        later("0 litres is a missing value; leave water out, and people read that it is not reported."),
    ),
    (r"at least one profile is needed\.", later("At least one profile is needed.")),
    (
        r"\"(?P<name>.*)\" is already the name of number (?P<number>\d+); names must differ\.",
        later("{name} is already the name of number {number}; names must differ."),
    ),
    (r"there is no \"(?P<name>.*)\"; known here: (?P<known>.+)\.", later("There is no {name}; known here: {known}.")),
    (
        r"a simulated class has no real devices; leave this out\.",
        later("A simulated class has no real devices; leave this empty."),
    ),
    (r"which devices\? .*", later("Which devices? Give a model or UUIDs, or say that it is simulated.")),
    (r"no class in `gpu_classes` has `simulated: true`\.", later("No GPU class is simulated.")),
    (
        r"`enforced` needs .*",
        later("Enforced isolation needs system accounts: who runs as the same user as Werkbank can undo it."),
    ),
    (r"must be one of (?P<known>.+)\.", later("Choose one of {known}.")),
    (r"is given \d+ times\.", later("This was sent more than once.")),
    (
        r"has a character in it that cannot be seen\.",
        later("There is a character in it that cannot be seen; take it out."),
    ),
    (r"is longer than (?P<most>\d+) characters\.", later("Write at most {most} characters.")),
)
_RULES = [(re.compile(pattern, re.DOTALL), sentence) for pattern, sentence in SENTENCES]


def at_field(sentence: str, translate: Translate) -> tuple[str, bool]:
    """The sentence as it stands at its field, and whether it is in the reader's language."""
    bare = _GIVEN.sub("", _AT_FIELD.sub("", sentence))
    for pattern, said in _RULES:
        if found := pattern.fullmatch(bare):
            facts = {name: value or "–" for name, value in found.groupdict().items()}
            return translate(said).format(**facts), True
    return f"{bare[:1].upper()}{bare[1:]}", False
