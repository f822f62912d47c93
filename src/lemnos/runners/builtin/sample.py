"""A small repository with real defects, on which the built-in agent shows what it does.

An order desk: one function that grew too long, imports that nothing uses any more, a helper with
a slip of the pen and a module that forgot an import, so that two of its tests fail. The tests need
the standard library alone.
"""

from __future__ import annotations

from pathlib import Path

PROMPT = "Fix the failing tests, remove the unused imports, and split the long functions."
LONG_FUNCTION = "quote"  # in orders/pricing.py

README = """\
# Order desk

Quotes for orders: volume discounts, vouchers, shipping, tax. Run the tests with
`python -m unittest`.
"""

PRICING = '''\
"""Quotes for orders, in cents."""

import json
import os
import re
from collections import OrderedDict
from decimal import ROUND_HALF_UP, Decimal

from orders.catalog import price_of

VOLUME_STEPS = ((100, 15), (50, 10), (10, 5))
VOUCHERS = {"WELCOME": 500, "SPRING": 1000}
TAX_PERCENT = {"DE": 19, "FR": 20, "GR": 24}
FREE_SHIPPING_FROM = 10_000


def to_cents(amount):
    """Round half up to whole cents."""
    return int(Decimal(amount).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def quote(items, country, voucher=None, express=False):
    """What an order costs: `items` are (sku, quantity) pairs; all amounts are in cents."""
    # Add up the order lines
    subtotal = 0
    quantity_total = 0
    for sku, quantity in items:
        if quantity < 1:
            raise ValueError(f"{sku}: the quantity must be at least 1")
        subtotal += price_of(sku) * quantity
        quantity_total += quantity

    # Find the volume discount
    discount = 0
    for least, percent in VOLUME_STEPS:
        if quantity_total >= least:
            discount = to_cents(Decimal(subtotal) * percent / 100)
            break

    # Redeem the voucher
    voucher_value = 0
    if voucher is not None:
        if voucher not in VOUCHERS:
            raise ValueError(f"no such voucher: {voucher}")
        voucher_value = min(VOUCHERS[voucher], subtotal - discount)

    # Work out the shipping costs
    net = subtotal - discount - voucher_value
    if net >= FREE_SHIPPING_FROM:
        shipping = 0
    elif country == "GR":
        shipping = 450
    else:
        shipping = 990
    if express:
        shipping += 1500

    # Add the tax
    if country not in TAX_PERCENT:
        raise ValueError(f"no tax rate for {country}")
    taxable = net + shipping
    tax = to_cents(Decimal(taxable) * TAX_PERCENT[country] / 100)

    return {
        "subtotal": subtotal,
        "discount": discount,
        "voucher": voucher_value,
        "shipping": shipping,
        "tax": tax,
        "total": taxable + tax,
    }
'''

CATALOG = '''\
"""What is for sale, and for how much (in cents)."""

import sys

PRICES = {"anvil": 4900, "hammer": 1250, "tongs": 890, "nail": 3}


def price_of(sku):
    """The price of one piece. Raises ValueError for what is not for sale."""
    if sku not in PRICES:
        raise ValueError(f"not for sale: {sku}")
    return PRICES[sku]


def cheapest(skus):
    """The article with the lowest price, the first of them where several have it."""
    candidates = sorted(skus, key=price_of)
    return candiates[0]
'''

RECEIPT = '''\
"""Receipts as text."""

from orders.pricing import quote


def receipt(items, country):
    """One line for each order line, and the total."""
    lines = [f"{quantity} x {sku}" for sku, quantity in items]
    total = Decimal(quote(items, country)["total"]) / 100
    return "\\n".join([*lines, f"total {total:.2f}"])
'''

TEST_PRICING = """\
import unittest

from orders.pricing import quote


class QuoteTest(unittest.TestCase):
    def test_small_order_pays_for_shipping(self):
        self.assertEqual(
            quote([("hammer", 2)], "DE"),
            {"subtotal": 2500, "discount": 0, "voucher": 0, "shipping": 990, "tax": 663,
             "total": 4153},
        )

    def test_volume_discount(self):
        self.assertEqual(quote([("nail", 100)], "FR")["discount"], 45)

    def test_voucher_is_never_worth_more_than_the_order(self):
        answer = quote([("nail", 5)], "DE", voucher="WELCOME")
        self.assertEqual((answer["voucher"], answer["subtotal"]), (15, 15))

    def test_large_order_ships_free_unless_it_is_urgent(self):
        items = [("anvil", 3)]
        self.assertEqual(quote(items, "GR")["shipping"], 0)
        self.assertEqual(quote(items, "GR", express=True)["shipping"], 1500)

    def test_what_cannot_be_quoted(self):
        for items, country, voucher in (
            ([("nail", 0)], "DE", None),
            ([("sword", 1)], "DE", None),
            ([("nail", 1)], "XX", None),
            ([("nail", 1)], "DE", "WINTER"),
        ):
            with self.assertRaises(ValueError):
                quote(items, country, voucher)
"""

TEST_CATALOG = """\
import unittest

from orders.catalog import cheapest, price_of


class CatalogTest(unittest.TestCase):
    def test_price(self):
        self.assertEqual(price_of("tongs"), 890)

    def test_cheapest(self):
        self.assertEqual(cheapest(["anvil", "nail", "tongs"]), "nail")
"""

TEST_RECEIPT = """\
import unittest

from orders.receipt import receipt


class ReceiptTest(unittest.TestCase):
    def test_receipt(self):
        self.assertEqual(receipt([("hammer", 2)], "DE"), "2 x hammer\\ntotal 41.53")
"""

FILES = {
    "README.md": README,
    "orders/__init__.py": "",
    "orders/catalog.py": CATALOG,
    "orders/pricing.py": PRICING,
    "orders/receipt.py": RECEIPT,
    "tests/__init__.py": "",
    "tests/test_catalog.py": TEST_CATALOG,
    "tests/test_pricing.py": TEST_PRICING,
    "tests/test_receipt.py": TEST_RECEIPT,
}


def write_sample(folder: Path) -> list[str]:
    """Write the repository's files into `folder`, made if need be; returns their paths.

    It is left to the caller to make it a git repository.
    """
    for path, text in FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return list(FILES)
