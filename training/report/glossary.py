"""The figures of a report in one line each, for whoever does not use them every day."""

from __future__ import annotations

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("case", "somebody with the outcome that is predicted, within the window that is named"),
    ("risk", "a calibrated probability of the outcome, for one person asked on one day"),
    ("base rate", "the share of all who are cases; what calling at random would find"),
    ("95 % interval", "where the figure would lie if other people of the same kind had been "
     "tested: patients are drawn anew, with all their rows, and the figure is counted again"),
    ("paired difference", "the figure of the model minus that of another score on the same people "
     "drawn; the model is better where its whole interval lies above 0"),
    ("AUROC", "share of pairs of a case and another person in which the case stands higher: 0.5 is "
     "chance, 1 perfect; published readmission models reach 0.65 to 0.78, high cost 0.84 to 0.91"),
    ("AUROC within periods", "the same among people who stand on one list, so that calendar time "
     "cannot help"),
    ("AUPRC", "how pure the top of the list is on average; compare it with the base rate"),
    ("PPV", "share of those called who are cases"),
    ("sensitivity", "share of all cases who are among those called"),
    ("observed : expected", "cases seen for each that the risks add up to; 1 is right, above 1 the "
     "risks are too low"),
    ("calibration slope", "1 is right; below 1 high risks are too high and low ones too low"),
    ("calibration intercept", "0 is right; what all risks are off by, in log odds"),
    ("Brier score, log loss", "errors of the risks as numbers; smaller is better, and only models "
     "of the same rows can be compared"),
    ("net benefit", "cases called less wrong calls at the price that the threshold says, a person"),
    ("log odds", "the scale on which shares add up to a risk; 0.7 more doubles the odds"),
    ("tier", "high and moderate are limits of risk, fitted so that a stated share lies above"),
    ("baseline", "a score that people use without a model, on the same rows; most were made for "
     "another outcome"),
    ("landmark", "a later day after discharge on which the question is asked again"),
    ("run-out", "days after which the claims of a day are taken as complete"),
    ("censored", "somebody whose outcome cannot be known; never counted as not having it"),
    ("gate", "the criteria that a new model has to meet to take the place of the champion"),
    ("champion", "the model that scores people now"),
)  # fmt: skip
"""(figure, what it means)."""
