"""`weft worker`: runs jobs."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from contextlib import closing

import click

from weft.cli.options import examples


@click.command(
    "worker",
    help="Run jobs: apply products when they are due.\n\n"
    "A worker takes jobs of the products whose files lie in its folder. Any number of workers may share one registry. "
    "With `--domain` it leaves those of other domains to others. "
    "When it is told to stop it lets what runs end for a while, then gives it back to the queue.",
    epilog=examples("weft worker", "weft -C /srv/mesh worker --concurrency 4", "weft worker --domain sales"),
)
@click.option("--concurrency", type=click.IntRange(1, 1000), metavar="N", help="How many jobs to run at once.")
@click.option("--domain", "domains", multiple=True, metavar="NAME", help="Take jobs of this domain alone; repeatable.")
@click.option("--until-input-ends", is_flag=True, hidden=True)
@click.option("--family", default="", hidden=True)
def command(concurrency: int | None, domains: tuple[str, ...], until_input_ends: bool, family: str) -> int:
    from weft.api.jobs.served import check_start
    from weft.api.jobs.worker import Worker, loops_of
    from weft.api.platform import open_platform
    from weft.cli.own_files import keep_private
    from weft.observability import spans
    from weft.server import logs

    with closing(open_platform()) as platform:
        settings = platform.rooms.settings.server
        keep_private(platform.rooms.settings.state)
        for told in check_start(platform.rooms.settings, domains):
            click.echo(str(told), err=True)
        # what a machine collects beside the server's lines looks like them; who sits before it reads text
        logs.install(settings.log_level, "text" if sys.stderr.isatty() else settings.log_format)
        tell, stopping = logging.getLogger("weft.worker").log, threading.Event()
        loops = loops_of(platform, concurrency, stopping.is_set, tell, domains, family)
        worker = Worker(loops, tell, stopping)
        # The queue says what becomes of a job that runs, so the five seconds of other commands do not hold here.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: worker.stop())
        if until_input_ends:
            threading.Thread(target=_stop_at_end_of_input, args=(worker.stop,), daemon=True).start()
        tracing = spans.begin(settings.traces)
        try:
            worker.run()
        finally:
            spans.end(tracing)
    return 0


def _stop_at_end_of_input(stop: object) -> None:
    while sys.stdin.buffer.readline():
        pass
    assert callable(stop)
    stop()
