"""Which products lie upstream of which, for whoever must not overtake them."""

from __future__ import annotations

from collections.abc import Collection, Iterable


class Upstream:
    """Products by what they read, directly and through others."""

    def __init__(self, reads: Iterable[tuple[str, str]]) -> None:
        """Takes pairs of a product and a port that it reads."""
        self._reads: dict[str, set[str]] = {}
        for product, port in reads:
            self._reads.setdefault(product, set()).add(".".join(port.split(".")[:2]))
        self._above: dict[str, frozenset[str]] = {}

    def of(self, product: str) -> frozenset[str]:
        """Every product upstream of one; itself too where products read each other in a circle."""
        known = self._above.get(product)
        if known is None:
            found: set[str] = set()
            left = [*self._reads.get(product, ())]
            while left:
                one = left.pop()
                if one not in found:
                    found.add(one)
                    left += self._reads.get(one, ())
            known = self._above[product] = frozenset(found)
        return known

    def waits_for(self, product: str, others: Collection[str]) -> bool:
        """Whether one of the others has to run first: it lies upstream, and not downstream as well."""
        above = self.of(product)
        return any(other != product and other in above and product not in self.of(other) for other in others)
