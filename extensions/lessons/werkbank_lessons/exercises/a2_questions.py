"""Questions of lesson A2 to the letter about the AI facility, in Dutch as somebody might ask them, and function words.

Half of them may be used to choose a threshold, the other half judges it. The letter answers about three in five; the
others ask about something else, or about something that the letter leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """``answers`` are literal parts of the repaired letter: a sentence with one of them answers. None does when it is
    empty.
    """

    text: str
    answers: tuple[str, ...] = ()


# Words that say how a sentence is built and not what it is about.
FUNCTION_WORDS = frozenset(
    """
    aan al alle als ander andere ben bij binnen daar daarbij daarmee daarna daarom daarvan dan dat de deze die dit doen
    doet door dus een eens en er geen geven gaat gaan haar had hadden heb hebben hebt heeft het hij hoe hoeveel hun ik
    in is ja je jullie kan kunnen kunt maar mag me meer men met mij mijn moet moeten mogen na naar nee niet niets nog nu
    of om onder ons ook op over te tegen ten ter toch tot tussen uit uw van veel verder via volgens voor
    waar waarin waarom waarvan wanneer want was wat we welk welke werd werden wel wie wij wil worden wordt zal ze zei
    zelf zich zij zijn zo zoals zou zouden zullen
    """.split()
)

_ANSWERED = (
    ("Wat is een AI-faciliteit?", "is een one-stop-shop", "Een AI-fabriek is een gecentraliseerde"),
    ("Wie zitten er in het consortium?", "bestaande uit SURF"),
    ("Welk onderzoeksbureau heeft de meta-analyse gemaakt?", "onderzoeksbureau Dialogic", "Dialogic heeft daarvoor"),
    ("Hoeveel procent van de foundation models komt uit de Verenigde Staten?", "73%"),
    ("Wat is een foundation model?", "Een foundation model is een basis"),
    ("Noem een voorbeeld van een foundation model.", "Een voorbeeld van een foundation model"),
    ("Wanneer sluit de call van EuroHPC?", "Deze call sluit eind 2025"),
    ("Hoeveel AI-fabrieken zijn er in de eerste ronde gehonoreerd?", "zeven Europese AI-fabrieken"),
    ("Hoeveel voorstellen kregen in de tweede ronde een ja?", "daaruit zijn zes nieuwe voorstellen"),
    ("Is er budget voor de AI-faciliteit?", "geen budget op de departementale"),
    ("Waarom is Groningen een geschikte plek?", "wordt Groningen als locatie"),
    ("Voor welke optie kiest het kabinet?", "zet momenteel in op optie 3"),
    ("Wat is het nadeel van meedoen in andere lidstaten?", "Het grootste nadeel"),
    ("Welke voorwaarden gelden er bij optie 3?", "Randvoorwaarden bij optie 3"),
    ("Wat adviseerde de Autoriteit Persoonsgegevens over de app?", "riep de Autoriteit Persoonsgegevens op"),
    ("Mogen ambtenaren DeepSeek gebruiken?", "DeepSeek verboden voor het gebruik"),
    ("Waar komt de informatie van gebruikers van die app terecht?", "informatie van de gebruiker opgeslagen"),
    ("Hoeveel kan generatieve AI toevoegen aan de wereldeconomie?", "2,6 en 4,4 biljoen"),
    ("Is Snellius geschikt om grote AI-modellen te ontwikkelen?", "SURF (Snellius) zijn niet geschikt"),
    ("Hoeveel regionale AI-hubs telt Nederland?", "zeven regionale AI-hubs"),
    ("Voor welke sectoren zijn er kansen, zoals medicijnen?", "biotechnologie (plantveredeling"),
    ("Welk onderzoek heeft HPC nodig?", "klimaatmodellering"),
    ("Krijgen AiNed en HealthRI toegang tot rekenkracht?", "zoals AiNed en HealthRI"),
    ("Waar werkt het project GPT-NL aan?", "GPT-NL project"),
    ("Hoe vaak wordt de Kamer geïnformeerd?", "per kwartaal informeren"),
    ("Wordt er rekening gehouden met water en restwarmte?", "benutting van restwarmte"),
    ("Wat vindt de WRR van AI?", "Wetenschappelijke Raad voor het Regeringsbeleid"),
    ("Wat zijn de bouwstenen van AI?", "essentiële bouwstenen van AI"),
    ("Werken overheid en bedrijven in China samen?", "In China is er een sterke wisselwerking"),
    ("Wanneer kwam de Europese Commissie met het AI-innovatiepakket?", "Begin 2024 lanceerde"),
    ("Kan de overheid chatbots inzetten voor burgers?", "AI-gebaseerde chatbots"),
    ("Hoe maakt AI overheidsinstanties efficiënter?", "efficiëntie van overheidsinstanties"),
    ("Kan OCW geld vrijmaken door herprioritering?", "Herprioritering binnen de begroting"),
    ("Betaalt Groningen mee aan de faciliteit?", "cofinancieringsmiddelen beschikbaar", "medefinancier"),
    ("Wat vroeg het lid Krul over DeepSeek?", "het lid Krul (CDA)"),
    ("Met welke ministeries wordt er samengewerkt?", "de ministeries EZ, BZK en OCW", "drie betrokken departementen"),
    ("Wanneer is de Kamer voor het eerst over de verkenning geïnformeerd?", "Op 4 juni 2024"),
    ("Waarom is vertrouwen in AI van belang?", "Het versterken van het vertrouwen in AI"),
    ("Welke leden dienden de motie voor een AI-faciliteit in?", "Kathmann, Vermeer en Koekkoek, waarin"),
    ("Hoeveel labs heeft het programma ROBUST?", "ROBUST met rond de 30 AI-labs"),
    ("Waarop zou Nederland zich kunnen richten?", "specifieke toepassingen en specialistische AI-modellen"),
    ("Zijn snellere chips nodig voor efficiëntere algoritmes?", "niet enkel snellere chips"),
    ("Op welke voorwaarde dient Nederland een voorstel in?", "op voorwaarde dat de nationale financiering"),
    ("Wat gebeurt er als er geen publieke investeringen komen?", "Indien er in Nederland geen publieke"),
    ("Helpt de faciliteit om talent aan te trekken?", "aantrekken, opleiden en behouden van AI"),
    ("Wat biedt de faciliteit aan wetenschappers?", "Voor wetenschappers en kennisinstellingen"),
)

_ELSEWHERE = (
    "Heb je een recept voor stamppot?",
    "Hoe laat vertrekt de trein naar Utrecht?",
    "Wat is de hoofdstad van Australië?",
    "Hoe vraag ik een nieuw paspoort aan?",
    "Wanneer wordt het grofvuil opgehaald?",
    "Wie schreef de roman Max Havelaar?",
    "Hoe maak ik mijn fiets klaar voor de winter?",
    "Wat kost een parkeervergunning?",
    "Hoeveel inwoners heeft Rotterdam?",
    "Welke vogels overwinteren in de Wadden?",
    "Hoe hoog is de Domtoren?",
    "Welke wijn past bij vis?",
    "Hoe leer ik mijn hond zitten?",
    "Welke film draait er vanavond?",
    "Hoe lang moet een ei koken?",
)

_LEFT_OPEN = (
    "Hoeveel GPU's krijgt de AI-faciliteit?",
    "Wie wordt directeur van de AI-faciliteit?",
    "Hoeveel stroom verbruikt de supercomputer per jaar?",
    "Hoeveel miljoen euro kost de AI-faciliteit?",
    "In welk gebouw komt de supercomputer te staan?",
    "Wat vindt Duitsland van de Nederlandse AI-faciliteit?",
    "Hoeveel parameters heeft het taalmodel GPT-NL?",
    "Op welke chips is DeepSeek getraind?",
    "Hoeveel mensen komen er bij de AI-faciliteit werken?",
    "Hoe vraag ik als bedrijf rekentijd aan?",
    "Wat verdient een AI-onderzoeker bij een universiteit?",
    "Wanneer draait de supercomputer voor het eerst?",
    "Hoeveel water gebruikt het datacentrum?",
    "Met welke data is GPT-4 getraind?",
    "Wie is de voorzitter van AIC4NL?",
)


def questions() -> list[Question]:
    """All questions; those at even places are for choosing, those at odd places for judging."""
    answered = [Question(text, answers) for text, *answers_ in _ANSWERED for answers in (tuple(answers_),)]
    silent = [Question(text) for pair in zip(_ELSEWHERE, _LEFT_OPEN, strict=True) for text in pair]
    return answered + silent
