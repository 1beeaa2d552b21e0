"""The rules in Soda, on DuckDB.

python with_soda.py FOLDER     flights.soda.yaml and source.soda.yaml are there, and flights.duckdb shows the table
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

os.environ["SODA_TRACK_USAGE"] = "false"

from soda_core.contracts import verify_contract_locally


def main() -> None:
    """Verifies the contract; ends with 1 when a rule does not hold."""
    logging.disable(logging.CRITICAL)
    folder = Path(sys.argv[1])
    found = verify_contract_locally(
        data_source_file_path=str(folder / "source.soda.yaml"), contract_file_path=str(folder / "flights.soda.yaml")
    )
    results = [check for result in found.contract_verification_results for check in result.check_results]
    print(f"{sum(check.is_passed for check in results)} of {len(results)} rules hold")
    raise SystemExit(not (results and all(check.is_passed for check in results)))


if __name__ == "__main__":
    main()
