"""Scans of lesson H4, with patients who do not exist, and what happens to each element of their headers.

The scans are the test file ``CT_small`` of pydicom, given other, fictional identities: everybody is called *Fictief*.
"""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import hmac
from collections.abc import Iterator
from functools import cache

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

# What a CT image needs: to be a CT image at all, to be drawn, and to be measured in HU and in millimetres.
_KEPT = """
    SpecificCharacterSet ImageType SOPClassUID Modality Manufacturer KVP SliceThickness SpacingBetweenSlices
    GantryDetectorTilt PatientPosition SeriesNumber AcquisitionNumber InstanceNumber ImagePositionPatient
    ImageOrientationPatient SliceLocation Laterality PositionReferenceIndicator SamplesPerPixel
    PhotometricInterpretation Rows Columns PixelSpacing BitsAllocated BitsStored HighBit PixelRepresentation
    PixelPaddingValue RescaleIntercept RescaleSlope PixelData ReferencedImageSequence ReferencedSOPClassUID
"""
# The others follow table E.1-1 of DICOM PS3.15: the Basic Profile, with the option of modified dates.
_EMPTIED = """
    AccessionNumber PatientName PatientBirthDate PatientSex ReferringPhysicianName StudyID StudyTime ContentTime
    ContrastBolusAgent
"""
_UIDS = """
    SOPInstanceUID StudyInstanceUID SeriesInstanceUID FrameOfReferenceUID InstanceCreatorUID ReferencedSOPInstanceUID
"""
_DATES = "StudyDate SeriesDate AcquisitionDate ContentDate"

_LETTERS = {"K": _KEPT, "Z": _EMPTIED, "U": _UIDS, "C": _DATES, "D": "PatientID"}
ACTIONS = {keyword: letter for letter, keywords in _LETTERS.items() for keyword in keywords.split()}


def keyed(text: str, key: bytes) -> str:
    """A hash of ``text`` (64 hexadecimal digits) that nobody can compute without ``key``."""
    return hmac.new(key, str(text).encode(), "sha256").hexdigest()


def pseudonym(patient_id: str, key: bytes) -> str:
    """A pseudonym for a patient number: always the same with the same ``key``."""
    return f"P{keyed(f'patient {patient_id}', key)[:12]}"


def new_uid(uid: str, key: bytes) -> str:
    """A new UID for an old one: always the same with the same ``key``, so that references keep pointing somewhere."""
    return generate_uid(entropy_srcs=[keyed(f"uid {uid}", key)])


def days_for(patient_id: str, key: bytes) -> int:
    """By how many days all dates of this patient move: between 1 and 3650 back, always the same with one ``key``."""
    return -1 - int(keyed(f"days {patient_id}", key), 16) % 3650


def moved(date: str, days: int) -> str:
    """A DICOM date (YYYYMMDD), ``days`` later, or earlier when negative; an empty one stays empty."""
    if not date:
        return ""
    return f"{dt.datetime.strptime(date, '%Y%m%d') + dt.timedelta(days=days):%Y%m%d}"


def elements(dataset: Dataset) -> Iterator[DataElement]:
    """Every element, also those in sequences."""
    return dataset.iterall()


def make_scans(rng: np.random.Generator) -> list[Dataset]:
    """Five scans of three fictional patients. The first three are of one: two of a visit, and one of a later visit.

    The second and third refer to the first, in a sequence that also has a private element.
    """
    numbers = [str(number) for number in rng.choice(np.arange(100_000, 1_000_000), size=3, replace=False)]
    first = dt.datetime(2019, 1, 1, 9, 30) + dt.timedelta(days=int(rng.integers(0, 1000)))
    later = first + dt.timedelta(days=int(rng.integers(20, 400)))
    scans = [_scan(numbers[0], first, 1), _scan(numbers[0], first, 2), _scan(numbers[0], later, 1)]
    for scan in scans[1:]:
        scan.ReferencedImageSequence = [_reference(scans[0], numbers[0])]
    return [*scans, _scan(numbers[1], first, 1), _scan(numbers[2], later, 1)]


def fingerprint(value: str) -> str:
    """A number of nine digits that stands in a UID for whatever ``value`` is."""
    return str(int(hashlib.sha256(value.encode()).hexdigest(), 16) % 900_000_000 + 100_000_000)


@cache
def _test_file() -> Dataset:
    return pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))


def _scan(number: str, when: dt.datetime, instance: int) -> Dataset:
    """One image of the patient with that number, made at that moment."""
    scan = copy.deepcopy(_test_file())
    date, moment = f"{when:%Y%m%d}", f"{when:%H%M%S}"
    scan.PatientName, scan.PatientID = f"Fictief^Proefpersoon {number}", number
    scan.PatientBirthDate, scan.PatientSex = f"195{number[0]}0317", "F"
    scan.PatientAge = f"{when.year - 1950 - int(number[0]) - (date[4:] < '0317'):03d}Y"
    scan.OtherPatientIDsSequence[0].PatientID = f"OLD{number}"
    scan.InstitutionName, scan.StationName = "Ziekenhuis Zonnedal", "ZONNEDAL-CT1"
    scan.ReferringPhysicianName, scan.AccessionNumber = "Verzonnen^Dokter", f"ACC{number}"
    scan.ImageComments = f"Discussed with Proefpersoon {number} Fictief."
    for keyword in ("InstanceCreationDate", *_DATES.split()):
        setattr(scan, keyword, date)
    for keyword in ("InstanceCreationTime", "StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"):
        setattr(scan, keyword, moment)
    scan[0x0009, 0x1027].value = int(when.replace(tzinfo=dt.UTC).timestamp())
    _give_uids(scan, number, date, instance)
    return scan


def _give_uids(scan: Dataset, number: str, date: str, instance: int) -> None:
    """As many scanners do it: with the date in every UID."""
    person = fingerprint(number)
    scan.FrameOfReferenceUID = f"1.2.3.4.{person}.{date}"
    scan.StudyInstanceUID = f"1.2.3.1.{person}.{date}"
    scan.SeriesInstanceUID = f"1.2.3.2.{person}.{date}"
    scan.SOPInstanceUID = f"1.2.3.3.{person}.{date}.{instance}"
    scan.file_meta.MediaStorageSOPInstanceUID = scan.SOPInstanceUID
    scan.InstanceNumber = instance


def _reference(scan: Dataset, number: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = scan.SOPClassUID
    item.ReferencedSOPInstanceUID = scan.SOPInstanceUID
    item.private_block(0x0009, "ZONNEDAL", create=True).add_new(0x01, "LO", f"PATIENT {number}")
    return item
