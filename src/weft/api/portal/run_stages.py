"""The stages of a run as far as they are recorded: what waited, what ran, which port was ready when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from weft.model.address import parse_address

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
WIDE = 1000
_NARROWEST = 4
_MOST_PORTS = 60


def stages_of(platform: Platform, run: Document | None, job: Document | None) -> list[Document]:
    """Stages in their order, each with where it begins and ends on a scale of `WIDE`; a bar only where both are known.

    Of a job the queue and its process are recorded; of a run its begin and end; of a published port how long it took
    and when it was published; of one that failed how long and until when its product was worked on.
    """
    found: list[Document] = []
    if job is not None:
        # a job that has to wait for a time of its own has not waited for a worker until then
        waits = max(job["created_at"], job["not_before"])
        found.append(_stage("in the queue", "queue", waits, job["started_at"] or job["finished_at"]))
    if run is None and job is not None and job["started_at"]:
        found.append(_stage("worker", job["state"], job["started_at"], job["finished_at"]))
    if run is not None:
        if job is not None and job["started_at"] and job["started_at"] < run["started_at"]:
            found.append(_stage("worker starts", "queue", job["started_at"], run["started_at"]))
        found.append(_stage("run", run["state"], run["started_at"], run["finished_at"]))
        found += [_port(platform, run, port) for port in run["ports"][:_MOST_PORTS]]
    return _scaled(found, platform.rooms.now())


def _stage(name: str, kind: str, begins: str | None, ends: str | None) -> Document:
    return {"name": name, "kind": kind, "begins": begins, "ends": ends, "seconds": None, "port": None}


def _port(platform: Platform, run: Document, port: Document) -> Document:
    ended = _published(platform, run["run_id"], port) if port["outcome"] == "published" else port["ended_at"]
    seconds = port["seconds"]
    begins = None
    if ended is not None and seconds is not None:
        # planning is counted with what was built first, and comes before the run is written down
        begins = max((datetime.fromisoformat(ended) - timedelta(seconds=seconds)).isoformat(), run["started_at"])
    made = _stage(port["address"], port["outcome"], begins, ended)
    return {**made, "seconds": seconds, "port": port["address"]}


def _published(platform: Platform, run_id: str, port: Document) -> str | None:
    """When a run has published a port that is shown; None where a later run has published the same rows again."""
    found = platform.rooms.production.publication(parse_address(port["address"]), port["snapshot_id"])
    return found.published_at.isoformat() if found is not None and found.run_id == run_id else None


def _scaled(stages: list[Document], now: datetime) -> list[Document]:
    """The stages with their places on one scale; what has not ended ends now."""
    known = [datetime.fromisoformat(one["begins"]) for one in stages if one["begins"]]
    if not known:
        return stages
    ends = [datetime.fromisoformat(one["ends"]) if one["ends"] else now for one in stages if one["begins"]]
    start, scale = min(known), WIDE / max((max(ends) - min(known)).total_seconds(), 0.001)
    for one in stages:
        if not one["begins"]:
            one.update(x=None, width=None)
            continue
        begins = datetime.fromisoformat(one["begins"])
        end = datetime.fromisoformat(one["ends"]) if one["ends"] else now
        one["seconds"] = one["seconds"] if one["seconds"] is not None else max(0.0, (end - begins).total_seconds())
        x = min(max(0.0, (begins - start).total_seconds() * scale), WIDE - _NARROWEST)
        one.update(
            x=round(x, 1), width=round(min(max(_NARROWEST, (end - begins).total_seconds() * scale), WIDE - x), 1)
        )
    return stages
