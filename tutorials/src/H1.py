# %% [markdown] lid="title"
# # {{title}}
#
# **For** data stewards and researchers who can read a Python function. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no GPU, no network, no earlier lesson. RDF, SHACL and SPARQL are explained where they appear.
#
# **Why here.** The government's letter on this facility says: “{{claim.health-ri-compute.quote}}” (*{{claim.health-ri-compute.en}}*). Computing power helps nobody who cannot find the data. To be found is the first step of every study with data of somebody else.
#
# All hospitals in this lesson are fictional, and so are their datasets. Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import time
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from pyshacl import validate
from rdflib import BNode, Graph, Literal, URIRef
from rdflib.namespace import DCAT, DCTERMS, RDF, SH

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.h1_opinion import local_name, our_names, second_opinion
from werkbank_lessons.exercises.h1_records import (
    DCATAP, FACTS, HOLDERS, MANDATORY, PREFIXES, TEMPLATE, VCARD, add_fact, clear, full_record, make_catalogue,
)
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="describe-text" minutes=5
# ## 1 · Describe a dataset to a machine ({{section.minutes}} min)
#
# A hospital has a cohort that could answer your question. You will never know, unless somebody described it where you look. In the Netherlands that place is the **National Health Data Catalogue** of Health-RI. It copies (*harvests*) descriptions from the hospitals themselves. Nobody retypes them, so they must be readable for a machine.
#
# Such a description is called *metadata*. It is written in **RDF**: a set of statements of three parts, *subject – property – value*. What the properties are called, the **DCAT** vocabulary says, so that all of Europe says `dcat:keyword` and not *tag*, *term* or *trefwoord*.
#
# Below, `FACTS` is what the holder knows to be true about one dataset: plain text. Turn the first of it into statements:

# %% lid="describe-first"
dataset = URIRef(FACTS["dataset"])
record = Graph()
for prefix, namespace in PREFIXES.items():
    record.bind(prefix, namespace)

record.add((dataset, RDF.type, DCAT.Dataset))
record.add((dataset, DCTERMS.identifier, Literal(FACTS["identifier"])))
for language, title in FACTS["title"].items():
    record.add((dataset, DCTERMS.title, Literal(title, lang=language)))

print(record.serialize(format="turtle"))

# %% [markdown] lid="describe-after"
# You see **Turtle**, the way in which people read RDF. Three kinds of values matter in this lesson:
#
# - a **literal** is text or a number, with a language if it has one: `"Diabetes type 2 …"@nl`;
# - an **IRI** is the address of a thing, `<https://…>` or short `dcat:Dataset`. Two records that use the same IRI speak about the same thing, in every language;
# - a **blank node** is a thing without an address of its own, such as “the contact of this dataset”, about which more statements follow.
#
# The other texts, and the two organisations behind the dataset, work in the same way. `add_fact` writes them for you:

# %% lid="describe-rest"
for rule in (DCTERMS.description, DCAT.keyword, DCTERMS.creator, DCTERMS.publisher):
    add_fact(record, rule, FACTS)

print(f"{tr('H1.line.statements')}: {len(record)}")

# %% [markdown] lid="rules-text" minutes=7
# ## 2 · Turn the rules into a test ({{section.minutes}} min)
#
# Which properties must a record have? The **Health-RI Core Metadata Schema v2** answers with a table. For a dataset ten properties are mandatory:
#
# | property | values | a value is |
# |---|---|---|
# | `dct:title`, `dct:description` | 1 or more, one per language | text |
# | `dcat:keyword` | 1 or more | text |
# | `dct:identifier` | exactly 1 | text |
# | `dcat:theme`, `dcatap:applicableLegislation` | 1 or more | IRI |
# | `dct:accessRights` | exactly 1 | one of three IRIs |
# | `dcat:contactPoint` | exactly 1 | a *kind*: name and e-mail |
# | `dct:creator` | 1 or more | an *agent*: name, identifier, e-mail, home page |
# | `dct:publisher` | exactly 1 | an *agent* |
#
# A table is for people. **SHACL** says the same to a machine: a *shape* is a list of conditions on a property (`sh:path`): how often (`sh:minCount`, `sh:maxCount`), what kind of value (`sh:nodeKind`), which values (`sh:in`), or another shape (`sh:node`). This is our own text, written from that table:

# %% lid="rules-shapes" tags=["setup"]
RULES = """
@prefix : <urn:rules:> .

:Dataset a sh:NodeShape ; sh:targetClass dcat:Dataset ;
    sh:property [ sh:path dct:title ; sh:minCount 1 ; sh:nodeKind sh:Literal ; sh:uniqueLang true ] ;
    sh:property [ sh:path dct:description ; sh:minCount 1 ; sh:nodeKind sh:Literal ; sh:uniqueLang true ] ;
    sh:property [ sh:path dcat:keyword ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ;
    sh:property [ sh:path dct:identifier ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:Literal ] ;
    sh:property [ sh:path dcat:theme ; sh:minCount 1 ; sh:nodeKind sh:IRI ] ;
    sh:property [ sh:path dct:accessRights ; sh:minCount 1 ; sh:maxCount 1 ;
                  sh:in ( access:PUBLIC access:RESTRICTED access:NON_PUBLIC ) ] ;
    sh:property [ sh:path dcatap:applicableLegislation ; sh:minCount 1 ; sh:nodeKind sh:IRI ] ;
    sh:property [ sh:path dcat:contactPoint ; sh:minCount 1 ; sh:maxCount 1 ; sh:node :Kind ] ;
    sh:property [ sh:path dct:creator ; sh:minCount 1 ; sh:node :Agent ] ;
    sh:property [ sh:path dct:publisher ; sh:minCount 1 ; sh:maxCount 1 ; sh:node :Agent ] .

:Kind a sh:NodeShape ;
    sh:property [ sh:path vcard:fn ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:Literal ] ;
    sh:property [ sh:path vcard:hasEmail ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ;
                  sh:pattern "^mailto:[^@]+@[^@]+$" ] .

:Agent a sh:NodeShape ;
    sh:property [ sh:path foaf:name ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ;
    sh:property [ sh:path dct:identifier ; sh:minCount 1 ; sh:nodeKind sh:Literal ] ;
    sh:property [ sh:path foaf:homepage ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ] ;
    sh:property [ sh:path foaf:mbox ; sh:minCount 1 ; sh:maxCount 1 ; sh:nodeKind sh:IRI ;
                  sh:pattern "^mailto:[^@]+@[^@]+$" ] .
"""
header = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())
shapes = Graph().parse(data=header + RULES, format="turtle")

# %% [markdown] lid="rules-run"
# `pyshacl` holds data against shapes and returns a report, itself in RDF. We keep from it which property of which dataset breaks a rule:

# %% lid="rules-validate" tags=["setup"]
def violations(graph):
    conforms, report, text = validate(graph, shacl_graph=shapes)
    results = list(report.objects(None, SH.result))
    return {(report.value(result, SH.focusNode), report.value(result, SH.resultPath)) for result in results}


# %% lid="rules-count"
empty = Graph()
empty.add((dataset, RDF.type, DCAT.Dataset))
print(f"{tr('H1.line.empty')}: {len(violations(empty))}")
print(f"{tr('H1.line.ours_now')}: {len(violations(record))}")
for _, rule in sorted(violations(record)):
    print("  ", local_name(rule))

# %% [markdown] lid="rules-after"
# A dataset without a description breaks {{expected.empty}} rules, ours still breaks {{expected.unfinished}}. The test names the property, so you need not search. Test your test as well: had `violations(empty)` been 0, every record would have looked perfect.

# %% [markdown] lid="complete-text" minutes=8
# ## 3 · Fill in what is missing ({{section.minutes}} min)
#
# Four properties are missing. One of them decides what people think of you: **access rights**. The EU list that the catalogue uses has three values:
#
# - `PUBLIC`: anybody can get at the data;
# - `RESTRICTED`: only under certain conditions, for instance payment or a signed agreement;
# - `NON_PUBLIC`: not accessible to the public, for privacy, security or other reasons. This is where data about patients usually belong.
#
# *Not public* does not mean secret, and it does not mean no. The **description** is open to all; the **data** stay where they are. Under the European Health Data Space (EHDS, Regulation (EU) 2025/327) you will be able to apply to a health data access body for a permit, and work in a secure processing environment. Most rules on that apply from March 2029. In FAIR, *accessible* means that the way in is described, not that the door is open.
#
# ### Exercise 1 · try ({{exercise.H1-1}} min)
#
# The function below gets a `record` without those four properties, and `facts`. It adds them, and each is wrong in a way that real catalogues are full of. Run it, read what the check says, and change it until it passes. `facts["theme"]`, `facts["access"]` and `facts["legislation"]` hold addresses as plain text; `facts["contact"]` has a `name` and an `email`.
#
# <details><summary>Hint</summary>
#
# `URIRef("…")` makes an IRI of text. A contact is a thing of which you say two things: make a `BNode()`, point to it with `DCAT.contactPoint`, and let statements about it follow, with `VCARD.fn` and `VCARD.hasEmail`. An e-mail address as an IRI begins with `mailto:`.
#
# </details>

# %% lid="complete-start" tags=["exercise"] exercise="H1-1"
def my_completion(record, facts):
    dataset = URIRef(facts["dataset"])
    record.add((dataset, DCAT.theme, Literal("Health")))
    record.add((dataset, DCTERMS.accessRights, Literal("on request")))
    record.add((dataset, DCATAP.applicableLegislation, Literal("EHDS")))
    record.add((dataset, DCAT.contactPoint, Literal(facts["contact"]["email"])))


# %% lid="complete-solution" tags=["solution"] exercise="H1-1"
def my_completion(record, facts):
    dataset = URIRef(facts["dataset"])
    record.add((dataset, DCAT.theme, URIRef(facts["theme"])))
    record.add((dataset, DCTERMS.accessRights, URIRef(facts["access"])))
    record.add((dataset, DCATAP.applicableLegislation, URIRef(facts["legislation"])))
    contact = BNode()
    record.add((dataset, DCAT.contactPoint, contact))
    record.add((contact, RDF.type, VCARD.Kind))
    record.add((contact, VCARD.fn, Literal(facts["contact"]["name"])))
    record.add((contact, VCARD.hasEmail, URIRef(f"mailto:{facts['contact']['email']}")))


# %% lid="complete-wrong-text" tags=["wrong"] exercise="H1-1" hint="H1-1.text"
def my_completion(record, facts):
    dataset = URIRef(facts["dataset"])
    record.add((dataset, DCAT.theme, Literal(facts["theme"])))
    record.add((dataset, DCTERMS.accessRights, Literal(facts["access"])))
    record.add((dataset, DCATAP.applicableLegislation, Literal(facts["legislation"])))
    add_fact(record, DCAT.contactPoint, facts)


# %% lid="complete-wrong-contact" tags=["wrong"] exercise="H1-1" hint="H1-1.contact_node"
def my_completion(record, facts):
    dataset = URIRef(facts["dataset"])
    record.add((dataset, DCAT.theme, URIRef(facts["theme"])))
    record.add((dataset, DCTERMS.accessRights, URIRef(facts["access"])))
    record.add((dataset, DCATAP.applicableLegislation, URIRef(facts["legislation"])))
    record.add((dataset, DCAT.contactPoint, URIRef(f"mailto:{facts['contact']['email']}")))


# %% lid="complete-wrong-mailto" tags=["wrong"] exercise="H1-1" hint="H1-1.mailto"
def my_completion(record, facts):
    dataset = URIRef(facts["dataset"])
    record.add((dataset, DCAT.theme, URIRef(facts["theme"])))
    record.add((dataset, DCTERMS.accessRights, URIRef(facts["access"])))
    record.add((dataset, DCATAP.applicableLegislation, URIRef(facts["legislation"])))
    contact = BNode()
    record.add((dataset, DCAT.contactPoint, contact))
    record.add((contact, VCARD.fn, Literal(facts["contact"]["name"])))
    record.add((contact, VCARD.hasEmail, URIRef(facts["contact"]["email"])))


# %% lid="complete-wrong-public" tags=["wrong"] exercise="H1-1" hint="H1-1.value"
def my_completion(record, facts):
    add_fact(record, DCAT.theme, facts)
    add_fact(record, DCTERMS.accessRights, facts | TEMPLATE)
    add_fact(record, DCATAP.applicableLegislation, facts)
    add_fact(record, DCAT.contactPoint, facts)


# %% lid="complete-check" tags=["check"] exercise="H1-1"
check("H1-1", my_completion)

# %% [markdown] lid="complete-after"
# The check never looks at your code or at the order of your statements. It reads them back out of the graph and compares them with a fact sheet that you have not seen. Now complete our record:

# %% lid="complete-answer"
complete = use("H1-1", my_completion)
complete(record, FACTS)
print(f"{tr('H1.line.complete')}: {len(violations(record))}")

# %% [markdown] lid="opinion-text" minutes=4
# ## 4 · Ask for a second opinion ({{section.minutes}} min)
#
# Zero violations of *our* rules. Health-RI also has a Python library with which holders can make their records, **SeMPyRO**. Does it agree? It needs older versions of some packages, so it is not installed everywhere. Where it is, the next cell asks it; elsewhere you see what it answered when we asked.

# %% lid="opinion-ask"
opinion = second_opinion(FACTS)
source = "H1.line.recorded" if opinion.recorded else "H1.line.live"
print(tr(source, version=opinion.version, day=opinion.recorded))
print(f"{tr('H1.line.required_ours')}: {len(our_names())}")
print(f"{tr('H1.line.required_theirs')}: {len(opinion.required)}")
print(f"{tr('H1.line.difference')}: {', '.join(sorted(opinion.required ^ our_names()))}")
print(f"{tr('H1.line.missing')}: {', '.join(opinion.missing)}")

# %% [markdown] lid="opinion-after"
# The two authorities disagree. The schema's shapes (version 2.0.1) ask for {{expected.required_ours}} properties, the library for {{expected.required_theirs}}: it also wants a *health category*, the kind of health data in the sense of the EHDS. That is no scandal: standards move, and tools move at another pace.
#
# What do you do? Write down both versions, as you would for any instrument. Ask which of the two decides: here that is the validator of the catalogue that harvests you. And if adding a true statement satisfies both, add it.

# %% [markdown] lid="repair-text" minutes=8
# ## 5 · Valid is not the same as true ({{section.minutes}} min)
#
# Forms like to fill in what you leave open. Here is a record made of such default values:

# %% lid="repair-template"
filled_in = full_record(FACTS | TEMPLATE)
print(f"{tr('H1.line.template')}: {len(violations(filled_in))}")
for rule in (DCTERMS.description, DCTERMS.identifier, DCTERMS.accessRights):
    print("  ", local_name(rule), "=", local_name(next(filled_in.objects(None, rule))))

# %% [markdown] lid="repair-exercise"
# It breaks no rule at all. It cannot be found, it cannot be told apart from the next one, and it promises the public data about patients. A validator sees form. Truth is your work.
#
# ### Exercise 2 · change ({{exercise.H1-2}} min)
#
# You get a `record` that somebody else has spoiled, and `facts`, which are true. The function below repairs what breaks a rule, with default values, so that `violations` returns nothing. Change it so that all mandatory properties (`MANDATORY`) say what the facts say. Leave everything else in the record as it is.
#
# - `clear(record, rule, facts)` removes the values of one property, and the blank nodes below them;
# - `add_fact(record, rule, facts)` adds what the facts say about one property.
#
# <details><summary>Hint</summary>
#
# Is every false statement a violation? Look at the access rights in the record above. And what happens to a contact who has left, when you remove only the arrow that points to them?
#
# </details>

# %% lid="repair-start" tags=["exercise"] exercise="H1-2"
def my_repair(record, facts):
    for dataset, rule in violations(record):
        clear(record, rule, facts)
        add_fact(record, rule, facts | TEMPLATE)


# %% lid="repair-solution" tags=["solution"] exercise="H1-2"
def my_repair(record, facts):
    for rule in MANDATORY:
        clear(record, rule, facts)
        add_fact(record, rule, facts)


# %% lid="repair-wrong-violations" tags=["wrong"] exercise="H1-2" hint="H1-2.allowed_but_false"
def my_repair(record, facts):
    for dataset, rule in violations(record):
        clear(record, rule, facts)
        add_fact(record, rule, facts)


# %% lid="repair-wrong-add" tags=["wrong"] exercise="H1-2" hint="H1-2.twice"
def my_repair(record, facts):
    for rule in MANDATORY:
        add_fact(record, rule, facts)


# %% lid="repair-wrong-wipe" tags=["wrong"] exercise="H1-2" hint="H1-2.lost"
def my_repair(record, facts):
    record.remove((None, None, None))
    for rule in MANDATORY:
        add_fact(record, rule, facts)


# %% lid="repair-wrong-orphan" tags=["wrong"] exercise="H1-2" hint="H1-2.remains"
def my_repair(record, facts):
    for rule in MANDATORY:
        record.remove((URIRef(facts["dataset"]), rule, None))
        add_fact(record, rule, facts)


# %% lid="repair-check" tags=["check"] exercise="H1-2"
check("H1-2", my_repair)

# %% lid="repair-answer"
repair = use("H1-2", my_repair)
repair(filled_in, FACTS)
print(f"{tr('H1.line.repaired')}: {len(violations(filled_in))}")
for rule in (DCTERMS.description, DCTERMS.identifier, DCTERMS.accessRights):
    print("  ", local_name(rule), "=", local_name(next(filled_in.objects(None, rule))))

# %% [markdown] lid="catalogue-text" minutes=4
# ## 6 · Test a whole catalogue ({{section.minutes}} min)
#
# A catalogue is only a larger graph. Here are 200 generated records of eight fictional hospitals. We gave each its own bad habits and everybody a few slips, so you know what there is to find. The same `violations` tests all of it at once:

# %% lid="catalogue-validate"
catalogue = make_catalogue(seed=2026)
started = time.perf_counter()
broken = violations(catalogue)
print(f"{tr('H1.line.seconds')}: {time.perf_counter() - started:.1f} s")
print(f"{tr('H1.line.violations')}: {len(broken)}")


def holder_of(dataset):
    return next(holder for holder in HOLDERS if f"{holder.lower()}.example" in dataset)


habits = Counter((holder_of(dataset), rule) for dataset, rule in sorted(broken))
brightest = [habit for habit, count in habits.most_common(8)]


def valid_after(repairs):
    left = {dataset for dataset, rule in broken if (holder_of(dataset), rule) not in brightest[:repairs]}
    return 200 - len(left)


print(f"{tr('H1.line.valid')}: {valid_after(0)}")
print(f"{tr('H1.line.valid_after')}: {valid_after(8)}")

# %% [markdown] lid="catalogue-after"
# Only {{expected.valid}} of 200 records would be harvested without an error. Nobody looks forward to repairing {{expected.violations}} properties by hand. But look at *where* they are:

# %% lid="catalogue-figure" tags=["figure"] alt="H1.figure.alt"
share = np.array([[habits[holder, rule] / 25 for holder in HOLDERS] for rule in MANDATORY])
valid = [valid_after(repairs) for repairs in range(9)]

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), width_ratios=(2.1, 1), layout="constrained")
mesh = left.imshow(100 * share, cmap="cividis", vmin=0, vmax=100, aspect="auto")
left.set_xticks(range(8), HOLDERS, rotation=30, ha="right", rotation_mode="anchor")
left.set_yticks(range(10), [local_name(rule) for rule in MANDATORY])
left.tick_params(length=0)
left.spines[:].set_visible(False)
for row, column in np.argwhere(share > 0):
    value = share[row, column]
    left.text(column, row, f"{100 * value:.0f}", ha="center", va="center", color="white" if value < 0.6 else INK)
left.set_title(tr("H1.figure.where"))
figure.colorbar(mesh, ax=left, label=tr("H1.figure.share"))

right.plot(range(9), valid, color=OKABE_ITO["blue"], marker="o", linewidth=1.8)
right.axhline(200, color=LINE, linewidth=1)
right.text(0, 196, tr("H1.figure.all"), color=MUTED, va="top")
for repairs, below in ((0, -18), (8, 10)):
    style = {"textcoords": "offset points", "ha": "center", "fontweight": "bold"}
    right.annotate(str(valid[repairs]), (repairs, valid[repairs]), (0, below), **style)
right.set(xlim=(-0.4, 8.4), ylim=(0, 210), xlabel=tr("H1.figure.repairs"), ylabel=tr("H1.figure.valid"))
right.set_title(tr("H1.figure.source"))
show(figure, tr("H1.figure.alt"))

# %% [markdown] lid="catalogue-lesson"
# A column that lights up in one row is not carelessness. It is one line in one export script, or one question that a form does not ask. Repair the eight brightest cells *at the source* and {{expected.valid_after}} records are valid, without touching a single one. Where the line on the right stays level, a hospital has two habits: one repair alone makes none of its records valid. What is left is scattered, and that is the part for people.

# %% [markdown] lid="search-text" minutes=7
# ## 7 · Ask the catalogue a question ({{section.minutes}} min)
#
# A graph is asked questions in **SPARQL**: you write statements with unknowns (`?dataset`), and get every way in which they fit. You want to call the holders of diabetes data, and the catalogue's editor wants to know which of those nobody can reach.
#
# ### Exercise 3 · transfer ({{exercise.H1-3}} min)
#
# Write a function that returns a list of all datasets with `word` in one of their keywords, in any language, with or without capitals, also as a part of a longer keyword, **and** without an e-mail address of a contact point. The query below finds too little and too much. It runs, so you can change it step by step.
#
# <details><summary>Hint</summary>
#
# `STR(?keyword)` leaves out the language, `LCASE(…)` the capitals, and `CONTAINS(a, b)` looks for a part. `FILTER NOT EXISTS { … }` keeps what does not fit a pattern; a path such as `dcat:contactPoint/vcard:hasEmail` goes on to the e-mail address. And what does `SELECT DISTINCT` do?
#
# </details>

# %% lid="search-start" tags=["exercise"] exercise="H1-3"
def my_search(catalogue, word):
    query = """
        SELECT ?dataset WHERE {
            ?dataset dcat:keyword ?keyword .
            FILTER(?keyword = ?word)
            FILTER NOT EXISTS { ?dataset dcat:contactPoint ?contact }
        }
    """
    rows = catalogue.query(query, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


# %% lid="search-solution" tags=["solution"] exercise="H1-3"
def my_search(catalogue, word):
    query = """
        SELECT DISTINCT ?dataset WHERE {
            ?dataset dcat:keyword ?keyword .
            FILTER(CONTAINS(LCASE(STR(?keyword)), LCASE(?word)))
            FILTER NOT EXISTS { ?dataset dcat:contactPoint/vcard:hasEmail ?email }
        }
    """
    rows = catalogue.query(query, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


# %% lid="search-wrong-capital" tags=["wrong"] exercise="H1-3" hint="H1-3.capital"
def my_search(catalogue, word):
    query = """
        SELECT DISTINCT ?dataset WHERE {
            ?dataset dcat:keyword ?keyword .
            FILTER(CONTAINS(STR(?keyword), ?word))
            FILTER NOT EXISTS { ?dataset dcat:contactPoint/vcard:hasEmail ?email }
        }
    """
    rows = catalogue.query(query, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


# %% lid="search-wrong-part" tags=["wrong"] exercise="H1-3" hint="H1-3.part"
def my_search(catalogue, word):
    query = """
        SELECT DISTINCT ?dataset WHERE {
            ?dataset dcat:keyword ?keyword .
            FILTER(LCASE(STR(?keyword)) = ?word)
            FILTER NOT EXISTS { ?dataset dcat:contactPoint/vcard:hasEmail ?email }
        }
    """
    rows = catalogue.query(query, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


# %% lid="search-wrong-contact" tags=["wrong"] exercise="H1-3" hint="H1-3.no_email"
def my_search(catalogue, word):
    query = """
        SELECT DISTINCT ?dataset WHERE {
            ?dataset dcat:keyword ?keyword .
            FILTER(CONTAINS(LCASE(STR(?keyword)), LCASE(?word)))
            FILTER NOT EXISTS { ?dataset dcat:contactPoint ?contact }
        }
    """
    rows = catalogue.query(query, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


# %% lid="search-wrong-twice" tags=["wrong"] exercise="H1-3" hint="H1-3.twice"
def my_search(catalogue, word):
    query = """
        SELECT ?dataset WHERE {
            ?dataset dcat:keyword ?keyword .
            FILTER(CONTAINS(LCASE(STR(?keyword)), LCASE(?word)))
            FILTER NOT EXISTS { ?dataset dcat:contactPoint/vcard:hasEmail ?email }
        }
    """
    rows = catalogue.query(query, initNs=PREFIXES, initBindings={"word": Literal(word)})
    return [row.dataset for row in rows]


# %% lid="search-check" tags=["check"] exercise="H1-3"
check("H1-3", my_search)

# %% lid="search-answer"
search = use("H1-3", my_search)
unreachable = search(catalogue, "diabetes")
print(f"{tr('H1.line.unreachable')}: {len(unreachable)}")
for holder, count in Counter(holder_of(found) for found in unreachable).most_common():
    print(f"   {holder}: {count}")

# %% [markdown] lid="cost-text" minutes=2
# ## 8 · What it cost, and what you keep ({{section.minutes}} min)
#
# Metadata are cheap: this is the whole bill.

# %% lid="cost"
stopwatch.report()

# %% [markdown] lid="summary"
# ### Summary
#
# - To be found, describe the dataset in DCAT: ten mandatory properties in the Health-RI Core Metadata Schema v2, IRIs where a machine must understand, text where people read.
# - SHACL turns that table into a test. Try the test on something wrong before you trust it.
# - Valid is not true: default values broke no rule. Compare with facts, not with the validator alone.
# - *Not public* means that there is a way in that you ask for. The description itself is open.
# - Repair at the source: eight habits explained most of {{expected.violations}} violations.
#
# ### What next
#
# - Describe a dataset of your own: change `FACTS` and run sections 1 to 3 again. Add a `dcat:Distribution`; the schema requires of it an access address, a title, a format, a size in bytes, a licence and a statement of rights.
# - Show the result to the data steward of your organisation. Onboarding with Health-RI goes through request, intake, planning and implementation, and every page must pass the validator with 0 errors before it is harvested.
# - Lesson H2 goes on where this one ends: with data that were found, and a result that may leave.
#
# **Sources.** Health-RI, *Core Metadata Schema* v2.0.1 (2025), CC-BY-4.0 · W3C, *Data Catalog Vocabulary (DCAT) Version 3* (2024) · W3C, *Shapes Constraint Language (SHACL)* (2017) · EU Publications Office, *Access right* authority table · Regulation (EU) 2025/327 on the European Health Data Space · M. D. Wilkinson and others (2016), *The FAIR Guiding Principles*, Scientific Data 3, 160018 · Data: generated for this lesson, fictional.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Short of time?** Leave out 7.
#
# **Questions that come**
#
# - *May I say RESTRICTED for patient data?* The EU list puts personal data under NON_PUBLIC; either way, say how to apply.
# - *Why do SHACL and SeMPyRO differ?* Versions. Note both, and obey the catalogue's validator.
# - *Must everything be in English?* No: one text per language.
