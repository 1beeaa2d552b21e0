"""What a worker serves, by the files that lie in its folder."""

from __future__ import annotations

from pathlib import Path

from weft.api.jobs.served import served_now
from weft.config import load_settings


def mesh(root: Path, *products: str) -> Path:
    """Products in folders, whose domains lie in one another."""
    (root / "weft.toml").write_text('[mesh]\nname = "m"\ndomains = ["domains/*", "domains/*/*"]\n', encoding="utf-8")
    for product in products:
        folder = root / "domains" / product
        folder.mkdir(parents=True)
        (folder / "product.odps.yaml").write_text("{}", encoding="utf-8")
        (folder.parent / "domain.yaml").write_text("{}", encoding="utf-8")
    return root


def test_models_of_a_domain_whose_folder_lies_in_that_of_another_are_not_the_others_own(tmp_path: Path) -> None:
    settings = load_settings(mesh(tmp_path, "sales/orders", "sales/emea/visits"))

    served = served_now(settings, ("sales",))

    assert served.subjects == {"sales.orders"}
    assert [f for f in served.own_python if "domains/sales/emea/visits/models/x.py".startswith(f"{f}/")] == []
    assert [f for f in served.own_python if "domains/sales/orders/models/x.py".startswith(f"{f}/")] != []


def test_no_model_is_a_workers_own_where_it_serves_several_domains(tmp_path: Path) -> None:
    settings = load_settings(mesh(tmp_path, "sales/orders", "stock/levels"))

    assert served_now(settings).own_python == frozenset()
    assert served_now(settings, ("sales", "stock")).own_python == frozenset()
    assert served_now(settings, ("stock",)).own_python == {"domains/stock/levels"}
