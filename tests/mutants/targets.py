"""Which files hold rules, and which tests are to notice when one of them is gone."""

from __future__ import annotations

_COHORT = ("tests/training/test_cohort.py", "tests/training/test_stay_table.py")
_EPISODES = ("tests/training/test_episodes.py",)
_PCR = ("tests/training/test_pcr_like.py",)
_AT_RANDOM = ("tests/training/test_labels_equal_oracle_at_random.py",)
_STAY = ("tests/features/test_lace.py", "tests/features/test_hospital_score.py")
_INDICES = ("tests/features/test_indices.py",)

TARGETS: dict[str, tuple[str, ...]] = {
    "training/cohorts/landmarks.py": ("tests/training/test_landmarks.py",),
    "training/cohorts/cohort.py": (*_COHORT, *_PCR, *_EPISODES, *_AT_RANDOM),
    "training/cohorts/discharges.py": (*_COHORT, *_PCR, *_AT_RANDOM),
    "training/cohorts/cms_hwr.py": (*_COHORT, *_AT_RANDOM),
    "training/cohorts/pcr_like.py": (*_PCR, *_COHORT[1:]),
    "training/cohorts/episodes.py": (*_EPISODES, *_COHORT, *_PCR, *_AT_RANDOM),
    "training/cohorts/outcome.py": (
        *_EPISODES, *_PCR, "tests/training/test_outcome_oracle.py", *_COHORT, *_AT_RANDOM,
    ),
    "training/cohorts/encounter_cohort.py": ("tests/training/test_encounter_cohort.py",),
    "training/cohorts/member_dates.py": ("tests/training/test_member_dates.py",),
    "training/cohorts/threshold.py": ("tests/training/test_threshold.py",),
    "training/evaluation/bloomers.py": ("tests/training/test_bloomers.py",),
    "features/lace.py": (*_STAY[:1], *_INDICES),
    "features/hospital_score.py": (*_STAY[1:], *_INDICES),
    "features/index_stay.py": (*_STAY, "tests/features/test_scores_equal_oracle.py"),
    "features/score_range.py": (*_STAY, *_INDICES),
    "features/indices.py": (*_INDICES, "tests/features/test_comorbidity_scores.py"),
}  # fmt: skip
"""File → tests, those that fail soonest first."""
