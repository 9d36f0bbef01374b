# %% [markdown] lid="title"
# # {{title}}
#
# **For** everybody who is going to teach on this workbench. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** a seat like the ones your class will have, a little Python, and about {{memory}} GB of memory; no GPU, no network. It helps to have done S1.
#
# **Why here.** The government's letter wants the AI facility to be “{{claim.talent.quote}}” (*{{claim.talent.en}}*). Talent is trained in a room with forty people, where nothing is as expensive as the twenty minutes in which it does not work.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version. Do this a week before, and again on the day before; the second time, *Run All* is enough.

# %% lid="setup" tags=["setup"]
import math
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import psutil
from matplotlib.patches import Patch

from werkbank_lessons import Stopwatch, check, cluster, set_language, tr, use
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style
from werkbank_lessons.preflight import (
    Findings,
    of_data,
    of_disk,
    of_lessons,
    of_setups,
    of_versions,
    of_words,
    read_offer,
    verdict,
)

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="programme-text" minutes=4
# ## 1 · Which workshop? ({{section.minutes}} min)
#
# The workbench comes with three timetables: `taster` (ninety minutes), `half-day` and `two-days`. Choose yours, and say how many people come. Everything below looks at that workshop.

# %% lid="programme-choose"
TIMETABLE, PEOPLE = "taster", 20

offer = read_offer()
days = offer.days(TIMETABLE)
for number, day in enumerate(days, start=1):
    if len(days) > 1:
        print(tr("T1.line.day", number=number))
    for block in day:
        print(f"{block.clock}  {block.minutes:3} min  {block.title}")

# %% lid="programme-figure" tags=["figure"] alt="T1.figure.alt_day"
COLOUR = {"talk": LINE, "lessons": OKABE_ITO["blue"], "pause": OKABE_ITO["orange"]}
WORD = {"talk": "T1.figure.talk", "lessons": "T1.figure.lesson", "pause": "T1.figure.pause"}


def longest_sitting(day):
    longest = sitting = 0
    for block in day:
        sitting = 0 if block.kind == "pause" else sitting + block.minutes
        longest = max(longest, sitting)
    return longest


figure, axes = plt.subplots(figsize=(9, 1.9 + 0.6 * len(days)), layout="constrained")
for place, day in enumerate(days):
    for block in day:
        bar = axes.barh(place, block.minutes / 60, left=block.at / 60, height=0.55, color=COLOUR[block.kind])
        bar[0].set(edgecolor="white", linewidth=1.5)
        if block.lessons:
            named = block.lessons[0] if len(block.lessons) == 1 else "…"
            axes.text((block.at + block.minutes / 2) / 60, place, named, ha="center", va="center", color="white")
    ends = (day[-1].at + day[-1].minutes) / 60
    axes.text(ends + 0.06, place, f"{tr('T1.line.longest')}: {longest_sitting(day)} min", va="center", color=INK)
begins = min(day[0].at for day in days) // 60
ends = math.ceil(max(day[-1].at + day[-1].minutes for day in days) / 60)
axes.set(xlim=(begins - 0.05, ends), ylim=(len(days) - 0.5, -0.5), xlabel=tr("T1.figure.clock"))
axes.set_xticks(range(begins, ends + 1))
axes.set_yticks(range(len(days)), [tr("T1.line.day", number=n) for n in range(1, len(days) + 1)])
axes.tick_params(axis="y", length=0)
axes.set_title(tr("T1.figure.day_title"))
legend = [Patch(color=COLOUR[kind], label=tr(word)) for kind, word in WORD.items()]
figure.legend(handles=legend, loc="outside lower center", ncols=3, frameon=False)
show(figure, tr("T1.figure.alt_day"))

# %% [markdown] lid="programme-after"
# Read it as somebody who sits there. Our timetables are checked: nobody sits for longer than an hour and three quarters, and a day has minutes to spare. Where a block offers several lessons (…), each group takes one, and the block lasts as long as the longest.

# %% [markdown] lid="seats-text" minutes=6
# ## 2 · A seat for everybody ({{section.minutes}} min)
#
# A seat is a running JupyterLab with the memory of its profile. Each learner takes one; so do you; and you want one to spare for every twenty people that are *begun*, because somebody comes unannounced and somebody's seat breaks.
#
# ### Exercise 1 · try ({{exercise.T1-1}} min)
#
# The function below forgets something. Run it, read what the check says, and repair it: how many seats does a class of `people` learners take?
#
# <details><summary>Hint</summary>
#
# `math.ceil` rounds up: `math.ceil(21 / 20)` is 2.
#
# </details>

# %% lid="seats-start" tags=["exercise"] exercise="T1-1"
def my_seats(people):
    return people + 1


# %% lid="seats-solution" tags=["solution"] exercise="T1-1"
def my_seats(people):
    return people + 1 + math.ceil(people / 20)


# %% lid="seats-wrong-trainer" tags=["wrong"] exercise="T1-1" hint="T1-1.trainer"
def my_seats(people):
    return people + math.ceil(people / 20)


# %% lid="seats-wrong-begun" tags=["wrong"] exercise="T1-1" hint="T1-1.begun"
def my_seats(people):
    return people + 1 + people // 20


# %% lid="seats-wrong-half" tags=["wrong"] exercise="T1-1" hint="T1-1.half"
def my_seats(people):
    return people + 1 + people / 20


# %% lid="seats-check" tags=["check"] exercise="T1-1"
check("T1-1", my_seats)

# %% lid="seats-answer"
seats_for = use("T1-1", my_seats)
for people in sorted({20, 21, PEOPLE}):
    print(f"{tr('T1.line.seats', people=people)}: {seats_for(people)}")

# %% [markdown] lid="seats-after"
# Twenty people take {{expected.seats_20}} seats, and one more person takes the class to {{expected.seats_21}}.

# %% [markdown] lid="room-text" minutes=9
# ## 3 · Does the machine hold them? ({{section.minutes}} min)
#
# Processors can be shared: when forty people run a cell at once, all get slower. Memory cannot: when it is full, the machine ends somebody's kernel. A limit on memory is a promise, and a workbench promises more than there is, because hardly ever does everybody need all of it at the same moment. **A class is that moment**: forty people open the same file in the same minute. So plan a class as if each seat will use what it was promised.
#
# And keep something for the machine itself: the system, the hub, a kernel here and there that grows.

# %% lid="room-look"
memory = psutil.virtual_memory()
mine = os.environ.get("MEM_LIMIT")
seat = f"{int(mine) / 2**30:.1f} GiB" if mine else tr("T1.line.not_stated")
print(tr("T1.line.machine", memory=memory.total / 2**30, free=memory.available / 2**30, seat=seat))

# %% [markdown] lid="room-exercise"
# (That is the machine on which *this* seat runs. Ask whoever keeps the workbench when the class will be on another.)
#
# ### Exercise 2 · change ({{exercise.T1-2}} min)
#
# How many people can come? `memory`, `kept` and `seat` are in GiB: what the machine has, what it keeps for itself, and what a seat may use; `seats_for` is a function that tells how many seats a class takes, such as yours of exercise 1. The function below gives all memory to learners. Change it so that it returns the largest number of people whose class fits, your own seat and the spare ones included. When no class fits, the answer is 0.
#
# <details><summary>Hint</summary>
#
# Start with nobody. As long as the seats for *one person more* fit in what the machine does not keep, let that person in. `while` does that.
#
# </details>

# %% lid="room-start" tags=["exercise"] exercise="T1-2"
def my_largest_class(memory, kept, seat, seats_for):
    return int(memory / seat)


# %% lid="room-solution" tags=["solution"] exercise="T1-2"
def my_largest_class(memory, kept, seat, seats_for):
    people = 0
    while seats_for(people + 1) * seat <= memory - kept:
        people += 1
    return people


# %% lid="room-wrong-kept" tags=["wrong"] exercise="T1-2" hint="T1-2.kept"
def my_largest_class(memory, kept, seat, seats_for):
    people = 0
    while seats_for(people + 1) * seat <= memory:
        people += 1
    return people


# %% lid="room-wrong-seats" tags=["wrong"] exercise="T1-2" hint="T1-2.seats"
def my_largest_class(memory, kept, seat, seats_for):
    return max(int((memory - kept) // seat), 0)


# %% lid="room-wrong-over" tags=["wrong"] exercise="T1-2" hint="T1-2.larger"
def my_largest_class(memory, kept, seat, seats_for):
    people = 0
    while seats_for(people) * seat <= memory - kept:
        people += 1
    return people


# %% lid="room-wrong-nobody" tags=["wrong"] exercise="T1-2" hint="T1-2.nobody"
def my_largest_class(memory, kept, seat, seats_for):
    people = 1
    while seats_for(people + 1) * seat <= memory - kept:
        people += 1
    return people


# %% lid="room-check" tags=["check"] exercise="T1-2"
check("T1-2", my_largest_class)

# %% lid="room-answer"
largest_class = use("T1-2", my_largest_class)
print(f"{tr('T1.line.largest', memory=64)}: {largest_class(64, 8, 2, seats_for)}")
here = largest_class(memory.total / 2**30, 8, 2, seats_for)
print(tr("T1.line.fits" if PEOPLE <= here else "T1.line.fits_not", people=PEOPLE, largest=here))

# %% lid="room-figure" tags=["figure"] alt="T1.figure.alt_class"
people = np.arange(1, 46)
taken = np.array([2 * seats_for(int(one)) for one in people])
most = largest_class(64, 8, 2, seats_for)
figure, axes = plt.subplots(figsize=(9, 3.6), layout="constrained")
axes.bar(people, taken, color=np.where(people <= most, OKABE_ITO["blue"], LINE), width=0.8)
axes.axhline(64 - 8, color=OKABE_ITO["vermilion"], linewidth=2)
axes.text(1, 64 - 8 + 1.5, tr("T1.figure.has", memory=64, kept=8), color=OKABE_ITO["vermilion"], va="bottom")
axes.annotate(
    tr("T1.figure.fits", people=most),
    (most, 2 * seats_for(most)),
    xytext=(most - 0.4, 76),
    ha="right",
    color=INK,
    fontweight="bold",
    arrowprops={"arrowstyle": "-", "color": MUTED},
)
axes.set(xlabel=tr("T1.figure.people"), ylabel=tr("T1.figure.memory"), xlim=(0, 46), ylim=(0, 105))
axes.set_title(tr("T1.figure.class_title"))
show(figure, tr("T1.figure.alt_class"))

# %% [markdown] lid="room-after"
# In 64 GiB, of which the machine keeps 8, a class of {{expected.largest}} fits with seats of 2 GiB. And those seats are somebody's: on a machine that serves a whole institute, agree with whoever keeps it when the class is, and stop the seats when it is over.
#
# Which profile? Look in the table of lessons (`tutorials/README.md`, column *needs*) at the largest of the lessons you give. A GPU for each person is not needed: an idle kernel makes room for one that computes. One device for eight people is a good start; watch the panel *GPUs and queue* during the rehearsal.

# %% [markdown] lid="preflight-text" minutes=6
# ## 4 · The pre-flight ({{section.minutes}} min)
#
# Before a flight, the crew goes through a list, however often they have flown. This is yours. Each look changes nothing, and tells what it saw:
#
# - is each lesson of the programme on offer in both languages, and does this environment have its libraries?
# - does the first cell of each, the one with the imports, run in a process of its own?
# - do notebook, scheduler and workers have the same versions? When they differ, a cluster fails with errors that nobody in the room can read;
# - can the files of the lessons be read, and is every hint there in both languages?
# - is there room, on disk and in memory?

# %% lid="preflight-look"
lessons = sorted({lesson for day in days for block in day for lesson in block.lessons})
said = tr("T1.line.room_said", people=PEOPLE, seats=seats_for(PEOPLE), largest=here)
room = verdict(PEOPLE <= here, tr("T1.line.room"), said, tr("T1.line.room_advice"))
found = Findings()
with cluster(workers=2) as workers:
    found.gather(
        [room],
        of_disk(seats_for(PEOPLE)),
        of_versions(workers),
        of_data(),
        of_words(),
        of_lessons(offer, lessons),
        of_setups(offer, lessons),
    )

# %% [markdown] lid="preflight-after"
# Something wrong? The line says what to do, or whom to ask. What you cannot repair yourself, you send:

# %% lid="preflight-write"
print(tr("T1.line.written", name=found.write(Path("preflight.md"))))

# %% [markdown] lid="preflight-limits"
# What this table does **not** see, and you must:
#
# - whether *they* can sign in. Ask for the list of accounts, and try one that is not yours, in another browser, on the network of that room;
# - whether all seats start. The day before, whoever keeps the workbench can run `./werkbank warm --users class.txt --profile small --at 09:30`: it starts the seats ahead of the class and says whose is not ready;
# - the projector, the sockets, the door that locks at six.
#
# Then sit down as a learner: open the first lesson and do exercise 1 wrong, and right.

# %% [markdown] lid="pauses-text" minutes=9
# ## 5 · A programme of your own ({{section.minutes}} min)
#
# The three timetables are a beginning. To make your own, put lessons in an order and pauses between them. How often? People stop listening long before they say so; our rule is 105 minutes at most, and shorter is kinder.
#
# ### Exercise 3 · transfer ({{exercise.T1-3}} min)
#
# `minutes` is a list: how long each block takes, in order. Return the positions of the blocks **before** which a pause comes, so that nobody sits for longer than `most` minutes between two pauses, with as few pauses as possible. Positions count from 0, as always in Python, and no single block is longer than `most`. For `[60, 45, 30]` and 105 the answer is `[2]`.
#
# <details><summary>Hint</summary>
#
# Walk through the blocks and keep count of how long people have been sitting. Would the next block take them over `most`? Then the pause comes before that block, and the count begins anew.
#
# </details>

# %% lid="pauses-start" tags=["exercise"] exercise="T1-3"
def my_pauses(minutes, most):
    return []


# %% lid="pauses-solution" tags=["solution"] exercise="T1-3"
def my_pauses(minutes, most):
    before, sitting = [], 0
    for position, lasts in enumerate(minutes):
        if sitting + lasts > most:
            before.append(position)
            sitting = 0
        sitting += lasts
    return before


# %% lid="pauses-wrong-late" tags=["wrong"] exercise="T1-3" hint="T1-3.late"
def my_pauses(minutes, most):
    before, sitting = [], 0
    for position, lasts in enumerate(minutes):
        if sitting > most:
            before.append(position)
            sitting = 0
        sitting += lasts
    return before


# %% lid="pauses-wrong-many" tags=["wrong"] exercise="T1-3" hint="T1-3.many"
def my_pauses(minutes, most):
    before, sitting = [], 0
    for position, lasts in enumerate(minutes):
        sitting += lasts
        if sitting > most:
            before.append(position)
    return before


# %% lid="pauses-wrong-always" tags=["wrong"] exercise="T1-3" hint="T1-3.none"
def my_pauses(minutes, most):
    return list(range(1, len(minutes)))


# %% lid="pauses-check" tags=["check"] exercise="T1-3"
check("T1-3", my_pauses)

# %% lid="pauses-answer"
pauses_for = use("T1-3", my_pauses)
wanted = {"S1": 36, "D1": 50, "D2": 50, "R1": 60, "R2": 40}
before = pauses_for(list(wanted.values()), 105)
for position, (lesson, lasts) in enumerate(wanted.items()):
    print(("· 15 min ·\n" if position in before else "") + f"{lesson:3} {lasts} min")

# %% [markdown] lid="pauses-after"
# Change `wanted` to the lessons of your own day, in your own order. Put it in `tutorials/timetables.yaml`, and `./werkbank lessons check` does the sums: whether the day ends in time, and whether anybody sits for too long.

# %% [markdown] lid="cost-text" minutes=1
# ## 6 · What it cost, and what you keep ({{section.minutes}} min)

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - A class of 20 takes {{expected.seats_20}} seats: one each, one for you, one to spare for every twenty begun.
# - Memory decides how many people can come; a class is the moment at which everybody uses what was promised.
# - A pre-flight a week before and on the day before, and a report to whoever can repair what is wrong.
# - Nobody sits for longer than 105 minutes, and nobody begins before everybody's seat runs.
#
# ### What next
#
# - Read the trainers' guide (`tutorials/trainers.md`): the room, the rescue recipes, and for each lesson what to leave out and which questions come.
# - Spoil your own copy of a lesson, and get it back with *Reset* in the panel *Lessons*. You will be asked to.
# - Give your first workshop with somebody who has given one.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Break something before they begin: remove a notebook, fill a small disk, take an extra away. Who finds it first?
#
# **Short of time?** Leave out section 5; the pre-flight is what they came for.
#
# **Questions that come**
#
# - *Does every learner need this environment?* Yes: start this notebook with the profile that they will have, or it looks at another place.
# - *Why not trust the overcommit?* It works because people do different things at different moments; in a class they do not.
# - *May we give one lesson only?* Yes: each stands by itself, but for what its entry calls necessary.
