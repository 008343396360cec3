"""What operators measure: requests by method, route template and status, and how long they took."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one worker; where several share a folder (PROMETHEUS_MULTIPROC_DIR), what is
    told is of all of them."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._requests = Counter(
            "firstcall_requests", "Requests answered", ["method", "route", "status"],
            registry=self._own,
        )  # fmt: skip
        self._seconds = Histogram(
            "firstcall_request_seconds", "Seconds to answer", ["method", "route"],
            registry=self._own, buckets=_SECONDS,
        )  # fmt: skip
        self._patients = Counter(
            "firstcall_scored_patients", "Patients scored through the API", registry=self._own
        )

    def seen(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request. `route` is a template: "/v1/patients/{patient_id}"."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def scored(self, patients: int) -> None:
        """Counts patients that were scored."""
        self._patients.inc(patients)

    def told(self, is_ready: bool, list_age_days: int | None) -> tuple[bytes, str]:
        """All of it in the text form of Prometheus, and its media type."""
        now = CollectorRegistry()
        ready = Gauge("firstcall_ready", "1 where requests can be scored", registry=now)
        ready.set(int(is_ready))
        if list_age_days is not None:
            age = Gauge("firstcall_list_age_days", "Days since the list's as-of day", registry=now)
            age.set(list_age_days)
        counted = self._own
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted)
        return generate_latest(counted) + generate_latest(now), CONTENT_TYPE_LATEST
