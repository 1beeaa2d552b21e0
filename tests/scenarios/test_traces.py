"""What a collector of OpenTelemetry hears of a server: publications and governed queries under their requests."""

from __future__ import annotations

import httpx
import pytest

from tests.collector import attributes, collecting
from tests.domains import planes, repository, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
LINK, SIGNED = "0f3a99c2b1d4" * 2, "c2lnbmVkIGJ5IHRoZSBzZXJ2ZXI"
PARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}


@pytest.mark.slow
def test_commits_and_queries_are_spans_under_their_requests_without_text_or_values(tmp_path):
    with collecting() as collected:
        with serving(tmp_path / "server", settings=f'[server]\ntraces = "{collected.url}"\n') as server:
            ada = server.token("ada")
            mesh = repository(tmp_path / "fleet", server.url, ada, "fleet")
            planes(mesh)
            applied = mesh.weft("apply")
            sent = {"Authorization": f"Bearer {ada}", **PARENT}
            asked = {"sql": "select id from fleet.aircraft.\"planes@1\" where 'a secret' = 'a secret'"}
            answer = httpx.post(f"{server.url}/api/v1/query", json=asked, headers=sent, timeout=60)
            refused = httpx.post(
                f"{server.url}/api/v1/query", json={"sql": "from a.b.c"}, headers={**sent, **PARENT}, timeout=60
            )
            httpx.get(f"{server.url}/api/v1/links/{LINK}.{SIGNED}", timeout=60)
        assert applied.returncode == 0, applied.stderr

    assert (answer.status_code, refused.status_code) == (200, 404)
    by_id = {one.span_id: one for one in collected.spans}
    (commit,) = collected.named("commit")
    (receive,) = collected.named("receive")  # in the process that checks the rows and commits
    done, failed = sorted(collected.named("query"), key=lambda one: one.start_time_unix_nano)
    assert attributes(commit)["weft.product"] == "fleet.aircraft"
    assert by_id[commit.parent_span_id].name.startswith(("POST", "GET"))
    assert (receive.parent_span_id, receive.trace_id) == (commit.span_id, commit.trace_id)
    assert attributes(receive) == attributes(commit)
    assert commit.start_time_unix_nano <= receive.start_time_unix_nano < receive.end_time_unix_nano
    assert by_id[done.parent_span_id].name == "POST /api/v1/query"
    assert (done.trace_id.hex(), failed.trace_id.hex()) == (TRACE, TRACE)
    assert attributes(done) == {"weft.ports": "fleet.aircraft.planes@1"}
    assert attributes(failed) == {"error.type": "WFT-ACC-001"}
    assert failed.status.code == 2
    assert b"a secret" not in collected.raw
    assert b"select" not in collected.raw
    assert ada.encode() not in collected.raw
    assert LINK.encode() in collected.raw
    assert SIGNED.encode() not in collected.raw
    told = (tmp_path / "server/log").read_text()
    assert LINK in told
    assert SIGNED not in told
