"""What each role of a mesh is for: what whoever has it has to do, in words."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from weft.access.permissions import Role


class Duty(Struct, frozen=True):
    """A role in words.

    Attributes:
        title: what people call it.
        of: what it is a role in.
        must: what whoever has it answers for.
    """

    title: str
    of: str
    must: tuple[str, ...]


DUTIES: Mapping[Role, Duty] = {
    Role.DOMAIN_OWNER: Duty(
        "Domain owner",
        "a domain",
        (
            "answer for the domain: its products, members, quotas and costs",
            "keep the named roles filled, and hand them on before somebody leaves",
            "see that each product has an owner, and that a product which nobody answers for is retired",
        ),
    ),
    Role.PRODUCT_OWNER: Duty(
        "Product owner",
        "a domain",
        (
            "keep the promises of the product's contracts, and tell readers before they change",
            "decide what is published, deprecated and retired, with time for readers to follow",
            "decide on requests for the product's data within the time that the domain names",
        ),
    ),
    Role.STEWARD: Duty(
        "Steward",
        "a domain",
        (
            "keep descriptions, classifications and glossary terms true",
            "look after checks that fail, and after rows in quarantine",
            "decide on requests for data, and take back what is not needed any more",
        ),
    ),
    Role.DEVELOPER: Duty(
        "Developer",
        "a domain",
        (
            "build and test the models, and publish what passes its contract",
            "mend a run that failed, and say in the product's history what went wrong",
            "keep tokens of the domain out of repositories and logs",
        ),
    ),
    Role.ANALYST: Duty(
        "Analyst",
        "a domain",
        (
            "use data for the purpose that it was granted for",
            "report what is wrong with a product to its owner",
        ),
    ),
    Role.COMPLIANCE_CONTACT: Duty(
        "Compliance contact",
        "a domain",
        (
            "know which personal data the domain holds, what for, and until when",
            "answer questions of the people whom data is about, and of authorities",
            "read the event log of what was published and granted, and speak up",
        ),
    ),
    Role.OPERATOR: Duty(
        "Platform operator",
        "the whole mesh",
        (
            "keep the platform running, backed up and up to date",
            "make and shut out users, and end tokens that are lost",
            "touch no data of a domain: operating is not owning",
        ),
    ),
    Role.GOVERNANCE_LEAD: Duty(
        "Governance lead",
        "the whole mesh",
        (
            "keep what holds for all domains few, clear and checked by machine",
            "decide on waivers, each with a reason and an end",
            "see that every domain has people who answer for it",
        ),
    ),
}
"""The duties of each role; what it may do stands in `permissions.PERMISSIONS`."""
