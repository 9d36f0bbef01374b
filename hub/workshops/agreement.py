"""Do workshops agree with the workbench: what they name must exist on it."""

from collections.abc import Iterable, Iterator

from hub.settings import Settings
from hub.web.problems import Problem
from hub.words import later
from hub.workshops.catalogue import catalogue
from hub.workshops.model import Workshop


def disagreements(workshop: Workshop, settings: Settings) -> Iterator[Problem]:
    """What of it does not exist on this workbench."""
    profiles = {profile.name: profile for profile in settings.profiles}
    profile = profiles.get(workshop.profile)
    if profile is None:
        yield unknown("no-such-profile", later("There is no profile {value}."), workshop.profile, profiles)
    elif workshop.gpus and workshop.gpus.gpu_class not in profile.gpu_classes:
        sentence = later("Kernels of this profile cannot lease {value}.")
        yield unknown("class-not-allowed", sentence, workshop.gpus.gpu_class, profile.gpu_classes)
    programmes = [programme.name for programme in settings.programmes]
    if workshop.programme and workshop.programme not in programmes:
        yield unknown("no-such-programme", later("There is no programme {value}."), workshop.programme, programmes)
    known = catalogue()
    for lesson in workshop.lessons:
        if lesson not in known.lessons:
            yield unknown("no-such-lesson", later("There is no lesson {value}."), lesson, known.lessons)
    if workshop.timetable and workshop.timetable not in known.timetables:
        sentence = later("There is no timetable {value}.")
        yield unknown("no-such-timetable", sentence, workshop.timetable, known.timetables)
    if workshop.join and workshop.join.temporary_accounts and settings.site.seats_run_as == "system-accounts":
        sentence = later("Seats run as system accounts here, so nobody can be given a temporary one.")
        yield Problem(422, "no-temporary-accounts", sentence, later("Leave temporary accounts out."))


def unknown(code: str, sentence: str, value: str, known: Iterable[str]) -> Problem:
    """Something that does not exist here, with what does."""
    allowed = ", ".join(known) or "-"
    return Problem(422, code, sentence, later("Known here: {allowed}."), {"value": value, "allowed": allowed})
