"""Molecules of lesson N2: medicines that everybody knows, and a drawing of a molecule.

RDKit's own drawing needs X11 libraries that a seat may lack, and RDKit itself is there only with the extra ``bio``: it
is imported when a molecule is drawn.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ..figures import INK, OKABE_ITO

_ROOM = 0.36  # between the end of a bond and a labelled atom, where a bond is 1.5 long

# Key of the name in ``words``, and the structure as SMILES.
MEDICINES = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "metformin": "CN(C)C(=N)NC(N)=N",
    "diazepam": "CN1c2ccc(Cl)cc2C(c2ccccc2)=NCC1=O",
    "sulfamethoxazole": "Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1",
    "celecoxib": "Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F",
}


def draw_molecule(axes, molecule, marked: Collection[int] = (), like=None) -> None:
    """Draw an RDKit ``molecule`` on ``axes``, with a disc behind each atom whose index is in ``marked``.

    ``like`` is a molecule with 2D coordinates whose shape occurs in ``molecule``, whatever its atoms; that part is then
    drawn in the same way.
    """
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    drawn = Chem.Mol(molecule)
    if like is None:
        rdDepictor.Compute2DCoords(drawn)
    else:
        rdDepictor.GenerateDepictionMatching2DStructure(drawn, like, atomMap=_pairs(drawn, like))
    Chem.Kekulize(drawn, clearAromaticFlags=True)
    places = drawn.GetConformer().GetPositions()[:, :2]
    axes.scatter(*places[list(marked)].T, s=260, color=OKABE_ITO["sky"], alpha=0.55, linewidth=0, zorder=1)
    for bond in drawn.GetBonds():
        _draw_bond(axes, bond, places)
    for atom, place in zip(drawn.GetAtoms(), places, strict=True):
        axes.text(*place, _label(atom), color=INK, fontsize=11, ha="center", va="center", zorder=3)
    axes.set_aspect("equal")
    axes.margins(0.08)
    axes.axis("off")


def _pairs(molecule, like) -> list[tuple[int, int]]:
    """(index in ``like``, index in ``molecule``) of each atom that is drawn in the same place."""
    from rdkit import Chem

    any_atom = Chem.AdjustQueryParameters.NoAdjustments()
    any_atom.makeAtomsGeneric = any_atom.makeBondsGeneric = True
    shape = Chem.AdjustQueryProperties(like, any_atom)
    return list(enumerate(molecule.GetSubstructMatch(shape)))


def _draw_bond(axes, bond, places: np.ndarray) -> None:
    """One to three parallel lines, which leave room for the labels at their ends."""
    begin, end = places[bond.GetBeginAtomIdx()], places[bond.GetEndAtomIdx()]
    along = (end - begin) / np.hypot(*(end - begin))
    begin = begin + (_ROOM * along if _label(bond.GetBeginAtom()) else 0)
    end = end - (_ROOM * along if _label(bond.GetEndAtom()) else 0)
    order = round(bond.GetBondTypeAsDouble())
    for shift in np.linspace(-0.09, 0.09, order) if order > 1 else [0.0]:
        line = np.array([begin, end]) + shift * np.array([-along[1], along[0]])
        axes.plot(*line.T, color=INK, linewidth=1.5, solid_capstyle="round", zorder=2)


def _label(atom) -> str:
    """The element and its hydrogens; nothing for carbon."""
    if atom.GetSymbol() == "C":
        return ""
    hydrogens = atom.GetTotalNumHs()
    return atom.GetSymbol() + ("H" if hydrogens else "") + (f"$_{hydrogens}$" if hydrogens > 1 else "")
