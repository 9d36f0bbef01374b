"""The Dutch that the messages of lesson A2 are made of; square brackets hold options."""

from __future__ import annotations

OPENINGS = ("Geachte heer, mevrouw,", "Beste medewerker,", "L.S.,", "Goedendag,", "Geacht college,", "Beste gemeente,")

CLOSINGS = (
    "Met vriendelijke groet,\n{name}",
    "Hoogachtend,\n{name}",
    "Alvast bedankt!\n{name}",
    "Groeten van\n{name}",
)

SECOND_TIME = (
    "Ik stuur dit bericht voor de tweede keer.",
    "Op mijn vorige bericht kreeg ik geen antwoord.",
    "Omdat ik nog niets heb gehoord, schrijf ik opnieuw.",
    "Graag hoor ik nu eindelijk iets.",
)

# What a sender says about himself or herself, by kind; said only where the sender gives it.
DETAILS = {
    "name": ("Mijn naam is {name}.", "Ik ben {name}.", "Deze vraag komt van {name}."),
    "street": (
        "Ik woon aan {street}, {postcode} {city}.",
        "Mijn adres is {street} in {city}, postcode {postcode}.",
        "U kunt mij schrijven: {street}, {postcode} {city}.",
    ),
    "bsn": (
        "Mijn BSN is {bsn}.",
        "Burgerservicenummer: {bsn}.",
        "U vindt mij onder BSN {bsn}.",
        "Ik sta bij u bekend met nummer {bsn}.",
    ),
    "iban": (
        "U kunt het bedrag overmaken op {iban}.",
        "Mijn rekening is {iban}.",
        "Er is afgeschreven van {iban}, en dat klopt niet.",
    ),
    "email": ("Mailen mag naar {email}.", "Mijn e-mailadres is {email}.", "Antwoord graag aan {email}."),
    "phone": ("Bellen kan op {phone}.", "Ik ben overdag te bereiken op {phone}.", "Mijn nummer is {phone}."),
    "birth_date": (
        "Ik ben geboren op {birth_date}.",
        "Geboortedatum: {birth_date}.",
        "Op {birth_date} ben ik geboren.",
    ),
    "case": ("Het gaat om zaaknummer {case}.", "Uw kenmerk is {case}.", "Dit hoort bij dossier {case}."),
}

TOPICS = (
    (
        "In onze straat is [de grijze container/de groene bak/het oud papier/het plastic] [twee/drie/vier] weken niet "
        "opgehaald.",
        "De ondergrondse container bij [de supermarkt/de school/het station/de apotheek] zit [elk weekend/steeds/bijna "
        "altijd] vol, zodat mensen hun zakken ernaast zetten.",
        "Volgens de afvalkalender zou de wagen op [maandag/dinsdag/woensdag/donderdag/vrijdag] komen, maar wij hebben "
        "niemand gezien.",
        "Kunt u mij vertellen waar ik [een oude matras/een kapotte koelkast/resten verf/snoeiafval] kan inleveren?",
        "De [meeuwen/kraaien/ratten/katten] trekken de zakken open en het vuil ligt tot in [de tuin/het portiek/de "
        "speeltuin/de sloot].",
        "Al [drie/vier/vijf/zes] keer heb ik hierover gebeld, en elke keer kreeg ik [een ander/geen/een half] antwoord.",
        "Wij zouden graag een [kleinere/grotere/tweede] bak krijgen, want ons huishouden is [dit jaar/sinds de "
        "zomer/onlangs] veranderd.",
        "Het zou helpen als er één keer per [week/maand/kwartaal] iemand [de stoep/het plein/het pad] schoonmaakt.",
    ),
    (
        "Ik wil mijn [paspoort/identiteitskaart/rijbewijs] verlengen, maar er is pas over [drie/vijf/zeven] weken een "
        "afspraak vrij.",
        "Op [maandag/dinsdag/donderdag] stond ik aan het loket, en daar bleek dat [de foto/het formulier/de machtiging] "
        "niet goed was.",
        "Wij gaan in [april/juni/oktober/december] op reis naar [Canada/Marokko/Japan/Noorwegen], dus ik heb haast.",
        "Mag mijn [dochter/zoon/broer/buurvrouw] het document voor mij ophalen als ik een brief meegeef?",
        "Op uw website staat dat het [tien/vijf/drie] werkdagen duurt, terwijl de brief over [drie/vier/zes] weken "
        "spreekt.",
        "Bij de aanvraag is mijn [voornaam/geboorteplaats/achternaam] verkeerd overgenomen, zonder trema: het moet met "
        "een ë.",
        "Ik begrijp niet waarom ik de [leges/kosten/toeslag] twee keer heb betaald, één keer [contant/met pin/online].",
        "Al sinds [februari/mei/augustus] probeer ik via [de telefoon/de website/de app] een afspraak te maken.",
    ),
    (
        "Sinds de nieuwe regels is er [overdag/’s avonds/in het weekend] voor bewoners geen plek meer in de buurt van "
        "[de kerk/de markt/het ziekenhuis/de haven].",
        "Mijn aanvraag voor een [bewonersvergunning/bezoekerspas/gehandicaptenparkeerplaats] is afgewezen met een "
        "verwijzing naar [artikel vier/het nieuwe beleid/de wachtlijst].",
        "De laadpaal op de hoek is [vorige maand/in januari/deze zomer] geplaatst en wordt door [taxi's/bestelbusjes/"
        "bezoekers] bezet gehouden.",
        "Ik kreeg een boete terwijl de automaat [defect/uitgevallen/in onderhoud] was; een foto stuur ik mee.",
        "Kunnen de vakken bij [nummer tien/de bocht/de brug/het trapveld] niet gewoon [schuin/haaks/langs de stoep] "
        "worden getekend?",
        "Wie [in de zorg/op de markt/in de bouw] werkt, komt hier om [zes/elf/vijf] uur thuis en rijdt dan [een half "
        "uur/drie rondjes/eindeloos] rond.",
        "Al met al vind ik de parkeertarieven in deze wijk [te hoog/onduidelijk/niet eerlijk verdeeld].",
        "Het bord bij de [inrit/garage/zijstraat] is door [een storm/een vrachtwagen/vandalen] omgevallen.",
    ),
    (
        "Voor een [dakkapel/schuur/uitbouw/carport] van [drie/vier/vijf] meter heb ik op de site een vergunning "
        "aangevraagd.",
        "De buren hebben een [boom/heg/schutting/veranda] geplaatst die [alle zon/het uitzicht/het regenwater] "
        "tegenhoudt.",
        "Volgens de tekening van de [architect/aannemer/constructeur] blijft de goot [onder/boven] de twee meter tachtig.",
        "Kan ik het dossier van [de oude fabriek/ons woonblok/het pand op de hoek] inzien voordat de termijn afloopt?",
        "Er wordt hier [’s nachts/op zondag/voor zeven uur] geheid, en de scheuren in [de gevel/het plafond/de keuken] "
        "worden groter.",
        "De welstandscommissie schrijft dat de kleur [groen/antraciet/rood] niet past, maar noemt geen [reden/norm/"
        "voorbeeld].",
        "Wij wachten nu [acht/tien/twaalf] weken op een besluit, terwijl er acht in de wet staan, zegt de [adviseur/"
        "notaris/makelaar].",
        "Graag hoor ik of een [warmtepomp/zonnepaneel/airco] aan de [voorkant/zijkant/achterkant] is toegestaan.",
    ),
    (
        "De muziek van het [café/buurthuis/festival/sportpark] dreunt tot [één/twee/drie] uur door in de slaapkamer.",
        "Mijn [vader/moeder/man/vrouw] is ziek en kan door het lawaai van [scooters/vliegtuigen/vuurwerk] niet slapen.",
        "De wijkagent zei dat de gemeente moet [meten/optreden/bemiddelen], en u zegt dat de politie dat doet.",
        "Op [nieuwjaarsdag/koningsdag/carnaval] waren er [tientallen/honderden/enkele] mensen in ons smalle straatje.",
        "Kunt u de coördinator vragen om [geluidsmeters/stewards/schermen] te plaatsen bij [het podium/de ingang/de "
        "parkeerplaats]?",
        "Een [gesprek/brief/petitie] met [vijf/dertig/zestig] handtekeningen van omwonenden heeft niets opgeleverd.",
        "Overdag hoor je [de school/de fabriek/het spoor] nauwelijks, maar ’s avonds draait de wind en [trilt/bromt/"
        "galmt] alles.",
        "Ik houd sinds [maart/juli/november] een logboek bij, met [tijden/filmpjes/decibels] van iedere avond.",
    ),
    (
        "In het plantsoen achter [de flat/het zwembad/de bibliotheek] is een [esdoorn/kastanje/wilg] [half dood/scheef "
        "gezakt/door de bliksem geraakt].",
        "Wij willen met de buurt een [geveltuin/moestuin/boomgaard] aanleggen en zoeken daarvoor [grond/subsidie/"
        "gereedschap].",
        "De maaiers hebben de [orchideeën/klaprozen/korenbloemen] weggehaald die we net hadden [gezaaid/geteld/"
        "gefotografeerd].",
        "Door de droogte van [juni/augustus/vorig jaar] zijn de nieuwe [linden/hagen/struiken] niet aangeslagen.",
        "De eikenprocessierups zit weer in [de laan/het bos/de dreef], vlak bij de [crèche/kinderboerderij/picknicktafel].",
        "Er liggen takken over het [fietspad/ruiterpad/voetpad] naar [het dorp/de dijk/de camping].",
        "Kan de sloot langs [het kerkhof/de rotonde/het weiland] worden uitgebaggerd? Het water [stinkt/staat stil/wordt "
        "groen].",
        "Als er gekapt wordt, hoort daar herplant bij, zo is in de raad van [mei/september/december] beloofd.",
    ),
    (
        "Mijn bijstand is met [honderd/tweehonderd/vijftig] euro gekort, omdat ik [boodschappen/een lening/een fiets] zou "
        "hebben gekregen.",
        "Voor de bijzondere bijstand vroeg u om [bankafschriften/offertes/een verklaring] over [drie/zes/twaalf] maanden.",
        "Sinds mijn [scheiding/ontslag/operatie] leef ik van [spaargeld/toeslagen/een klein pensioen].",
        "De consulent was [vriendelijk/streng/verhinderd] en zei dat ik [zou worden teruggebeld/bezwaar kon maken/een "
        "kopie kreeg].",
        "Ik heb recht op de individuele inkomenstoeslag, denk ik, maar het formulier is [onbegrijpelijk/alleen digitaal/"
        "verlopen].",
        "Kan de schuldhulp ook meekijken naar [mijn huur/de energierekening/een oude boete]?",
        "Met [twee/drie/vier] kinderen red ik het financiële plaatje van deze [winter/maand/herfst] niet.",
        "Een tolk [Arabisch/Pools/Tigrinya/Turks] zou bij het volgende gesprek erg fijn zijn.",
    ),
    (
        "De WOZ-waarde van onze [tussenwoning/boerderij/flat] is [tien/vijftien/twintig] procent hoger dan die van de "
        "buren.",
        "In het taxatieverslag staat een [garage/dakterras/kelder] die er helemaal niet is.",
        "Ik maak bezwaar tegen de aanslag, omdat [de fundering/het dak/de ligging] [slecht/verouderd/nadelig] is.",
        "Vorig jaar kreeg ik na [een telefoontje/een brief/een hoorzitting] wel gelijk, en nu begint het opnieuw.",
        "Kan ik de rioolheffing in [drie/acht/tien] termijnen betalen, of alleen [ineens/per kwartaal]?",
        "De hondenbelasting loopt door, terwijl [Bello/Max/Luna/Saar] in [de lente/het najaar/januari] is gestorven.",
        "Stuurt u mij de vergelijkingsobjecten, met [adressen/oppervlakten/foto's] erbij?",
        "Mijn kwijtschelding werd [zonder uitleg/per ongeluk/te laat] geweigerd, lees ik in de brief.",
    ),
    (
        "Op het kruispunt bij [de molen/het tankstation/de sporthal] gebeuren [elke maand/te vaak/om de haverklap] "
        "ongelukken.",
        "Auto's rijden hier [zestig/zeventig/tachtig], waar dertig mag, vooral [in de spits/na schooltijd/in het donker].",
        "Een drempel, een [versmalling/flitspaal/zebrapad] of [bloembakken/paaltjes/een knip] zou al veel schelen.",
        "De stoeptegels voor [het verpleeghuis/de bakker/de moskee] liggen zo los dat [rollators/kinderwagens/"
        "scootmobielen] blijven steken.",
        "Bus [vier/twaalf/zestig] stopt hier niet meer, dus [ouderen/scholieren/bezoekers] moeten [een kilometer/ver/"
        "langs de weg] lopen.",
        "De straatlantaarn bij de [tunnel/brug/trap] is [kapot/te fel/van slag] en knippert de hele nacht.",
        "Bij de wegafsluiting van [volgende week/de herfstvakantie/juni] is aan fietsers [niet gedacht/te laat gedacht].",
        "Als vader van een [brugklasser/kleuter/tweeling] houd ik mijn hart vast, iedere [ochtend/middag] opnieuw.",
    ),
    (
        "Voor het schooljaar dat in augustus begint, zoeken wij een [basisschool/brede school/taalklas] met plaats in "
        "groep [één/drie/vijf/zeven].",
        "Het leerlingenvervoer kwam [maandag/vrijdag/deze week] [een uur/veertig minuten/helemaal] niet, en er belde "
        "niemand.",
        "Mijn kind zit in een [rolstoel/speciale klas/pleeggezin] en heeft begeleiding nodig bij [gym/zwemles/overblijven].",
        "Het dak van het gymlokaal lekt [al jaren/sinds de verbouwing/na elke bui], vertelt de [conciërge/directeur/"
        "juf].",
        "Wie beslist er over de [vakantieweken/schooltijden/fusie] op [eilanden/dorpen/wijken] als de onze?",
        "De bibliotheekbus met [prentenboeken/strips/woordenboeken] kwam vroeger elke [dinsdag/donderdag] langs.",
        "Kunnen statushouders in de [avond/zomer] Nederlandse les volgen in [het gebouw/de aula/lokaal twaalf]?",
        "Voor de [musical/sportdag/kerstmarkt] willen we het plein [afsluiten/versieren/verlichten], met toestemming.",
    ),
)

MENU = (
    "Home | Inwoners | Ondernemers | Contact",
    "Inloggen met DigiD",
    "Zoeken",
    "Cookies accepteren",
    "Volg ons",
    "Nieuwsbrief | Sitemap | Privacy | Toegankelijkheid",
    "Agenda raad",
    "Afspraak maken",
    "Openingstijden",
    "Delen via e-mail",
    "Naar boven",
    "Lettergrootte A A A",
)

ENGLISH = (
    "The council meets every second Tuesday and anyone can register to speak.",
    "Please bring a valid passport when you collect your residence permit.",
    "Applications received after the deadline cannot be processed this year.",
    "Visitors should leave their bicycles near the entrance of the town hall.",
    "Our translators help newcomers with forms about housing and health insurance.",
    "Children under twelve travel free when their parents carry a city card.",
)
