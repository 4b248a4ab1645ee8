"""The closed set of errors: what the module's docstring shows is what there is."""

import inspect
import re
from pathlib import Path

import safar
from safar import errors
from safar.errors import EventRejected, RejectionTag, RequestError, SafarError

ROW = re.compile(r"^    ( *)(\w+)(?: +(\w+|\(tags below\)) +(\d{3})( +retryable)?)?$", re.MULTILINE)


def classes() -> set[type[SafarError]]:
    found = {SafarError}
    while more := {child for one in found for child in one.__subclasses__()} - found:
        found |= more
    return found


def tree() -> dict[str, tuple[str, str | None, str | None, bool]]:
    """By name, the parent, tag, status and retryability that the docstring shows."""
    shown, path = {}, []
    for indent, name, tag, status, retryable in ROW.findall(errors.__doc__ or ""):
        path[len(indent) // 2 :] = [name]
        shown[name] = (path[-2] if len(path) > 1 else "Exception", tag or None, status or None, bool(retryable))
    return shown


def test_the_tree_in_the_docstring_is_the_classes():
    found = {}
    for one in classes():
        abstract = one in (SafarError, RequestError)
        tag = "(tags below)" if one is EventRejected else None if abstract else one.tag
        found[one.__name__] = (one.__bases__[0].__name__, tag, None if abstract else str(one.status), one.retryable)
    assert tree() == found


def test_every_class_is_defined_in_one_module_and_says_what_it_means():
    assert {one.__module__ for one in classes()} == {errors.__name__}
    assert all(inspect.getdoc(one) for one in classes())


def test_tags_are_unique_and_fit_for_metrics():
    tags = [one.tag for one in classes() - {EventRejected}] + list(RejectionTag)
    assert len(set(tags)) == len(tags)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", tag) for tag in tags)


def test_what_may_succeed_later_is_a_503_and_nothing_else():
    """Clients try again after a 503; after anything else they give up."""
    assert {one for one in classes() if one.retryable} == {one for one in classes() if one.status == 503}


def test_our_packages_raise_no_bare_exceptions():
    bare = re.compile(r"\braise (Exception|RuntimeError|BaseException)\b")
    roots = [Path(safar.__file__).parent, Path(safar.__file__).parents[1] / "services"]
    files = [path for root in roots for path in root.rglob("*.py")]
    assert len(files) > 50
    assert [str(path) for path in files if bare.search(path.read_text(encoding="utf-8"))] == []


def test_a_rejected_event_reads_as_a_sentence():
    assert str(EventRejected(RejectionTag.INVALID_FIELD, "userId", "must be a text")) == "userId: must be a text"
    assert str(EventRejected(RejectionTag.MALFORMED_EVENT, "", "must be a JSON object")) == "must be a JSON object"
