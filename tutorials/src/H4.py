# %% [markdown] lid="title"
# # {{title}}
#
# **For** researchers, data stewards and engineers who have used `numpy`. **{{minutes}} minutes**: {{minutes.read}} to read and run, {{minutes.exercises}} for three exercises.
#
# **After this lesson you have done three things**
#
# {{goals}}
#
# **You need** this notebook and about {{memory}} GB of memory; no network, and no GPU: where there is one, the same cells use it. Lesson H2 helps, because it tells what a pseudonym is. DICOM and U-Nets are explained where they appear.
#
# **Why here.** The government's letter on this facility speaks of “{{claim.medical-applications.quote}}” (*{{claim.medical-applications.en}}*). They begin with images that you may use, and with models that say when they do not know.
#
# Nobody's identity appears in this lesson. The one scan is a public test file that comes with `pydicom`, with a made-up identity; the other images are drawn by a program. Run a cell with <kbd>Shift</kbd>+<kbd>Enter</kbd>. You may skip an exercise: the lesson goes on with our version.

# %% lid="setup" tags=["setup"]
import copy
import datetime as dt
import io
import math
import secrets

import matplotlib.pyplot as plt
import numpy as np
import pydicom
import torch
from monai.losses import DiceLoss
from monai.networks.nets import UNet
from PIL import Image, ImageDraw, ImageFont
from pydicom.data import get_testdata_file
from pydicom.dataset import FileMetaDataset
from pydicom.sr.codedict import codes
from torch.nn import BCEWithLogitsLoss

from werkbank_lessons import Stopwatch, check, set_language, tr, use
from werkbank_lessons.exercises.h4_scans import ACTIONS, days_for, make_scans, moved, new_uid, pseudonym
from werkbank_lessons.exercises.h4_slices import PIXEL_AREA, make_slices
from werkbank_lessons.figures import INK, LINE, MUTED, OKABE_ITO, show, use_house_style

set_language("en")
use_house_style()
stopwatch = Stopwatch()

# %% [markdown] lid="header-text" minutes=6
# ## 1 · A picture with a long memory ({{section.minutes}} min)
#
# Hospitals keep images in **DICOM**. A DICOM file is a picture with a header: a list of *elements*, each with a tag (two hexadecimal numbers), a type, and a value. An element may be a *sequence*, which holds elements of its own. Tags with an odd first number are *private*: each manufacturer decides what is in them. Here is one slice of a CT scan:

# %% lid="header-read"
scan = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
every = list(scan.iterall())
print(f"{tr('H4.line.elements')}: {len(every)}")
print(f"{tr('H4.line.private')}: {sum(element.tag.is_private for element in every)}")
for keyword in ("PatientName", "PatientID", "StudyDate", "AcquisitionDate", "InstitutionName", "PixelSpacing"):
    print("  ", scan[keyword])

# %% [markdown] lid="header-hidden"
# You would find the name, the number and the dates. Suppose you empty those. Now look at three other places:

# %% lid="header-look"
print(scan.OtherPatientIDsSequence[0].PatientID)
print(scan.SOPInstanceUID)
print(scan[0x0009, 0x1027].value, "→", dt.datetime.fromtimestamp(scan[0x0009, 0x1027].value, dt.UTC))

# %% [markdown] lid="header-after"
# A second patient number, inside a sequence. A **UID** (a worldwide unique number that links the images of a study), with the date and time at which it was made. And one of {{expected.private}} private elements, which pydicom knows as *Image actual date*: an innocent whole number that is the moment of the scan, to the second.
#
# On the other hand, you cannot throw the whole header away. Without `PixelSpacing` there are no millimetres, and without `RescaleSlope` and `RescaleIntercept` no **Hounsfield units** (HU), the scale on which water is 0 and air −1000.

# %% [markdown] lid="deid-text" minutes=12
# ## 2 · De-identify, by the standard ({{section.minutes}} min)
#
# The DICOM standard tells how: PS3.15, annex E, the **Basic Application Level Confidentiality Profile**. Its table E.1-1 has a row for each of hundreds of attributes, with a letter for what must happen. Options change a letter where research needs more; we take the one for *modified dates*. This is the part that our scans need:
#
# | letter | what happens | for example |
# |---|---|---|
# | K | keep | `Rows`, `PixelSpacing`, `PixelData` |
# | X | remove | `InstitutionName`, `ImageComments`, `PatientAge` |
# | Z | make empty; a CT image must have the element | `PatientName`, `PatientBirthDate`, `StudyTime` |
# | D | replace, here by a pseudonym | `PatientID` |
# | U | a new UID, **the same new one wherever the old one stood** | `StudyInstanceUID` |
# | C | clean; a date moves, **all dates of a patient by the same number of days** | `StudyDate` |
#
# `ACTIONS` has the letter of every element that we name. What it does not name gets an X. There we are stricter than the standard, whose table lists what must go: with us, what nobody thought of goes too.
#
# Four tools are ready. Each takes a secret `key`, so that nobody can repeat them without it (lesson H2 tells why):

# %% lid="deid-tools"
key = secrets.token_bytes(32)
print(ACTIONS["StudyDate"], ACTIONS["PatientName"], ACTIONS.get("InstitutionName", "X"))
print(pseudonym("100203", key), pseudonym("100203", key))
print(new_uid(scan.StudyInstanceUID, key))
print(moved("20240301", days_for("100203", key)), moved("20240308", days_for("100203", key)))

# %% [markdown] lid="deid-exercise"
# ### Exercise 1 · try ({{exercise.H4-1}} min)
#
# The function below returns a de-identified copy of a scan. It runs, and has five mistakes that all occur in practice. Run it, read what the check says, and mend one after the other: private elements, elements within sequences, UIDs, the pseudonym, and dates.
#
# <details><summary>Hint</summary>
#
# `clean.remove_private_tags()` reaches into sequences. So does `clean.walk(act)`, which calls your function `act(dataset, element)` for every element, with the dataset in which it stands. Find the number of days once, from the number of the patient, before you replace that.
#
# </details>

# %% lid="deid-start" tags=["exercise"] exercise="H4-1"
def my_deidentify(image, key):
    clean = copy.deepcopy(image)
    for element in clean:
        action = ACTIONS.get(element.keyword, "X")
        if action == "X" and not element.tag.is_private:
            del clean[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = "anonymous"
        elif action == "U":
            element.value = pydicom.uid.generate_uid()
        elif action == "C":
            element.value = "19000101"
    return clean


# %% lid="deid-solution" tags=["solution"] exercise="H4-1"
def my_deidentify(image, key):
    days = days_for(image.PatientID, key)
    clean = copy.deepcopy(image)
    clean.remove_private_tags()

    def act(dataset, element):
        action = ACTIONS.get(element.keyword, "X")
        if action == "X":
            del dataset[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = pseudonym(element.value, key)
        elif action == "U":
            element.value = new_uid(element.value, key)
        elif action == "C":
            element.value = moved(element.value, days)

    clean.walk(act)
    return clean


# %% lid="deid-wrong-private" tags=["wrong"] exercise="H4-1" hint="H4-1.private"
def my_deidentify(image, key):
    days = days_for(image.PatientID, key)
    clean = copy.deepcopy(image)

    def act(dataset, element):
        action = "K" if element.tag.is_private else ACTIONS.get(element.keyword, "X")
        if action == "X":
            del dataset[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = pseudonym(element.value, key)
        elif action == "U":
            element.value = new_uid(element.value, key)
        elif action == "C":
            element.value = moved(element.value, days)

    clean.walk(act)
    return clean


# %% lid="deid-wrong-nested" tags=["wrong"] exercise="H4-1" hint="H4-1.uid_nested"
def my_deidentify(image, key):
    days = days_for(image.PatientID, key)
    clean = copy.deepcopy(image)
    clean.remove_private_tags()
    for element in clean:
        action = ACTIONS.get(element.keyword, "X")
        if action == "X":
            del clean[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = pseudonym(element.value, key)
        elif action == "U":
            element.value = new_uid(element.value, key)
        elif action == "C":
            element.value = moved(element.value, days)
    return clean


# %% lid="deid-wrong-uid" tags=["wrong"] exercise="H4-1" hint="H4-1.uid_unlike"
def my_deidentify(image, key):
    days = days_for(image.PatientID, key)
    clean = copy.deepcopy(image)
    clean.remove_private_tags()

    def act(dataset, element):
        action = ACTIONS.get(element.keyword, "X")
        if action == "X":
            del dataset[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = pseudonym(element.value, key)
        elif action == "U":
            element.value = pydicom.uid.generate_uid()
        elif action == "C":
            element.value = moved(element.value, days)

    clean.walk(act)
    return clean


# %% lid="deid-wrong-class" tags=["wrong"] exercise="H4-1" hint="H4-1.class"
def my_deidentify(image, key):
    clean = copy.deepcopy(image)
    clean.remove_private_tags()

    def act(dataset, element):
        if element.VR == "UI":
            element.value = new_uid(element.value, key)
        elif element.VR in ("PN", "DA", "TM"):
            element.clear()

    clean.walk(act)
    return clean


# %% lid="deid-wrong-dates" tags=["wrong"] exercise="H4-1" hint="H4-1.interval"
def my_deidentify(image, key):
    clean = copy.deepcopy(image)
    clean.remove_private_tags()

    def act(dataset, element):
        action = ACTIONS.get(element.keyword, "X")
        if action == "X":
            del dataset[element.tag]
        elif action == "Z":
            element.clear()
        elif action == "D":
            element.value = pseudonym(element.value, key)
        elif action == "U":
            element.value = new_uid(element.value, key)
        elif action == "C":
            element.value = moved(element.value, days_for(element.value, key))

    clean.walk(act)
    return clean


# %% lid="deid-wrong-needed" tags=["wrong"] exercise="H4-1" hint="H4-1.needed"
def my_deidentify(image, key):
    clean = pydicom.Dataset()
    for keyword in ("SOPClassUID", "Modality", "Rows", "Columns", "BitsStored", "PixelRepresentation", "PixelData"):
        clean[keyword] = image[keyword]
    return clean


# %% lid="deid-check" tags=["check"] exercise="H4-1"
check("H4-1", my_deidentify)

# %% [markdown] lid="prove-text" minutes=6
# ## 3 · Prove it, and look at the pixels ({{section.minutes}} min)
#
# The check made up five scans of three people called *Fictief*. We take five others and write them to a file, because a file has a header before the header: the *file meta information*, with the UID once more, and 128 bytes before it in which anything may stand. Make both anew. Then say in the file what was done, in the codes of the standard:

# %% lid="prove-write"
deidentify = use("H4-1", my_deidentify)


def to_bytes(clean):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = clean.SOPClassUID
    meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    clean.file_meta, clean.preamble = meta, bytes(128)
    file = io.BytesIO()
    clean.save_as(file, enforce_file_format=True)
    return file.getvalue()


def label(clean):
    profile = codes.cid7050
    done = (
        profile.BasicApplicationConfidentialityProfile,
        profile.RetainLongitudinalTemporalInformationModifiedDatesOption,
    )
    clean.PatientIdentityRemoved = "YES"
    clean.LongitudinalTemporalInformationModified = "MODIFIED"
    clean.DeidentificationMethodCodeSequence = [pydicom.Dataset() for _ in done]
    for item, code in zip(clean.DeidentificationMethodCodeSequence, done, strict=True):
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return clean


scans = make_scans(np.random.default_rng(2026))
cleaned = [label(deidentify(one, key)) for one in scans]
for item in cleaned[0].DeidentificationMethodCodeSequence:
    print(item.CodeValue, item.CodeMeaning)

# %% [markdown] lid="prove-search-text"
# Do not believe the function, search the bytes. Whoever holds the original knows what to look for:

# %% lid="prove-search"
secret = [("Fictief", "Zonnedal", one.PatientID, one.StudyDate, one.StudyInstanceUID) for one in scans]


def hits(files):
    return sum(file.count(word.encode()) for file, words in zip(files, secret, strict=True) for word in words)


print(f"{tr('H4.line.before')}: {hits([to_bytes(copy.deepcopy(one)) for one in scans])}")
print(f"{tr('H4.line.after')}: {hits([to_bytes(one) for one in cleaned])}")
for name, visits in (("before", scans), ("after", cleaned)):
    first, later = (dt.datetime.strptime(visits[number].StudyDate, "%Y%m%d") for number in (0, 2))
    print(f"{tr(f'H4.line.days_{name}')}: {(later - first).days}")

# %% [markdown] lid="prove-pixels-text"
# Nothing left, and the two visits lie as far apart as before. And still not done. Ultrasound images, scanned reports and screen captures often have text **in the picture**. We write a fictional name into the pixels of a copy, and clean its header:

# %% lid="prove-pixels"
def as_capture(image, text):
    """An 8-bit picture of a CT slice, soft tissue between −160 and 240 HU, with text in it, as a screen shows it."""
    hounsfield = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
    grey = (np.clip((hounsfield + 160) / 400, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(grey).resize((512, 512), Image.Resampling.BICUBIC)
    font = ImageFont.load_default(size=22)
    ImageDraw.Draw(picture).text((14, 12), text, fill=255, font=font, stroke_width=2, stroke_fill=0)
    return np.array(picture)


capture = copy.deepcopy(scans[0])
pixels = as_capture(capture, f"FICTIEF, PROEFPERSOON {capture.PatientID}\n{capture.PatientBirthDate}   ZKH ZONNEDAL")
capture.set_pixel_data(pixels, "MONOCHROME2", 8, generate_instance_uid=False)
sent = deidentify(capture, key)
masked = sent.pixel_array.copy()
masked[6:68, 4:404] = 0
print(sent["PatientName"])

# %% lid="prove-figure" tags=["figure"] alt="H4.figure.alt_pixels"
figure, panels = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
for axes, picture, name in zip(panels, (sent.pixel_array, masked), ("header_clean", "masked"), strict=True):
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
    axes.set_title(tr(f"H4.figure.{name}"))
    axes.set_axis_off()
panels[0].add_patch(plt.Rectangle((4, 6), 400, 62, fill=False, edgecolor=OKABE_ITO["orange"], linewidth=2.5))
show(figure, tr("H4.figure.alt_pixels"))

# %% [markdown] lid="prove-after"
# No header tells you reliably whether there is text in the pixels: the element `BurnedInAnnotation` may say so, and is often missing. So look at every kind of picture that you receive, and mask. That is an option of its own in the standard (*Clean Pixel Data*), as is *Clean Recognizable Visual Features*: from a scan of a head a face can be drawn.
#
# **What we did not do.** Our list knows the elements of these CT images and no other kind. Structured reports, overlays and faces need their own options; file and folder names are not in the table at all. Dates that all move back equally far keep their order and their intervals, so an unusual series of visits remains recognisable. And as in lesson H2: as long as a key exists, the images are **pseudonymised** and remain personal data under the GDPR. Without the key the pixels are still the same, and whoever has the original recognises them.

# %% [markdown] lid="train-text" minutes=7
# ## 4 · A network that outlines ({{section.minutes}} min)
#
# Now the images may be used, and somebody asks: *how large is the lesson in this slice, in cm²?* For that you need an outline: **segmentation**. For real research, doctors draw hundreds of outlines. We let a program draw slices in which the truth is known: a piece of liver-like tissue of 128 × 128 mm, pixels of 2 mm, with bright vessels and darker lesions, some hardly darker than the noise. A slice in four has no lesion. It is a toy; real tissue is harder.

# %% lid="train-data"
SEED = 1
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(tr("H4.line.on_gpu", name=torch.cuda.get_device_name()) if device.type == "cuda" else tr("H4.line.on_cpu"))
torch.set_num_threads(1)

images, truth = make_slices(100 * SEED, 160)
calibration_images, calibration_truth = make_slices(100 * SEED + 1, 200)
test_images, test_truth = make_slices(100 * SEED + 2, 300)


def to_input(images):
    return torch.tensor((images - 100) / 40, device=device)[:, np.newaxis]


# %% [markdown] lid="train-split"
# Three sets, as always: to learn from, to calibrate with, to report on. In real data one patient has many slices, and they are alike: divide the *patients*, or you test on what you trained on.
#
# A **U-Net** makes the image smaller in steps, to see what is there, and larger again, to tell where; bridges carry the detail across. MONAI has one ready. It gives a number per pixel, and the sigmoid function makes a probability of that.

# %% lid="train-network"
def make_network(seed):
    torch.manual_seed(seed)
    layers = {"channels": (8, 16, 32), "strides": (2, 2), "norm": "batch"}
    return UNet(spatial_dims=2, in_channels=1, out_channels=1, **layers).to(device)


def train(seed, loss, epochs=12, batches=10, rate=0.015):
    random, network = np.random.default_rng(seed), make_network(seed)
    inputs, targets = to_input(images), torch.tensor(truth, dtype=torch.float32, device=device)[:, np.newaxis]
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * batches)
    for _ in range(epochs):
        for chosen in np.array_split(random.permutation(len(images)), batches):
            mirrored = [axis for axis in (2, 3) if random.random() < 0.5]
            optimizer.zero_grad()
            loss(network(inputs[chosen].flip(mirrored)), targets[chosen].flip(mirrored)).backward()
            optimizer.step()
            scheduler.step()
    return network.eval()


@torch.no_grad()
def probability(networks, images):
    return np.mean([torch.sigmoid(network(to_input(images)))[:, 0].cpu().numpy() for network in networks], axis=0)


dice_trained = [train(SEED, DiceLoss(sigmoid=True))]
ensemble = [train(SEED * 10 + member, BCEWithLogitsLoss()) for member in range(3)]
print(f"{tr('H4.line.parameters')}: {sum(weights.numel() for weights in ensemble[0].parameters())}")

# %% [markdown] lid="train-after"
# Four networks of {{expected.parameters}} weights each. The first learned with the *Dice loss*, which rewards overlap and is popular where lesions are small. The other three, an **ensemble**, learned with *cross-entropy*, which rewards honest probabilities pixel by pixel; they differ in their random beginning, and we use the mean of their three answers. A pixel counts as lesion when its probability exceeds 0.5.

# %% [markdown] lid="dice-text" minutes=8
# ## 5 · One number for an outline ({{section.minutes}} min)
#
# Count the pixels that are right? Lesions are so small that a network that never finds any would have most pixels right. The **Dice score** looks at lesions only: twice the overlap, divided by the two areas together,
#
# $$\text{Dice} = \frac{2\,|A \cap B|}{|A| + |B|},$$
#
# 1 for the same outline, 0 for no overlap.
#
# ### Exercise 2 · change ({{exercise.H4-2}} min)
#
# The function below gives one Dice score for all pixels of all slices together, so large lesions decide. Change it: a score **for each slice** (`found` and `truth` are slices × height × width, yes or no). Where there is no lesion and none was found, the score is 1: that is what it should do there.
#
# <details><summary>Hint</summary>
#
# `sum(axis=(1, 2))` adds up within each slice. What happens where both are empty? `np.where(condition, a, b)` chooses, but computes both: take care that nothing is divided by zero.
#
# </details>

# %% lid="dice-start" tags=["exercise"] exercise="H4-2"
def my_dice(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


# %% lid="dice-solution" tags=["solution"] exercise="H4-2"
def my_dice(found, truth):
    both = (found & truth).sum(axis=(1, 2))
    together = found.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))
    return np.where(together == 0, 1, 2 * both / np.maximum(together, 1))


# %% lid="dice-wrong-pooled" tags=["wrong"] exercise="H4-2" hint="H4-2.pooled"
def my_dice(found, truth):
    return np.mean(2 * (found & truth).sum() / (found.sum() + truth.sum()))


# %% lid="dice-wrong-jaccard" tags=["wrong"] exercise="H4-2" hint="H4-2.jaccard"
def my_dice(found, truth):
    both = (found & truth).sum(axis=(1, 2))
    either = (found | truth).sum(axis=(1, 2))
    return np.where(either == 0, 1, both / np.maximum(either, 1))


# %% lid="dice-wrong-accuracy" tags=["wrong"] exercise="H4-2" hint="H4-2.accuracy"
def my_dice(found, truth):
    return (found == truth).mean(axis=(1, 2))


# %% lid="dice-wrong-empty" tags=["wrong"] exercise="H4-2" hint="H4-2.empty"
def my_dice(found, truth):
    both = (found & truth).sum(axis=(1, 2))
    together = found.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))
    return 2 * both / np.maximum(together, 1)


# %% lid="dice-wrong-smooth" tags=["wrong"] exercise="H4-2" hint="H4-2.smooth"
def my_dice(found, truth):
    both = (found & truth).sum(axis=(1, 2))
    together = found.sum(axis=(1, 2)) + truth.sum(axis=(1, 2))
    return (2 * both + 1) / (together + 1)


# %% lid="dice-check" tags=["check"] exercise="H4-2"
check("H4-2", my_dice)

# %% lid="dice-answer"
dice = use("H4-2", my_dice)
test_sharp, test_probability = probability(dice_trained, test_images), probability(ensemble, test_images)
found = test_probability > 0.5
scores = dice(found, test_truth)
print(f"{tr('H4.line.pixels')}: {100 * np.mean(found == test_truth):.1f} %")
print(f"{tr('H4.line.never')}: {100 * np.mean(~test_truth):.1f} %")
print(f"{tr('H4.line.pooled')}: {dice(found.reshape(1, 1, -1), test_truth.reshape(1, 1, -1))[0]:.2f}")
print(f"{tr('H4.line.dice')}: {scores.mean():.2f}")
print(f"{tr('H4.line.dice_sharp')}: {dice(test_sharp > 0.5, test_truth).mean():.2f}")

# %% lid="dice-figure" tags=["figure"] alt="H4.figure.alt_outlines"
with_lesion = np.flatnonzero(test_truth.any(axis=(1, 2)) & found.any(axis=(1, 2)))
ranked = with_lesion[np.argsort(scores[with_lesion])]
missed = np.flatnonzero(test_truth.any(axis=(1, 2)) & ~found.any(axis=(1, 2)))
middle, poor = ranked[len(ranked) // 2], ranked[len(ranked) // 20]
examples = {"good": ranked[-5], "middle": middle, "poor": poor, "missed": missed[0]}


def draw_slice(axes, image, truth, found):
    axes.imshow(image, cmap="gray", vmin=20, vmax=160)
    axes.contour(truth, levels=[0.5], colors=OKABE_ITO["orange"], linewidths=2)
    if found.any():
        axes.contour(found, levels=[0.5], colors=OKABE_ITO["sky"], linewidths=2, linestyles="dashed")
    axes.set_axis_off()


def draw_scale(axes):
    """A bar of 2 cm, ten pixels."""
    axes.plot([3, 13], [60, 60], color="white", linewidth=3, solid_capstyle="butt")
    axes.text(8, 58, "2 cm", color="white", ha="center", va="bottom", fontsize=10, fontweight="bold")


figure, panels = plt.subplots(1, 4, figsize=(13, 3.8), layout="constrained")
for axes, (name, place) in zip(panels, examples.items(), strict=True):
    draw_slice(axes, test_images[place], test_truth[place], found[place])
    axes.set_title(f"{tr(f'H4.figure.{name}')}\nDice {scores[place]:.2f}")
draw_scale(panels[0])
figure.text(0.01, 0.02, tr("H4.figure.true_outline"), color=OKABE_ITO["orange"], fontweight="bold", va="top")
figure.text(0.26, 0.02, tr("H4.figure.found_outline"), color=OKABE_ITO["sky"], fontweight="bold", va="top")
show(figure, tr("H4.figure.alt_outlines"))

# %% [markdown] lid="dice-after"
# {{expected.pixels}} of the pixels are right, and that says nothing: who never finds a lesion has {{expected.never}} right. Over all pixels together Dice is {{expected.pooled}}; per slice it is {{expected.dice}} on average, because small lesions now count as much as large ones. Say which of the two you report. And the two ways of learning hardly differ: {{expected.dice_sharp}} with the Dice loss. Hardly differ in outlines, that is.

# %% [markdown] lid="honest-text" minutes=7
# ## 6 · Is 80 % really 80 %? ({{section.minutes}} min)
#
# A probability is **calibrated** when of all the pixels that got 80 %, about 80 % are lesion. That can be counted. The *expected calibration error* is the mean distance between what was said and what was true, over ten classes of probability.

# %% lid="honest-compute"
def calibration_error(said, true, classes=10):
    place = np.minimum((said * classes).astype(int), classes - 1)
    size = np.bincount(place, minlength=classes)
    gap = np.abs(np.bincount(place, said, classes) - np.bincount(place, true, classes))
    return gap.sum() / size.sum()


def undecided(said, certain=0.05):
    return (said > certain) & (said < 1 - certain)


for name, said in (("sharp", test_sharp), ("ensemble", test_probability)):
    doubtful = undecided(said)
    print(f"{tr(f'H4.line.all_{name}')}: {100 * calibration_error(said.ravel(), test_truth.ravel()):.1f} %")
    print(f"{tr(f'H4.line.undecided_{name}')}: {100 * calibration_error(said[doubtful], test_truth[doubtful]):.0f} %")
    print(f"{tr(f'H4.line.share_{name}')}: {100 * doubtful.mean():.1f} %")

single = probability(ensemble[:1], test_images)
single_error = calibration_error(single[undecided(single)], test_truth[undecided(single)])
print(f"{tr('H4.line.undecided_single')}: {100 * single_error:.0f} %")

# %% lid="honest-figure" tags=["figure"] alt="H4.figure.alt_calibration"
def draw_calibration(axes, said, true, colour, name, place, **aligned):
    edges = np.linspace(0, 1, 11)
    classes = np.digitize(said, edges[1:-1])
    means = np.array([[said[classes == one].mean(), true[classes == one].mean()] for one in range(10)])
    axes.plot(*(100 * means.T), "o-", color=colour, linewidth=2, markersize=6, clip_on=False)
    axes.text(*place, tr(name), color=colour, fontweight="bold", **aligned)


figure, axes = plt.subplots(figsize=(7.2, 6))
axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
axes.text(69, 63.5, tr("H4.figure.honest"), color=MUTED, rotation=45, rotation_mode="anchor", fontsize=11)
draw_calibration(axes, test_sharp, test_truth, OKABE_ITO["vermilion"], "H4.figure.sharp", (48, 27))
draw_calibration(axes, test_probability, test_truth, OKABE_ITO["blue"], "H4.figure.ensemble", (54, 65), ha="right")
axes.set(xlim=(0, 100), ylim=(0, 100), xlabel=tr("H4.figure.said"), ylabel=tr("H4.figure.true"), aspect="equal")
axes.set_title(tr("H4.figure.calibration_title"))
show(figure, tr("H4.figure.alt_calibration"))

# %% [markdown] lid="honest-after"
# Over all pixels both look excellent: {{expected.all_sharp}} and {{expected.all_ensemble}}. That is the same trap as before, because nearly all pixels are easy. Among the pixels between 5 and 95 % the network with the Dice loss is off by {{expected.undecided_sharp}} on average (in percentage points), the ensemble by {{expected.undecided_ensemble}}. The Dice loss gains by saying 0 or 1, also when it does not know; cross-entropy loses by that. Nearly the same Dice, very different honesty.
#
# And the ensemble? One network of it alone is off by {{expected.undecided_single}}. Here the loss made the difference, and three networks instead of one hardly any. Measure that before you pay for it.

# %% [markdown] lid="margin-text" minutes=10
# ## 7 · A margin that keeps its promise ({{section.minutes}} min)
#
# Calibrated pixels do not yet tell how far the *area* may be off. For that you need no theory of networks, only slices that the networks have not seen, with their truth: the calibration set. Its errors tell what errors to expect:

# %% lid="margin-errors"
def area(mask):
    return mask.sum(axis=(1, 2)) * PIXEL_AREA


calibration_found = probability(ensemble, calibration_images) > 0.5
errors = np.abs(area(calibration_found) - area(calibration_truth))
print(f"{tr('H4.line.errors')}: {len(errors)}")
print(f"{tr('H4.line.median_error')}: {np.median(errors):.2f} cm²")

# %% [markdown] lid="margin-exercise"
# Suppose you want a margin that at most one new slice in ten exceeds. The new error is as likely to come first, second, third … or last among the *n* old ones: *n* + 1 places. It stays within the *k*-th smallest old error with probability *k* / (*n* + 1). So take the smallest *k* for which that is at least 0.9. This is **conformal prediction**. It asks nothing of the network, and one thing of the data: that the new slice is of the same kind as the old ones.
#
# ### Exercise 3 · transfer ({{exercise.H4-3}} min)
#
# Write a function that returns that *k*-th smallest error, for any probability `miss` of a larger one. With too few errors no *k* is large enough; then no margin can be promised, and the answer is `math.inf`. You can use it for the error of any model.
#
# <details><summary>Hint</summary>
#
# Which whole number *k* is the smallest with *k* ≥ (*n* + 1)(1 − `miss`)? `math.ceil` rounds up. `np.sort` sorts; the *k*-th smallest is at position *k* − 1.
#
# </details>

# %% lid="margin-start" tags=["exercise"] exercise="H4-3"
def my_margin(errors, miss):
    ...


# %% lid="margin-solution" tags=["solution"] exercise="H4-3"
def my_margin(errors, miss):
    rank = math.ceil((len(errors) + 1) * (1 - miss))
    return np.sort(errors)[rank - 1] if rank <= len(errors) else math.inf


# %% lid="margin-wrong-quantile" tags=["wrong"] exercise="H4-3" hint="H4-3.between"
def my_margin(errors, miss):
    return np.quantile(errors, 1 - miss)


# %% lid="margin-wrong-rank" tags=["wrong"] exercise="H4-3" hint="H4-3.correction"
def my_margin(errors, miss):
    rank = math.ceil(len(errors) * (1 - miss))
    return np.sort(errors)[rank - 1]


# %% lid="margin-wrong-few" tags=["wrong"] exercise="H4-3" hint="H4-3.few"
def my_margin(errors, miss):
    rank = math.ceil((len(errors) + 1) * (1 - miss))
    return np.sort(errors)[min(rank, len(errors)) - 1]


# %% lid="margin-wrong-tail" tags=["wrong"] exercise="H4-3" hint="H4-3.tail"
def my_margin(errors, miss):
    rank = math.ceil((len(errors) + 1) * miss)
    return np.sort(errors)[rank - 1]


# %% lid="margin-check" tags=["check"] exercise="H4-3"
check("H4-3", my_margin)

# %% lid="margin-answer"
margin = float(use("H4-3", my_margin)(errors, 0.1))
within = np.abs(area(found) - area(test_truth)) <= margin
print(f"{tr('H4.line.margin')}: {margin:.1f} cm²")
print(f"{tr('H4.line.within')}: {100 * within.mean():.0f} %")

# %% [markdown] lid="margin-refer-text"
# {{expected.within}} of the test slices stay within {{expected.margin}}, where we promised 90 % or more on average. (With 200 slices to calibrate and 300 to test, a few percentage points more or less are chance.)
#
# A margin that is the same for all does not say *which* slices to distrust. The pixels do. Our *doubt* is the undecided area (between 10 and 90 %), relative to the area found, with half a cm² added so that it also means something where nothing was found. Refer the most doubtful slices to a person, and see how good the rest is:

# %% lid="margin-doubt"
def doubt(said):
    return area(undecided(said, certain=0.1)) / (area(said > 0.5) + 0.5)


order = np.argsort(doubt(test_probability))
kept = order[: int(0.8 * len(order))]
print(f"{tr('H4.line.kept')}: {scores[kept].mean():.2f}")

# %% lid="margin-figure" tags=["figure"] alt="H4.figure.alt_referral"
share = np.linspace(0, 0.6, 61)


def curve(order):
    return [scores[order[: round((1 - part) * len(order))]].mean() for part in share]


figure, axes = plt.subplots(figsize=(10, 4.6))
lines = (
    ("hindsight", curve(np.argsort(-scores)), MUTED),
    ("by_doubt", curve(order), OKABE_ITO["blue"]),
    ("at_random", np.full(len(share), scores.mean()), OKABE_ITO["vermilion"]),
)
for name, values, colour in lines:
    axes.plot(100 * share, values, color=colour, linewidth=2.2, linestyle="--" if name == "hindsight" else "-")
    axes.text(61, values[-1], tr(f"H4.figure.{name}"), color=colour, fontweight="bold", va="center")
axes.plot(20, scores[kept].mean(), "o", color=OKABE_ITO["blue"], markersize=9)
axes.set(xlim=(0, 60), ylim=(0.75, 1), xlabel=tr("H4.figure.referred"), ylabel=tr("H4.figure.kept_dice"))
axes.set_title(tr("H4.figure.referral_title"))
show(figure, tr("H4.figure.alt_referral"))

# %% [markdown] lid="margin-after"
# With a fifth referred, the Dice score of the rest rises from {{expected.dice}} to {{expected.kept}}. Hindsight, which nobody has, shows what would be possible. A person must have time for that fifth: the share to refer is a decision about work, not about statistics.

# %% [markdown] lid="sure-text" minutes=3
# ## 8 · Sure, and wrong ({{section.minutes}} min)
#
# Two other hospitals send slices. In one the scanner has twice the noise. In the other there are lesions of a kind that the networks never saw: *brighter* than the tissue. Same networks, same margin:

# %% lid="sure-compute"
noisy_images, noisy_truth = make_slices(100 * SEED + 3, 200, noise=20)
bright_images, bright_truth = make_slices(100 * SEED + 4, 200, darker=(-60, -15))
hospitals = {
    "same": (test_images, test_truth, test_probability),
    "noisy": (noisy_images, noisy_truth, probability(ensemble, noisy_images)),
    "bright": (bright_images, bright_truth, probability(ensemble, bright_images)),
}
limit = np.quantile(doubt(test_probability), 0.8)
for name, (_, true, said) in hospitals.items():
    outside = np.abs(area(said > 0.5) - area(true)) > margin
    referred = doubt(said) > limit
    print(f"{tr(f'H4.line.outside_{name}')}: {100 * outside.mean():.0f} %")
    print(f"{tr(f'H4.line.referred_{name}')}: {100 * referred.mean():.0f} %")
    print(f"{tr(f'H4.line.unnoticed_{name}')}: {100 * (outside & ~referred).mean():.0f} %")

said = hospitals["bright"][2][bright_truth.any(axis=(1, 2))]
print(f"{tr('H4.line.nothing_bright')}: {100 * np.mean(~(said > 0.5).any(axis=(1, 2))):.0f} %")

# %% lid="sure-figure" tags=["figure"] alt="H4.figure.alt_sure"
figure, panels = plt.subplots(2, 3, figsize=(11, 7.4), layout="constrained")
for column, (name, (image, true, said)) in enumerate(hospitals.items()):
    alike = np.flatnonzero((area(true) > 5) & (area(true) < 9))
    overlap = dice(said > 0.5, true)[alike]
    place = alike[np.argsort(overlap)[len(alike) // 2]]
    draw_slice(panels[0, column], image[place], true[place], said[place] > 0.5)
    shades = panels[1, column].imshow(100 * said[place], cmap="viridis", vmin=0, vmax=100)
    panels[1, column].contour(true[place], levels=[0.5], colors=OKABE_ITO["orange"], linewidths=2)
    panels[1, column].set_axis_off()
    panels[0, column].set_title(tr(f"H4.figure.{name}"))
draw_scale(panels[0, 0])
figure.colorbar(shades, ax=panels[1, :], shrink=0.9, label=tr("H4.figure.said_pixel"))
show(figure, tr("H4.figure.alt_sure"))

# %% [markdown] lid="sure-after"
# In the noisy hospital {{expected.outside_noisy}} of the slices fall outside the margin, against {{expected.outside_same}} at home: a promise about one kind of data is no promise about another. But the doubt sees it. {{expected.referred_noisy}} would be referred, and only {{expected.unnoticed_noisy}} goes wrong unnoticed. No person can look at so many, and that is the message: *do not use this model here*.
#
# The bright lesions are worse. In {{expected.nothing_bright}} of the slices that have one, the networks find nothing at all, and {{expected.unnoticed_bright}} of the slices fall outside the margin *without* being referred, against {{expected.unnoticed_same}} at home. (How many exactly depends on the random beginning of the networks: change `SEED` and look.) A network can only doubt between things that it knows. Doubt is a reason to look; its absence is no proof.
#
# **What such numbers are for.** For research: to compare methods, and to choose which outlines a person checks first. Not for a decision about a patient. Software that is meant for that is a *medical device* in the European Union (Regulation (EU) 2017/745, article 2), also when it is free and made by researchers. It needs clinical evidence, and somebody who keeps watching it where it is used.

# %% [markdown] lid="cost-text" minutes=1
# ## 9 · What it cost, and what you keep ({{section.minutes}} min)
#
# Nearly all the time went into training four small networks. Keep the key apart from the images, or destroy it.

# %% lid="cost"
stopwatch.report()
if device.type == "cuda":
    print(tr("H4.line.gpu_memory", gib=torch.cuda.max_memory_allocated() / 2**30))

# %% [markdown] lid="summary"
# ### Summary
#
# - Identity hides in sequences, private elements, UIDs and pixels. Let go of what nobody named, map UIDs and dates *consistently*, and search the bytes.
# - Keep what makes an image measurable: pixel spacing, slope and intercept, position.
# - Dice per slice was {{expected.dice}} and over all pixels {{expected.pooled}}; say which. With nearly equal Dice, one network was off by {{expected.undecided_sharp}} where it doubted and the other by {{expected.undecided_ensemble}}.
# - A conformal margin holds for any model, and only for data like those it was calibrated on.
# - Refer by doubt, and test with data that the model should *not* know.
#
# ### What next
#
# - Leave `StudyTime` in by giving it the letter K, and reason: what does a time of day tell about a patient, and what would your analysis lose without it?
# - Calibrate the margin with 20 slices, and with 8. What happens to it?
# - Divide each error by the doubt before you take the margin, and multiply by the doubt of the new slice. Where does the margin become wider, and is the promise kept?
# - Open this notebook with a GPU kernel, if your profile has one. No GPU has been recorded for this lesson yet.
#
# **Sources.** NEMA, *DICOM* PS3.15, annex E (2024b), and PS3.3 · O. Ronneberger, P. Fischer and T. Brox (2015), *U-Net: convolutional networks for biomedical image segmentation*, MICCAI · L. R. Dice (1945), *Measures of the amount of ecologic association between species*, Ecology 26 · A. Mehrtash and others (2020), *Confidence calibration and predictive uncertainty estimation for deep medical image segmentation*, IEEE Transactions on Medical Imaging 39(12) · B. Lakshminarayanan and others (2017), *Simple and scalable predictive uncertainty estimation using deep ensembles*, NeurIPS · V. Vovk, A. Gammerman and G. Shafer (2005), *Algorithmic learning in a random world*, Springer · Regulations (EU) 2016/679 and 2017/745 · Data: the test file `CT_small` of pydicom, with fictional names; slices generated for this lesson.

# %% [markdown] lid="trainer" tags=["trainer"]
# **Worth doing.** Start the cell that trains before you explain U-Nets: it takes a quarter of a minute or so.
#
# **Short of time?** Leave out 6 and tell it.
#
# **Questions that come**
#
# - *Are the images anonymous now?* No: pseudonymised, and pixels and file names are not the header.
# - *May we use this in the clinic?* No: it is for research; what is meant for patients is a medical device.
# - *Why did the ensemble not help?* Here the loss mattered. Measure.
# - *Is 90 % per patient?* No: on average over slices like these.
