"""bank: money moves between accounts while others add all of them up; the total never changes.

    T1 ── r a 50 ── r b 50 ── w a 45 ── w b 55 ── commit       T2 saw one half of the transfer:
    T2 ── r a 50 ─────────────────────────────── r b 55        50 + 55 is not what was paid in

Uses keys (the accounts), key_choice (nothing retires, so rotating is uniform), contention and read_ratio (the
share of transactions that read every account). A balance is stored with a tag, as `workloads.tagged` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from harness.program import Params, Program, Rng, Workload, read, write
from workloads.keys import KeyChooser
from workloads.sweep import straight
from workloads.tagged import number_of, tagged

__all__ = ["BANK"]

_DEPOSIT = 100
_AMOUNT_MAX = 5


def _accounts(params: Params) -> list[str]:
    return [f"account{i}" for i in range(max(2, params.keys))]


def _setup(rng: Rng, params: Params) -> Iterator[Program]:
    yield straight([write(account, tagged(_DEPOSIT, "deposit")) for account in _accounts(params)])


def _programs(rng: Rng, params: Params) -> Iterator[Program]:
    accounts = _accounts(params)
    chooser = KeyChooser(rng, params, keys_min=2)
    for number in count():
        if rng.random() < params.read_ratio:
            yield _read_everything(rng, accounts)
        else:
            payer, payee = chooser.choose_two()
            yield _transfer(accounts[payer], accounts[payee], rng.randint(1, _AMOUNT_MAX), number)


def _read_everything(rng: Rng, accounts: list[str]) -> Program:
    return straight([read(account) for account in rng.sample(accounts, len(accounts))])


def _transfer(payer: str, payee: str, amount: int, tag: int) -> Program:
    paying = number_of((yield read(payer)).value)
    paid = number_of((yield read(payee)).value)
    if paying is not None and paid is not None and paying >= amount:
        yield write(payer, tagged(paying - amount, tag))
        yield write(payee, tagged(paid + amount, tag))


def _finale(rng: Rng, params: Params) -> Iterator[Program]:
    yield _read_everything(rng, _accounts(params))


BANK = Workload("bank", _setup, _programs, _finale, Params(keys=5, key_choice="uniform", read_ratio=0.4))
