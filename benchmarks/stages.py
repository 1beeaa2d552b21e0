"""One stage of weft as a process of its own, where no command stops behind it. `size.py` measures it.

    python benchmarks/stages.py load|everything FOLDER

`load` reads, validates and parses every file and resolves every reference. `everything` also walks the allow-list,
infers the types of all columns and finds what each is made from. It prints how much it found.
"""

from __future__ import annotations

import sys
from pathlib import Path

from weft.config import load_settings
from weft.wiring import Rooms


def main() -> None:
    """Runs the stage."""
    stage, folder = sys.argv[1], Path(sys.argv[2])
    rooms = Rooms(load_settings(folder))
    if stage == "load":
        mesh = rooms.declared()
        wrong, found = mesh.diagnostics, sum(len(product.models) for product in mesh.products.values())
    else:
        from weft.runs.lineage import edges_of

        repository = rooms.repository()
        context = rooms.context(repository)
        found = 0
        for product in repository.order:
            wanted = [repository.desired[port.address] for port in product.outputs]
            edges = edges_of(product, wanted, [], context.lineage)
            found += len({edge.target for edge in edges})
        wrong = repository.problems
    rooms.close()
    if wrong:
        raise SystemExit("\n".join(map(str, wrong)))
    print(found)


if __name__ == "__main__":
    main()
