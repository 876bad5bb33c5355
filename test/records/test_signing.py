"""Signed heads: the site's key, when heads are signed, and what a public key then proves."""

import sqlite3
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the package cryptography is not installed")

from microcell import events
from microcell.errors import JournalError
from microcell.records import journal as journal_module
from microcell.records.chain import Head, Signature
from microcell.records.journal import Journal, JournalReader
from microcell.records.signing import keys_folder, new_key, public_key, public_keys, site_key
from microcell.records.verifying import verify


def state(number: int) -> events.StateChanged:
    return events.StateChanged(time_s=0.5 * number, state=f"S{number}", reason="")


def order_ended(number: int) -> events.OrderControlled:
    return events.OrderControlled(time_s=float(number), order_id="order-0001", state="completed", reason="")


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for trigger in ("entry_keeps", "entry_stays", "entry_follows"):
        connection.execute(f"DROP TRIGGER {trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def signed_at(path: Path) -> list[int]:
    with JournalReader.open(path) as journal:
        return [signature.head.sequence for signature in journal.signatures()]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    new_key(folder)
    return folder


@pytest.fixture
def signed(tmp_path, keys):
    """A journal of ten entries whose fourth ended an order."""
    path = tmp_path / "j"
    with Journal.create_or_open(path, signer=site_key(keys)) as journal:
        for number in range(10):
            journal.append(order_ended(number) if number == 3 else state(number))
    return path


# the key


def test_the_private_key_is_its_owners_alone_and_the_public_one_bears_its_id(tmp_path):
    private, public = new_key(tmp_path / "keys")
    assert private.stat().st_mode & 0o777 == 0o600
    assert private.parent.stat().st_mode & 0o777 == 0o700
    assert public.name == f"{site_key(tmp_path / 'keys').key_id}.pub"
    assert sorted(path.name for path in private.parent.iterdir()) == sorted([private.name, public.name])


def test_a_key_is_not_overwritten_unless_that_is_wanted_and_its_public_file_stays(tmp_path):
    new_key(tmp_path)
    with pytest.raises(JournalError, match=r"site\.key is there already: keep it, or replace it with --replace"):
        new_key(tmp_path)
    new_key(tmp_path, replace=True)
    assert len(public_keys(tmp_path)) == 2


def test_a_key_that_others_may_read_is_refused(tmp_path):
    private, _ = new_key(tmp_path)
    private.chmod(0o640)
    with pytest.raises(JournalError, match=r"site\.key is open to other users: chmod 600 it"):
        site_key(tmp_path)


def test_what_is_no_key_is_named(tmp_path):
    assert site_key(tmp_path) is None
    (tmp_path / "site.key").write_text("open sesame")
    (tmp_path / "site.key").chmod(0o600)
    (tmp_path / "a.pub").write_text("open sesame")
    with pytest.raises(JournalError, match=r"site\.key is no private key in PEM: make one with microcell key new"):
        site_key(tmp_path)
    with pytest.raises(JournalError, match=r"a\.pub is no public key in PEM: name the \.pub file"):
        public_key(tmp_path / "a.pub")
    with pytest.raises(JournalError, match=r"b\.pub cannot be read \(No such file or directory\)"):
        public_key(tmp_path / "b.pub")


def test_the_folder_of_keys_is_the_named_one_else_in_the_users_configuration(tmp_path):
    assert keys_folder({"MICROCELL_KEYS": "/keys", "XDG_CONFIG_HOME": "/c"}) == Path("/keys")
    assert keys_folder({"XDG_CONFIG_HOME": "/c"}) == Path("/c/microcell/keys")
    assert keys_folder({}) == Path.home() / ".config/microcell/keys"


# when heads are signed


def test_heads_are_signed_when_an_order_ends_and_on_close(signed):
    assert signed_at(signed) == [4, 10]


@pytest.mark.parametrize("durability", ["full", "batch"])
def test_heads_are_signed_after_so_many_entries(tmp_path, keys, monkeypatch, durability):
    monkeypatch.setattr(journal_module, "SIGN_ENTRIES", 10)
    path = tmp_path / "j"
    with Journal.create_or_open(path, durability, signer=site_key(keys)) as journal:
        for number in range(25):
            journal.append(state(number))
    assert signed_at(path) == [10, 20, 25]
    with Journal.create_or_open(path, durability, signer=site_key(keys)):
        pass
    assert signed_at(path) == [10, 20, 25], "nothing new, nothing signed"


def test_a_journal_without_a_key_is_whole_and_says_that_it_is_not_signed(tmp_path):
    with Journal.create_or_open(tmp_path / "j") as journal:
        journal.append(state(0))
        verdict = verify(journal)
    assert (verdict.broken, verdict.signed, verdict.unsigned_entries) == (None, None, 1)


def test_no_secret_is_in_the_journal(signed, keys):
    secret = (keys / "site.key").read_text().splitlines()[1].encode()
    content = signed.read_bytes()
    assert secret not in content
    assert b"PRIVATE" not in content


# what they prove


def test_signatures_are_checked_with_the_public_key(signed, keys):
    with JournalReader.open(signed) as journal:
        verdict = verify(journal, keys=public_keys(keys))
    assert (verdict.broken, verdict.signatures, verdict.signed.sequence, verdict.unsigned_entries) == (None, 2, 10, 0)
    assert verdict.keys_checked == verdict.signed_by


def break_of(path: Path, keys: Path | None = None) -> str:
    with JournalReader.open(path) as journal:
        return str(verify(journal, keys=public_keys(keys) if keys else ()).broken)


def test_a_cut_off_tail_is_found_by_the_signed_head(signed):
    tamper(signed, "DELETE FROM entry WHERE sequence > 7")
    signed.with_name("j.head").unlink()
    assert break_of(signed) == "entry 8: missing: the signed head is entry 10"


def test_a_cut_off_tail_with_its_signature_shows_up_in_the_writers_note(signed):
    tamper(signed, "DELETE FROM entry WHERE sequence > 7", "DELETE FROM signature WHERE sequence > 7")
    assert break_of(signed) == "entry 8: missing: the head that its writer noted is entry 10"


def test_a_journal_that_was_rewritten_with_a_good_chain_is_found_by_the_signed_head(tmp_path, signed):
    with Journal.create_or_open(tmp_path / "other", "batch") as other:
        for number in range(10):
            other.append(state(100 + number))
    tamper(
        signed,
        f"ATTACH '{tmp_path / 'other'}' AS other",
        "DELETE FROM entry",
        "INSERT INTO entry SELECT * FROM other.entry",
    )
    assert break_of(signed) == "entry 4: rewritten: its hash is not the signed one"


def test_a_signature_that_was_made_up_is_wrong(signed, keys):
    tamper(signed, "UPDATE signature SET signature = upper(hex(zeroblob(64))) WHERE sequence = 4")
    assert break_of(signed) == "None", "without a public key nobody can tell"
    assert break_of(signed, keys).startswith("entry 4: wrong signature: it was not made with the key ")


@pytest.mark.parametrize("column", ["hash", "key", "signature"])
def test_a_signature_of_rubbish_is_told_and_breaks_nothing_else(signed, keys, column):
    tamper(signed, f"UPDATE signature SET {column} = x'00ff' WHERE sequence = 4")
    assert break_of(signed, keys).startswith("entry 4: ")


def test_a_signature_that_was_moved_to_another_head_is_wrong(signed, keys):
    key = public_keys(keys)[0]
    signature = site_key(keys).sign(Head(4, "0" * 64))
    assert key.fits(signature)
    assert not key.fits(Signature(Head(5, "0" * 64), signature.key_id, signature.signature))
    assert not key.fits(Signature(signature.head, signature.key_id, "no hex"))


def test_another_sites_signature_and_no_signature_are_refused_where_a_key_is_given(tmp_path, signed, keys):
    new_key(tmp_path / "other")
    assert break_of(signed, tmp_path / "other").startswith("entry 4: signed by another key, ")
    tamper(signed, "DELETE FROM signature")
    assert break_of(signed, keys) == "entry 1: not signed: nothing in this journal is signed by the given key"


def test_a_replaced_key_and_its_successor_are_checked_together(tmp_path, signed, keys):
    new_key(tmp_path / "next")
    with Journal.create_or_open(signed, signer=site_key(tmp_path / "next")) as journal:
        journal.append(state(10))
    both = (*public_keys(keys), *public_keys(tmp_path / "next"))
    with JournalReader.open(signed) as journal:
        verdict = verify(journal, keys=both)
    assert (verdict.broken, verdict.signatures, len(verdict.signed_by)) == (None, 3, 2)
