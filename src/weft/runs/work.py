"""What a plan's stages ask of each product."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from weft.model.address import Address, ProductAddress, parse_address
from weft.plan.values import Stage, StageKind


class Work(Struct, frozen=True):
    """What a plan's stages ask of one product."""

    address: ProductAddress
    build: tuple[Address, ...]
    verify: tuple[Address, ...]
    update: tuple[Address, ...]
    retire: tuple[Address, ...]

    @property
    def ports(self) -> tuple[Address, ...]:
        """Every port that moves."""
        return tuple(dict.fromkeys((*self.build, *self.update, *self.retire)))


def by_product(stages: Sequence[Stage]) -> Iterator[Work]:
    """The stages of each product; a publish stage ends them."""
    build: list[Address] = []
    verify: list[Address] = []
    retire: list[Address] = []
    update: list[Address] = []
    for one in stages:
        match one.kind:
            case StageKind.BUILD:
                build.append(parse_address(one.address))
            case StageKind.VERIFY:
                verify.append(parse_address(one.address))
            case StageKind.DESCRIBE:
                update.append(parse_address(one.address))
            case StageKind.RETIRE:
                retire.append(parse_address(one.address))
            case StageKind.PUBLISH:
                domain, _, product = one.address.partition(".")
                yield Work(ProductAddress(domain, product), tuple(build), tuple(verify), tuple(update), tuple(retire))
                build, verify, update, retire = [], [], [], []
