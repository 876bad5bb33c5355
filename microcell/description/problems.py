"""Validate plain data against a model and say what is wrong in plain words, with its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from microcell.description.schema import adapter
from microcell.description.schema_view import SchemaView, child
from microcell.description.source import Source, Where
from microcell.description.wording import allowed, choice, listed, near, number_hint, shown, unit_hint
from microcell.errors import Issue

_REASONS = {
    "greater_than": "out of range",
    "greater_than_equal": "out of range",
    "less_than": "out of range",
    "less_than_equal": "out of range",
    "finite_number": "out of range",
    "literal_error": "not allowed",
    "too_short": "too few",
    "too_long": "too many",
    "string_too_long": "too long",
    "string_too_short": "too short",
}


@dataclass(frozen=True)
class Problem:
    """One thing that a model refuses.

    `where` is the offending place. `missing` is the name of a key that is not in the mapping there; `unknown`
    says that the place's own key is at fault.
    """

    where: Where
    what: str
    remedy: str
    missing: str | None = None
    unknown: bool = False

    def issue(self, source: Source, prefix: Where = ()) -> Issue:
        """The problem as an issue of a file in which the data stand at `prefix`."""
        return source.issue((*prefix, *self.where), self.what, self.remedy, key=self.unknown or self.missing is not None)


def validate(model: Any, data: Any) -> tuple[Any, tuple[Problem, ...]]:
    """Return the validated model, or None and every problem. Strict: no number is taken from text."""
    try:
        return adapter(model).validate_json(json.dumps(data), strict=True), ()
    except ValidationError as error:
        view = SchemaView.of(model)
        details = [detail for detail in error.errors(include_url=False) if not _counts_the_refused(detail)]
        problems = (_problem(data, view, detail) for detail in details)
        return None, tuple(_without_echoes(list(problems)))


def in_words(problems: Sequence[Problem], most: int = 5) -> str:
    """The first problems of data that stand in no file, in one line, and how many more there are."""
    told = [f"{'.'.join(map(str, p.where))}: {p.what}; {p.remedy}" for p in problems[:most]]
    return " ".join([*told, *([f"And {len(problems) - most} more."] if len(problems) > most else [])])


def _counts_the_refused(detail: Any) -> bool:
    """Whether a list is called too short only because some of its elements were refused."""
    value = detail["input"]
    return detail["type"] == "too_short" and isinstance(value, (list, dict)) and len(value) >= detail["ctx"]["min_length"]


def _problem(data: Any, view: SchemaView, detail: Any) -> Problem:
    where, at_key = view.place(detail["loc"], data)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "missing" and isinstance(where[-1], str):
        return _missing(view, data, where[:-1], where[-1])
    if kind == "missing":
        return _wrong_value(view, data, where[:-1], "too_short")
    if kind == "union_tag_not_found":
        return _missing(view, data, where, context["discriminator"].strip("'"))
    if kind == "union_tag_invalid":
        return _wrong_tag(view, data, where, context["discriminator"].strip("'"))
    if kind == "extra_forbidden":
        return _unknown_key(view, data, where)
    if at_key:
        return _wrong_key(view, data, where)
    if kind == "value_error":
        remedy = f"{context['error']}. Correct the value."
        return Problem(where, f"not accepted ({shown(detail['input'])})", remedy)
    return _wrong_value(view, data, where, kind)


def _missing(view: SchemaView, data: Any, where: Where, name: str) -> Problem:
    schema = view.at(where, data)
    if "discriminator" in schema:
        needed = "one of " + listed(schema["discriminator"]["mapping"])
    else:
        needed = allowed(view.at((*where, name), data))
    return Problem(where, f"the key '{name}' is missing", f"it is {needed}. Add it.", missing=name)


def _wrong_tag(view: SchemaView, data: Any, where: Where, key: str) -> Problem:
    value = value_at(data, (*where, key))
    tags = view.at(where, data)["discriminator"]["mapping"]
    return Problem((*where, key), f"not allowed ({shown(value)})", choice(str(value), tags, "value"))


def _unknown_key(view: SchemaView, data: Any, where: Where) -> Problem:
    known = [key for key in view.at(where[:-1], data).get("properties", {}) if key != where[-1]]
    what = f"unknown key '{where[-1]}' ({shown(value_at(data, where))})"
    if match := near(str(where[-1]), known):
        remedy = f"did you mean '{match}'? Correct or remove it."
    else:
        remedy = f"allowed are {listed(known)}. Remove or correct it."
    return Problem(where, what, remedy, unknown=True)


def _wrong_key(view: SchemaView, data: Any, where: Where) -> Problem:
    names = view.key_schema(where[:-1], data)
    return Problem(
        where,
        f"the key '{where[-1]}' is not allowed",
        f"it must be {allowed(names)}. Correct it.",
        unknown=True,
    )


def _wrong_value(view: SchemaView, data: Any, where: Where, kind: str) -> Problem:
    schema = view.at(where, data)
    value = value_at(data, where)
    reason = _REASONS.get(kind, "wrong kind of value" if kind.endswith("_type") else "not well formed")
    key = next((step for step in reversed(where) if isinstance(step, str)), "")
    hint = unit_hint(key, value, schema) if reason == "out of range" else None
    return Problem(where, f"{reason} ({shown(value)})", f"{allowed(schema)} is needed. {hint or _advice(schema, value)}")


def _advice(schema: dict[str, Any], value: Any) -> str:
    """What to do about a value of the wrong kind."""
    wanted = schema.get("type")
    if wanted in ("number", "integer") and (hint := number_hint(value)):
        return hint
    if wanted == "string" and isinstance(value, (bool, int, float)):
        return "Put it in quotes."
    if wanted == "boolean" and str(value).lower() in ("yes", "on", "y", "no", "off", "n"):
        return "Write true or false, as YAML 1.2 has it."
    if "enum" in schema and isinstance(value, str) and (match := near(value, map(str, schema["enum"]))):
        return f"Did you mean '{match}'?"
    return "Correct the value."


def value_at(data: Any, where: Where) -> Any:
    """The value at a path, or None."""
    for step in where:
        data = child(data, step)
    return data


def _without_echoes(problems: list[Problem]) -> Iterator[Problem]:
    """Leave out what follows from another: the missing twin of a misspelt key, a second word on one place."""
    seen: set[tuple[Where, str | None]] = set()
    for problem in problems:
        known = (problem.where, problem.missing)
        if known not in seen and not (problem.missing and _misspelt(problem, problems)):
            yield problem
        seen.add(known)


def _misspelt(missing: Problem, problems: Iterable[Problem]) -> bool:
    unknown = [p.where[-1] for p in problems if p.unknown and p.where[:-1] == missing.where]
    return any(near(str(key), [missing.missing or ""]) for key in unknown)
