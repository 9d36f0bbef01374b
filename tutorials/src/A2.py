# %% [markdown] lid="title"
# # {{title}}
#
# **For** whoever prepares Dutch text for a language model or an assistant: researchers, data stewards, engineers, civil servants. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network, no earlier lesson. It helps if you can read Python functions and have met regular expressions. You need not know Dutch: we say what the texts mean where it matters.
#
# **Why here.** The government's letter on this facility names as one aim “{{claim.government-chatbots.quote}}” (*{{claim.government-chatbots.en}}*), and mentions GPT-NL, a project “{{claim.open-language-model.quote}}” (*{{claim.open-language-model.en}}*). “Al” in these quotes is no mistake of ours: it is how a scanner read “AI”. The letter itself is your first text to repair.
#
# Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import json
import re
import unicodedata
from collections import Counter

import dask.bag as db
import matplotlib.pyplot as plt
import numpy as np
import snowballstemmer
from datasketch import MinHash, MinHashLSH
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from werkbank_lessons import Stopwatch, check, cluster, set_language, tr, use
from werkbank_lessons.data import path_of
from werkbank_lessons.exercises.a2_documents import make_documents
from werkbank_lessons.exercises.a2_questions import FUNCTION_WORDS, questions
from werkbank_lessons.figures import INK, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="texts-text" minutes=5
# ## 1 · Which text, and may you use it? ({{section.minutes}} min)
#
# Before a model learns from text, somebody decides which text. **GPT-NL**, the Dutch language model that the letter mentions, is trained on lawfully obtained data, and its makers publish the stages through which each document goes, among them: normalise, filter, mask personal data, remove near-duplicates. You will build these four, small enough to check by hand.
#
# We have two kinds of text.
#
# - **The letter**: public. The Dutch copyright act (Auteurswet, article 15b) lets everybody reuse what a public authority publishes, unless it says otherwise. Ours came out of a scanner.
# - **Messages to a municipality**: nobody wrote them. The sentences are ours, and the names, addresses and numbers come from the library Faker, which draws them at random. A random number may by chance be somebody's, so keep them in this notebook. With *real* messages you would need a legal ground and a purpose first (AVG, the Dutch name of the GDPR); that they lie on your disk is neither.
#
# Some pages that are no messages at all have slipped in, as they do. `planted` tells what we hid where: a truth that you never have for real data, and that will judge the pipeline.

# %% lid="texts-cluster"
workers = cluster(workers=2)

# %% lid="texts-make"
letter = path_of("letter-ai-faciliteit.txt").read_text(encoding="utf-8")
documents, planted = make_documents(seed=4)
documents.append({"id": "letter", "source": "scan", "text": letter})

print(f"{tr('A2.line.documents')}: {len(documents)}")
for kind, number in Counter(document["source"] for document in documents).items():
    print(f"{tr(f'A2.line.source_{kind}')}: {number}")
example = next(document for document in documents if document["source"] == "message")
print(f"\n{example['text']}\n\n{planted[example['id']]}")

# %% [markdown] lid="repair-text" minutes=6
# ## 2 · Repair only what you recognise ({{section.minutes}} min)
#
# **One character, two spellings.** Unicode can write é as one character, or as an e followed by an accent. They look the same and are not equal. *NFC* makes it one. We also turn no-break spaces, which some programs put inside numbers, into spaces; section 4 shows what happens if you forget.

# %% lid="repair-unicode"
together, apart = "café", unicodedata.normalize("NFD", "café")
print(together, apart, together == apart, len(together), len(apart))


def normalise(document):
    text = unicodedata.normalize("NFC", document["text"]).replace("\N{NO-BREAK SPACE}", " ")
    return text, int(text != document["text"])


print(f"{tr('A2.line.not_normal')}: {sum(normalise(document)[1] for document in documents)}")

# %% [markdown] lid="repair-ocr-text"
# **A scanner's mistakes.** In the letter every AI became “Al”. Replacing the two letters looks like the cure:

# %% lid="repair-naive"
naive = letter.replace("Al", "AI")
print(Counter(re.findall(r"\bAI[a-z]+", naive)))
in_use = [document["text"] for document in documents if re.search(r"\bAl\b", document["text"])]
print(re.findall(r"\bAl\b[^.,]*", in_use[0])[0])
print(f"{tr('A2.line.own_al')}: {len(in_use) - 1}")

# %% [markdown] lid="repair-rule-text"
# Two traps. “Als” (*if*) became “AIs”. And “Al” is a Dutch word: “Al sinds mei” means *since May already*. It stands in {{expected.own_al}} of the messages, where it is right. So: whole words only, and **only in documents from a scanner**. The other two rules put back a trema that the scanner lost: it read “financiële” as “financiéle”, and “geïnvesteerd” as “geinvesteerd”.

# %% lid="repair-rules"
REPAIRS = (
    (r"\bAl\b", "AI"),
    (r"(?<=[ei])é(?=[elnr])", "ë"),
    (r"\bgein", "geïn"),
)


def repair(document):
    text, count = document["text"], 0
    if document["source"] == "scan":
        for pattern, replacement in REPAIRS:
            text, times = re.subn(pattern, replacement, text)
            count += times
    return text, count


repaired, count = repair({"source": "scan", "text": letter})
print(f"{tr('A2.line.repairs')}: {count}")
print(re.findall(r"[^\n]*Szab[^\n]*", repaired), re.findall(r"\S*®", repaired))

# %% [markdown] lid="repair-after"
# {{expected.repairs}} repairs, each counted. And see what is left: the state secretary's name is Szabó, and “®” was the number of a footnote. You could repair those by hand. What you should not do is let a rule guess: a wrong guess looks like text, and nobody rereads a billion characters. Write down what you left.

# %% [markdown] lid="bsn-text" minutes=8
# ## 3 · Is it a citizen service number? ({{section.minutes}} min)
#
# Everybody who is registered in the Netherlands has a **BSN** (burgerservicenummer): nine digits that lead to a person's tax, care and benefits. Dutch law allows its use only where a law says so (UAVG, article 46), and training a language model is no such case. So it must go. But not every nine digits are a BSN: case numbers, order numbers and phone numbers look like one.
#
# A BSN carries a test against typing mistakes, the **11-test**. Multiply its digits by 9, 8, 7, 6, 5, 4, 3, 2 and **−1**, and add up. The sum must be divisible by 11. For 123456782: 9 + 16 + 21 + 24 + 25 + 24 + 21 + 16 − 2 = 154 = 14 × 11.
#
# ### Exercise 1 · try ({{exercise.A2-1}} min)
#
# The function below takes `number`, a string, and says whether it can be a BSN. It counts digits only. Run it, read what the check says, and add the 11-test. Give `True` or `False`, for every string.
#
# <details><summary>Hint</summary>
#
# `zip(number, weights)` pairs each digit with its weight; `int(digit)` makes a number of it. `a % 11` is the rest after division by 11. Keep the test of the length: `zip` stops at the shorter of the two without a word.
#
# </details>

# %% lid="bsn-start" tags=["exercise"] exercise="A2-1"
def my_bsn_ok(number):
    return len(number) == 9 and number.isdigit()


# %% lid="bsn-solution" tags=["solution"] exercise="A2-1"
def my_bsn_ok(number):
    if len(number) != 9 or not number.isdigit():
        return False
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights)) % 11 == 0


# %% lid="bsn-wrong-last" tags=["wrong"] exercise="A2-1" hint="A2-1.last"
def my_bsn_ok(number):
    if len(number) != 9 or not number.isdigit():
        return False
    return sum(int(digit) * weight for digit, weight in zip(number, range(9, 0, -1))) % 11 == 0


# %% lid="bsn-wrong-order" tags=["wrong"] exercise="A2-1" hint="A2-1.order"
def my_bsn_ok(number):
    if len(number) != 9 or not number.isdigit():
        return False
    return sum(int(digit) * weight for weight, digit in enumerate(number, start=1)) % 11 == 0


# %% lid="bsn-wrong-length" tags=["wrong"] exercise="A2-1" hint="A2-1.length"
def my_bsn_ok(number):
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights)) % 11 == 0


# %% lid="bsn-wrong-rest" tags=["wrong"] exercise="A2-1" hint="A2-1.truth"
def my_bsn_ok(number):
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights)) % 11


# %% lid="bsn-check" tags=["check"] exercise="A2-1"
check("A2-1", my_bsn_ok)

# %% lid="bsn-answer"
bsn_ok = use("A2-1", my_bsn_ok)
cases = [truth.case for truth in planted.values() if truth.case]
print(f"{tr('A2.line.cases')}: {len(cases)}")
print(f"{tr('A2.line.cases_pass')}: {100 * np.mean([bsn_ok(case) for case in cases]):.1f} %")

# %% [markdown] lid="bsn-after"
# The test says that a number *can* be a BSN, not that it is one: about one in eleven numbers passes by chance, here {{expected.cases_pass}} of the case numbers. Masking every nine digits would have removed all of them. There is a price: a BSN with a typing mistake fails the test and stays readable. Which mistake is worse depends on what happens with the text. To publish it, mask more; to answer the message, mask less.

# %% [markdown] lid="mask-text" minutes=9
# ## 4 · Mask, and test the mask ({{section.minutes}} min)
#
# A rule for each kind of personal data that has a form. Their **order** matters: a mobile number written as +31 6 12345678 contains nine digits, so telephone numbers go before BSNs. We mask messages and web pages, and leave the letter alone: who is named there acts in public office, and its dates are what people will ask for. That is a decision, so it goes into the data card.

# %% lid="mask-rules"
MONTHS = "januari|februari|maart|april|mei|juni|juli|augustus|september|oktober|november|december"
RULES = {
    "IBAN": re.compile(r"\bNL\d{2} ?[A-Z]{4}(?: ?\d){10}\b"),
    "EMAIL": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "PHONE": re.compile(r"(?<![\d+])(?:\+31 ?|0)[1-9](?:[ -]?\d){8}(?!\d)"),
    "DATE": re.compile(rf"\b\d{{1,2}}(?:[-/]\d{{1,2}}[-/]| (?:{MONTHS}) )\d{{4}}\b", re.IGNORECASE),
    "POSTCODE": re.compile(r"\b[1-9]\d{3} ?[A-Z]{2}\b"),
}
NINE_DIGITS = re.compile(r"(?<!\d)\d(?:[ .]?\d){8}(?!\d)")


def mask(document):
    text, counts = document["text"], {}
    if document["source"] == "scan":
        return text, counts
    for kind, rule in RULES.items():
        text, counts[kind] = rule.subn(f"[{kind}]", text)
    text = NINE_DIGITS.sub(mask_bsn, text)
    return text, counts | {"BSN": text.count("[BSN]")}


def mask_bsn(found):
    return "[BSN]" if bsn_ok(re.sub(r"\D", "", found[0])) else found[0]

# %% [markdown] lid="filter-text"
# And a filter, for what is no Dutch prose. Each threshold is a *heuristic*: cheap, blunt, and sometimes unfair. A filter that counts Dutch function words (*de, het, een, ik* …) may throw out Frisian, an official language in Fryslân, or the short lines of somebody who writes with difficulty. So we keep the reason for each document, and look at who is lost.

# %% lid="filter-rules"
def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def reason_to_drop(text):
    found, lines = words(text), text.splitlines()
    if len(found) < 20:
        return "short"
    if sum(map(str.isalpha, text)) < 0.6 * len(re.sub(r"\s", "", text)):
        return "no_prose"
    if len(set(lines)) < 0.5 * len(lines):
        return "repeats"
    if sum(word in FUNCTION_WORDS for word in found) < 0.25 * len(found):
        return "not_dutch"
    return ""

# %% [markdown] lid="pipeline-text"
# Now all stages for all documents: normalise, repair, filter, mask. A Dask *bag* is a collection of Python objects in partitions; `map` describes what happens to each, and `compute` lets the workers do it. A document knows nothing of its neighbours, so two million go the same way as two thousand. Each stage writes in the document's `trail` what it did: that is the audit trail.

# %% lid="pipeline-run"
def stage(name, function):
    def step(document):
        text, count = function(document)
        return document | {"text": text, "trail": document.get("trail", {}) | {name: count}}

    return step


def judge(document):
    return document | {"dropped": reason_to_drop(document["text"])}


masked = (
    db.from_sequence(documents, npartitions=8)
    .map(stage("normalise", normalise))
    .map(stage("repair", repair))
    .map(judge)
    .map(stage("mask", mask))
    .compute()
)

print(masked[0]["trail"])
for reason, number in Counter(document["dropped"] or "kept" for document in masked).most_common():
    print(f"{tr(f'A2.line.reason_{reason}')}: {number}")
wrongly = sum(bool(document["dropped"]) for document in masked if document["source"] == "message")
print(f"{tr('A2.line.wrongly')}: {wrongly}")

# %% [markdown] lid="leaks-text"
# {{expected.wrongly}} messages were dropped by mistake. That is a good sign and no proof: the filter suits our sentences, and real people write in more ways.
#
# Does the mask hold? Nobody can tell from the rules that they are right. So we look for what was planted, in a way that has nothing to do with the rules: without spaces, dots and capitals.

# %% lid="leaks-run"
def squeezed(text):
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", text)).lower()


def leaks(documents, kind):
    given = [(one["text"], planted[one["id"]].personal.get(kind)) for one in documents if one["id"] in planted]
    return sum(squeezed(value) in squeezed(text) for text, value in given if value)


for kind in ("bsn", "iban", "email", "phone", "birth_date", "postcode", "name", "street"):
    total = sum(kind in truth.personal for truth in planted.values())
    print(f"{tr(f'A2.line.left_{kind}')}: {leaks(masked, kind)} {tr('A2.line.of')} {total}")

unnormalised = [document | {"text": mask(document)[0]} for document in documents]
print(f"{tr('A2.line.left_unnormalised')}: {leaks(unnormalised, 'bsn')}")

# %% [markdown] lid="leaks-after"
# **Rules do not catch names and street addresses.** Of the BSNs {{expected.left_bsn}} are left, and of the names {{expected.left_name}}: every message still says who wrote it and where they live. A name has no form that a rule could know; *Mol* and *Bakker* are names and words. To find them takes a model for named entities, and there is no Dutch one in this environment, which has no network. Such models miss names too, so people look at a sample afterwards.
#
# Take three things along. Had real people sent these messages, the collection would **still be personal data**, and the AVG would apply to all of it. A test on planted data tells what the rules catch in *these* spellings, not in those that nobody planted. And order is part of the mask: without normalising first, no-break spaces would have left {{expected.left_unnormalised}} BSNs readable.

# %% [markdown] lid="twice-text" minutes=11
# ## 5 · The same text twice ({{section.minutes}} min)
#
# People send a message again with a sentence in front; websites copy each other. A model that reads a text many times learns it by heart, personal data included, and a copy in both training and test set makes the test worthless. *Near*-duplicates are not equal, so compare sets: a text becomes the set of its **shingles**, here five words in a row as in GPT-NL, and two texts are as alike as their **Jaccard similarity**, the share of all their shingles that they have in common.
#
# Two thousand texts make two million pairs. **MinHash** avoids comparing them all: it gives each text a short signature, and two signatures agree in any one place with a probability equal to the Jaccard similarity $s$. Cut the signature into $b$ *bands* of $r$ *rows*. Texts that agree in all rows of at least one band become candidates, found by a look-up. That happens with probability
#
# $$1 - (1 - s^r)^b.$$
#
# More rows make a band stricter; more bands give more chances.
#
# ### Exercise 2 · change ({{exercise.A2-2}} min)
#
# The function below always takes 16 rows. Change it so that it returns `(bands, rows)` with which at least the share `recall` of the pairs with this `similarity` become candidates. Bands × rows may not exceed `permutations`, the length of the signature. Many pairs of numbers will do; return the one with the **most rows**, because it drags in the fewest texts that are not alike. (There is one in every case that the check asks.)
#
# <details><summary>Hint</summary>
#
# Try rows from `permutations` downward. For each, `permutations // rows` bands fit. Compute the probability above, and return at the first that suffices.
#
# </details>

# %% lid="twice-start" tags=["exercise"] exercise="A2-2"
def my_bands(similarity, recall, permutations):
    rows = 16
    return permutations // rows, rows


# %% lid="twice-solution" tags=["solution"] exercise="A2-2"
def my_bands(similarity, recall, permutations):
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if 1 - (1 - similarity**rows) ** bands >= recall:
            return bands, rows


# %% lid="twice-wrong-swapped" tags=["wrong"] exercise="A2-2" hint="A2-2.swapped"
def my_bands(similarity, recall, permutations):
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if 1 - (1 - similarity**rows) ** bands >= recall:
            return rows, bands


# %% lid="twice-wrong-safe" tags=["wrong"] exercise="A2-2" hint="A2-2.candidates"
def my_bands(similarity, recall, permutations):
    return permutations, 1


# %% lid="twice-wrong-thumb" tags=["wrong"] exercise="A2-2" hint="A2-2.thumb"
def my_bands(similarity, recall, permutations):
    for rows in range(permutations, 0, -1):
        bands = permutations // rows
        if (1 / bands) ** (1 / rows) <= similarity:
            return bands, rows


# %% lid="twice-wrong-budget" tags=["wrong"] exercise="A2-2" hint="A2-2.budget"
def my_bands(similarity, recall, permutations):
    rows, bands = 16, 1
    while 1 - (1 - similarity**rows) ** bands < recall:
        bands += 1
    return bands, rows


# %% lid="twice-check" tags=["check"] exercise="A2-2"
check("A2-2", my_bands)

# %% [markdown] lid="twice-run-text"
# We ask for 95 % of the pairs that are as alike as 0.65. The bands only propose; a pair counts as a copy from an exact similarity of 0.5 onward, and we keep the first of the two.

# %% lid="twice-run"
PERMUTATIONS = 128
bands, rows = use("A2-2", my_bands)(0.65, 0.95, PERMUTATIONS)
print(f"{tr('A2.line.bands')}: {bands}, {tr('A2.line.rows')}: {rows}")


def shingles(text, size=5):
    found = words(text)
    return {" ".join(found[start : start + size]) for start in range(len(found) - size + 1)}


def signature(document):
    made = MinHash(num_perm=PERMUTATIONS, seed=1)
    made.update_batch([shingle.encode() for shingle in shingles(document["text"])])
    return made


def jaccard(one, other):
    return len(one & other) / len(one | other)


kept = [document for document in masked if not document["dropped"]]
signatures = db.from_sequence(kept, npartitions=8).map(signature).compute()
sets = {document["id"]: shingles(document["text"]) for document in kept}
index = MinHashLSH(num_perm=PERMUTATIONS, params=(bands, rows))
copies = {}
for document, mark in zip(kept, signatures):
    name = document["id"]
    alike = [other for other in index.query(mark) if jaccard(sets[name], sets[other]) >= 0.5]
    if alike:
        copies[name] = alike[0]
    else:
        index.insert(name, mark)

pairs = {frozenset((name, truth.copy_of)) for name, truth in planted.items() if truth.copy_of}
found = {frozenset(pair) for pair in copies.items()}
print(f"{tr('A2.line.recall')}: {100 * len(found & pairs) / len(pairs):.1f} %")
print(f"{tr('A2.line.false')}: {len(found - pairs)}")

# %% lid="twice-figure" tags=["figure"] alt="A2.figure.alt_bands"
rng = np.random.default_rng(1)
names = list(sets)
drawn = (rng.choice(names, size=2, replace=False) for _ in range(3000))
strangers = [pair for pair in drawn if frozenset(pair) not in pairs]
similarity = {
    "copies": [jaccard(sets[one], sets[other]) for one, other in pairs],
    "strangers": [jaccard(sets[one], sets[other]) for one, other in strangers],
}

figure, axes = plt.subplots(figsize=(10, 5))
for name, colour, place in (("strangers", "sky", 0.13), ("copies", "orange", 0.78)):
    share, edges = np.histogram(similarity[name], bins=np.linspace(0, 1, 41))
    axes.stairs(share / share.max() * 0.35, edges, fill=True, color=OKABE_ITO[colour], alpha=0.6)
    axes.text(place, 0.37, tr(f"A2.figure.{name}"), ha="center", color=INK)
grid = np.linspace(0, 1, 200)
for choice, colour, place, side in (((bands, rows), "blue", 0.46, "right"), ((14, 8), "vermilion", 0.72, "left")):
    axes.plot(grid, 1 - (1 - grid ** choice[1]) ** choice[0], color=OKABE_ITO[colour], linewidth=2)
    label = tr("A2.figure.bands", bands=choice[0], rows=choice[1])
    axes.text(place, 0.55, label, ha=side, color=OKABE_ITO[colour], fontweight="bold")
axes.set(xlim=(0, 1), ylim=(0, 1.05), xlabel=tr("A2.figure.similarity"), ylabel=tr("A2.figure.candidate"))
axes.set_title(tr("A2.figure.bands_title"))
show(figure, tr("A2.figure.alt_bands"))

# %% [markdown] lid="twice-after"
# {{expected.recall}} of the planted copies are found, and {{expected.false}} pairs that are none. The bars show how alike pairs are, each group on a scale of its own: copies lie where the blue curve is high. The orange curve is GPT-NL's choice, 14 bands of 8 rows: it looks for closer copies, from about 0.72. Neither is *the* right one: what counts as the same text is a decision about your collection. Note the order of the stages, too. If copies differ mostly in personal data, masking first makes them more alike.

# %% [markdown] lid="card-text" minutes=3
# ## 6 · The data card ({{section.minutes}} min)
#
# A collection without a description is of no use to anybody but its maker. A **data card** tells where text came from, on what terms, what was done to it, and what is *wrong* with it. Here the numbers come from the trail and not from memory, and they must add up: every document that came in went out, or was dropped for a reason.

# %% lid="card-make"
curated = [document for document in kept if document["id"] not in copies]
dropped = Counter(document["dropped"] for document in masked if document["dropped"])
dropped += Counter(near_duplicate=len(copies))
masks = sum((Counter(document["trail"]["mask"]) for document in curated), Counter())
card = {
    "title": tr("A2.card.title"),
    "language": "nl",
    "origin": tr("A2.card.origin"),
    "terms": tr("A2.card.terms"),
    "documents_in": len(documents),
    "dropped": dict(dropped),
    "documents_out": len(curated),
    "repairs": sum(document["trail"]["repair"] for document in curated),
    "masked": dict(masks),
    "not_masked": tr("A2.card.not_masked"),
    "personal_data_left": tr("A2.card.left"),
}
assert card["documents_in"] == card["documents_out"] + sum(card["dropped"].values())
print(f"{tr('A2.line.out')}: {len(curated)}")
print(json.dumps(card, indent=2, ensure_ascii=False))

# %% [markdown] lid="card-after"
# Of {{expected.documents}} documents {{expected.out}} remain. With the seed and the code, somebody else gets the same ones. For exchange there are standard forms, such as Croissant (JSON-LD), which GPT-NL's scripts write, and DCAT, which catalogues harvest.

# %% [markdown] lid="ask-text" minutes=6
# ## 7 · Ask the letter ({{section.minutes}} min)
#
# Now an assistant that answers questions about the letter. It does not write: it **quotes** the sentence that fits best and says on which line that stands, so that anybody can check. Language models that answer with sources begin with the same step (*retrieval*). And nothing leaves this machine. The letter itself tells why that matters: the privacy authority warned about DeepSeek's app, because what users type is expected to be stored by a foreign government.

# %% lid="ask-sentences"
def sentences(text):
    found = []
    for block in re.finditer(r"(?:[^\n]+\n?)+", text):
        for part in re.finditer(r"\S.*?(?:[.?!](?=\s+[A-Z‘0-9]|\s*$)|\s*$)", block[0], re.DOTALL):
            line = 1 + text.count("\n", 0, block.start() + part.start())
            found.append((line, " ".join(re.sub(r"-\n\s*", "-", part[0]).split())))
    return [(line, sentence) for line, sentence in found if len(words(sentence)) >= 6]


source = sentences(next(document["text"] for document in curated if document["id"] == "letter"))
print(f"{tr('A2.line.sentences')}: {len(source)}")

# %% [markdown] lid="ask-scores-text"
# Which sentence fits? **TF-IDF** gives each word a weight: large when few sentences have it. A sentence is then a list of weights, and two texts are as near as the *cosine* of the angle between their lists: 1 for the same words, 0 for none in common. We compare three ways.
#
# 1. **words**: every word as it is.
# 2. **stems**: without function words, and with endings taken off, so that *bedrijven* and *bedrijf* may meet. `snowballstemmer` knows the rules for Dutch.
# 3. **unknown**: stems, and a word of the question that is *nowhere* in the letter counts against every sentence. Libraries quietly ignore such words. Then “How many parameters does GPT-NL have?” looks like “GPT-NL”.

# %% lid="ask-scores"
stemmer = snowballstemmer.stemmer("dutch")


def stems(text):
    return stemmer.stemWords([word for word in words(text) if word not in FUNCTION_WORDS])


def scorer(analyse, count_unknown):
    vectoriser = TfidfVectorizer(analyzer=analyse, norm=None)
    table = normalize(vectoriser.fit_transform([sentence for _, sentence in source]))
    rarest = 1 + np.log(1 + len(source))  # the weight of a word that no sentence has

    def scores(question):
        vector = vectoriser.transform([question])
        unknown = set(analyse(question)) - set(vectoriser.vocabulary_)
        length = np.sqrt(vector.power(2).sum() + count_unknown * len(unknown) * rarest**2)
        return (table @ vector.T).toarray().ravel() / max(length, 1e-9)

    return scores


WAYS = {"words": scorer(words, 0), "stems": scorer(stems, 0), "unknown": scorer(stems, 1)}
for question in (
    "Wanneer sluit de call van EuroHPC?",
    "Hoe hoog is de Domtoren?",
    "Hoeveel parameters heeft het taalmodel GPT-NL?",
):
    scores = {name: way(question).max() for name, way in WAYS.items()}
    print(question, "  ".join(f"{name} {score:.2f}" for name, score in scores.items()))

# %% [markdown] lid="ask-test-text"
# The first asks when the call of EuroHPC closes, which the letter tells. The second asks how high the Dom Tower is. The third asks for GPT-NL's parameters: near the subject, but not in the letter.
#
# Three questions prove nothing. We have {{expected.questions}}: 46 that the letter answers, 15 about something else, and 15 that it leaves open. For each we know which sentences answer it, if any. One warning: we wrote the questions with the letter beside us, so real people will use other words.

# %% lid="ask-test"
asked = questions()


def evaluate(way):
    score, right = [], []
    for question in asked:
        scores = way(question.text)
        best = source[int(scores.argmax())][1]
        score.append(scores.max())
        right.append(any(part in best for part in question.answers))
    return np.array(score), np.array(right)


RESULTS = {name: evaluate(way) for name, way in WAYS.items()}
answerable = np.array([bool(question.answers) for question in asked])
print(f"{tr('A2.line.questions')}: {len(asked)}")
for name, (score, right) in RESULTS.items():
    above = np.mean(score[right][:, np.newaxis] > score[~right])
    print(f"{tr(f'A2.line.right_{name}')}: {right.sum()} {tr('A2.line.of')} {answerable.sum()}")
    print(f"{tr(f'A2.line.above_{name}')}: {above:.2f}")

# %% [markdown] lid="ask-after"
# Read both lines. In all three ways the sentence is right {{expected.right_stems}} times of 46: stems and stop words are good habits, and here they bring nothing. (The third way *must* find the same sentences as the second, for an unknown word lowers all of them alike.) What changes is whether the *score* can be trusted: the chance that a right answer scores above a wrong one is {{expected.above_words}}, {{expected.above_stems}} and {{expected.above_unknown}}. For an assistant that may keep silent, that is what counts.

# %% [markdown] lid="silent-text" minutes=11
# ## 8 · Know when to keep silent ({{section.minutes}} min)
#
# An assistant that answers only above a threshold can trade *coverage*, the share of questions it answers, for *risk*, the share of its answers that are wrong. Where to stop is no matter of taste. Say a question passed on to a person costs 1, whatever its answer would have been, and a wrong answer from the government costs more. Then there is a threshold with the lowest total.
#
# ### Exercise 3 · transfer ({{exercise.A2-3}} min)
#
# Write a function that returns that threshold. `scores` and `right` (`True` where the answer would be right) are arrays with a value per question. The assistant answers where `score >= threshold`. A wrong answer costs `cost_wrong`, silence `cost_silent`, a right answer nothing. If it had better never answer, return `np.inf`.
#
# <details><summary>Hint</summary>
#
# The total changes only at the scores themselves: compute it with each of them as the threshold, and with `np.inf`. `np.argmin` gives the place of the smallest.
#
# </details>

# %% lid="silent-start" tags=["exercise"] exercise="A2-3"
def my_threshold(scores, right, cost_wrong, cost_silent):
    ...


# %% lid="silent-solution" tags=["solution"] exercise="A2-3"
def my_threshold(scores, right, cost_wrong, cost_silent):
    candidates = np.append(np.unique(scores), np.inf)
    answers = scores >= candidates[:, np.newaxis]
    total = cost_wrong * (answers & ~right).sum(axis=1) + cost_silent * (~answers).sum(axis=1)
    return candidates[np.argmin(total)]


# %% lid="silent-wrong-never" tags=["wrong"] exercise="A2-3" hint="A2-3.never_wrong"
def my_threshold(scores, right, cost_wrong, cost_silent):
    return np.nextafter(scores[~right].max(), np.inf)


# %% lid="silent-wrong-errors" tags=["wrong"] exercise="A2-3" hint="A2-3.always"
def my_threshold(scores, right, cost_wrong, cost_silent):
    candidates = np.append(np.unique(scores), np.inf)
    answers = scores >= candidates[:, np.newaxis]
    return candidates[np.argmin((answers & ~right).sum(axis=1) + (~answers).sum(axis=1))]


# %% lid="silent-wrong-half" tags=["wrong"] exercise="A2-3" hint="A2-3.costs"
def my_threshold(scores, right, cost_wrong, cost_silent):
    return (scores[right].mean() + scores[~right].mean()) / 2


# %% lid="silent-wrong-edge" tags=["wrong"] exercise="A2-3" hint="A2-3.edge"
def my_threshold(scores, right, cost_wrong, cost_silent):
    candidates = np.append(-np.inf, np.unique(scores))
    answers = scores > candidates[:, np.newaxis]
    total = cost_wrong * (answers & ~right).sum(axis=1) + cost_silent * (~answers).sum(axis=1)
    return candidates[np.argmin(total)]


# %% lid="silent-wrong-infinity" tags=["wrong"] exercise="A2-3" hint="A2-3.silence"
def my_threshold(scores, right, cost_wrong, cost_silent):
    candidates = np.unique(scores)
    answers = scores >= candidates[:, np.newaxis]
    total = cost_wrong * (answers & ~right).sum(axis=1) + cost_silent * (~answers).sum(axis=1)
    return candidates[np.argmin(total)]


# %% lid="silent-check" tags=["check"] exercise="A2-3"
check("A2-3", my_threshold)

# %% lid="silent-figure" tags=["figure"] alt="A2.figure.alt_risk"
def risk_and_coverage(score, right):
    order = np.argsort(-score)
    answered = np.arange(1, len(score) + 1)
    return answered[3:] / len(score), (np.cumsum(~right[order]) / answered)[3:]  # fewer than four say nothing


figure, axes = plt.subplots(figsize=(10, 5))
for name, colour, place in (
    ("words", "vermilion", (0.97, 0.56)),
    ("stems", "green", (0.13, 0.46)),
    ("unknown", "blue", (0.45, 0.21)),
):
    axes.plot(*risk_and_coverage(*RESULTS[name]), color=OKABE_ITO[colour], linewidth=2)
    axes.text(*place, tr(f"A2.figure.{name}"), color=OKABE_ITO[colour], ha="right" if name == "words" else "left")
for ratio in (2, 3, 5):
    axes.axhline(1 / ratio, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.text(1.005, 1 / ratio, tr("A2.figure.even", ratio=ratio), va="center", color=MUTED, fontsize=9)
axes.set(xlim=(0, 1), ylim=(0, 0.6), xlabel=tr("A2.figure.coverage"), ylabel=tr("A2.figure.risk"))
axes.set_title(tr("A2.figure.risk_title"))
show(figure, tr("A2.figure.alt_risk"))

# %% [markdown] lid="silent-figure-text"
# Below its dashed line, the answers together cost less than silence would at that price. A threshold chosen on the questions it is judged by flatters itself, so we draw half of the questions to choose, and judge on the other half; 200 times, because 38 questions are few.

# %% lid="silent-test"
choose = use("A2-3", my_threshold)
rng = np.random.default_rng(1)
score, right = RESULTS["unknown"]


def mean_costs(cost_wrong, halves=200):
    always, chosen = [], []
    for _ in range(halves):
        order = rng.permutation(len(score))
        half, other = order[: len(order) // 2], order[len(order) // 2 :]
        answers = score[other] >= choose(score[half], right[half], cost_wrong, 1)
        chosen.append(np.mean(np.where(answers, cost_wrong * ~right[other], 1)))
        always.append(np.mean(cost_wrong * ~right[other]))
    return np.mean(always), np.mean(chosen)


for cost_wrong in (2, 3, 5):
    always, chosen = mean_costs(cost_wrong)
    print(f"{tr('A2.line.always', cost=cost_wrong)}: {always:.2f}")
    print(f"{tr('A2.line.chosen', cost=cost_wrong)}: {chosen:.2f}")

# %% [markdown] lid="silent-after"
# Passing every question on costs 1 each, so that is what an assistant has to beat.
#
# - A wrong answer costs **2**: always answering {{expected.always_2}}, with a threshold {{expected.chosen_2}}. It saves a fifth.
# - It costs **3**: always answering {{expected.always_3}}, with a threshold {{expected.chosen_3}}. Hardly worth having.
# - It costs **5**: always answering {{expected.always_5}}, with a threshold {{expected.chosen_5}}. Worse than no assistant: so few answers are safe enough that half of these questions cannot show where the threshold should lie.
#
# An honest test may say: not yet. A score made of shared words knows the *subject* of a question, and not whether the answer is there. Here is what the assistant says at a price of 2, asked for the share of models from the United States, a recipe for mash, and the data on which GPT-4 was trained:

# %% lid="silent-assistant"
limit = choose(score, right, 2, 1)


def answer(question):
    scores = WAYS["unknown"](question)
    line, sentence = source[int(scores.argmax())]
    if scores.max() < limit:
        return tr("A2.line.silent")
    return f"“{sentence}” ({tr('A2.line.source', line=line)})"


for question in (
    "Hoeveel procent van de foundation models komt uit de Verenigde Staten?",
    "Heb je een recept voor stamppot?",
    "Met welke data is GPT-4 getraind?",
):
    print(f"{question}\n  {answer(question)}")

# %% [markdown] lid="silent-mistake"
# The first is right, the second rightly silent. The third is a mistake of the kind that no threshold here prevents: a sentence about GPT-4 that says nothing of its data. But it is quoted, so whoever reads it can see that.

# %% [markdown] lid="cost-text" minutes=1
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)
#
# The work grows with the number of documents and can be divided among workers. Then give the workers back.

# %% lid="cost"
stopwatch.report(workers)
workers.close()

# %% [markdown] lid="summary"
# ### Summary
#
# - Know the origin and the terms of a text before you use it; that you have it is no permission.
# - Normalise first, repair only what you recognise, and only where you know that it is broken. Count what you changed.
# - Test a mask on planted data. Rules caught the numbers ({{expected.left_bsn}} BSNs left) and none of the {{expected.left_name}} names: with real senders the result is still personal data.
# - MinHash with bands found {{expected.recall}} of the copies. What counts as a copy is your decision.
# - Let an assistant quote, with the line. Choose its threshold by what mistakes cost, judge it on other questions, and be ready to hear that it should not go live.
#
# ### What next
#
# - Stems do not take compounds apart: *watergebruik* does not meet *water*. Write `pieces(text)`, which returns every run of four letters in each word, and give it to `scorer` as a fourth way.
# - Plant a spelling of a BSN that the rules miss, for example with hyphens. What do you change, and what else does that mask?
# - Your own collection: write its data card first. Which line can you not fill in?
#
# **Sources.** GPT-NL, *data curation pipeline* (2026) · A. Z. Broder (1997), *On the resemblance and containment of documents*, SEQUENCES '97 · J. Leskovec, A. Rajaraman, J. D. Ullman, *Mining of massive datasets*, chapter 3 · K. Lee and others (2022), *Deduplicating training data makes language models better*, ACL · C. K. Chow (1970), *On optimum recognition error and reject tradeoff*, IEEE Transactions on Information Theory 16 · R. El-Yaniv, Y. Wiener (2010), *On the foundations of noise-free selective classification*, JMLR 11 · AVG (Regulation (EU) 2016/679), UAVG article 46, Auteurswet article 15b · Data: the letter *Uitkomsten verkenning AI-faciliteit* (2025); messages generated for this lesson with Faker.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Short of time?** Leave out 5 and tell it.
#
# **Questions that come**
#
# - *Why no model for names?* None for Dutch can be had without a network, and it would miss some too.
# - *May I do this with our mail?* First a legal ground and a purpose; then ask the privacy officer.
# - *Why not let a language model answer?* Then somebody must check every sentence; a quote can be looked up.
