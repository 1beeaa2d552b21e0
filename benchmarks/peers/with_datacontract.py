"""The rules in datacontract-cli, from the ODCS contract.

python with_datacontract.py FOLDER     flights.odcs.yaml is there
"""

from __future__ import annotations

import sys
from pathlib import Path

from datacontract.data_contract import DataContract


def main() -> None:
    """Tests the contract; ends with 1 when a rule does not hold. It says of types in Parquet that it checks none."""
    found = DataContract(data_contract_file=str(Path(sys.argv[1]) / "flights.odcs.yaml")).test()
    passed = [check for check in found.checks if str(check.result.value) == "passed"]
    print(f"{len(passed)} of {len(found.checks)} rules hold")
    raise SystemExit(found.has_passed() is False and any(str(c.result.value) == "failed" for c in found.checks))


if __name__ == "__main__":
    main()
