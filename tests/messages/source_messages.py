"""The sentences that a check keyword can fail with, as they stand in its source, with {blanks} for what is filled in.

A keyword's method is followed through the domain modules by name. Nothing is run: it needs no deployment, and it sees
every sentence, also those that only a broken deployment brings out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from robot.utils import printable_name

# Modules that judge. Below them (clients, the bed, the load itself) a failure is one to observe, and no verdict.
JUDGING = ("signoff.checks.", "signoff.checkers.", "signoff.faults.")
JUDGING_MODULES = ("signoff.documents", "signoff.ledger")
_PLAIN_CALLS = ("duration", "listing", "sentences", "shortened", "str", "repr", "list", "sorted")
_WAITED = "{what}: this was not so within {within}; last seen: {{last}}"
_FEWEST_WORDS = 3


@dataclass(frozen=True, eq=False)
class Function:
    """A function, a method or a table of a module; ``owner`` is a method's class, or empty."""

    module: str
    owner: str
    name: str
    node: ast.FunctionDef | ast.Assign | ast.AnnAssign

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What tells it from others."""
        return self.module, self.owner, self.name, self.node.lineno

    @property
    def called(self) -> str:
        """What suites call it: the name that its ``@keyword`` gives it, or its own in words."""
        for decorator in self.node.decorator_list if isinstance(self.node, ast.FunctionDef) else ():
            if isinstance(decorator, ast.Call) and _last(decorator.func) == "keyword":
                given = [*decorator.args[:1], *(word.value for word in decorator.keywords if word.arg == "name")]
                if given and isinstance(given[0], ast.Constant) and given[0].value:
                    return str(given[0].value)
        return printable_name(self.name, True)


@dataclass(frozen=True)
class Module:
    """A module with its functions, and what its names mean: "load" is signoff.checks.load."""

    name: str
    functions: tuple[Function, ...]
    imports: dict[str, str] = field(default_factory=dict)


class Source:
    """All modules of the keyword libraries, read and not imported.

    Args:
        folder: keywords/.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def modules(self) -> dict[str, Module]:
        paths = [*self._folder.glob("*Library.py"), *(self._folder / "signoff").rglob("*.py")]
        found = (_read(path, _module_name(path, self._folder)) for path in sorted(paths))
        return {module.name: module for module in found}

    @cached_property
    def _by_name(self) -> dict[str, list[Function]]:
        found: dict[str, list[Function]] = {}
        for module in self.modules.values():
            for function in module.functions:
                found.setdefault(function.name, []).append(function)
        return found

    def sentences_of(self, library: str, keyword: str) -> list[str]:
        """Return every sentence that a library's keyword can fail with as "not met", without its outcome.

        If there is none, the keyword guards a premise, and the sentences are those of "could not be tested".
        """
        (start,) = (one for one in self.modules[library].functions if one.owner and one.called == keyword)
        reached = self._reached(start)
        return self._said(reached, "NotMet") or self._said(reached, "CouldNotObserve")

    def _said(self, reached: list[Function], kind: str) -> list[str]:
        return sorted({text for one in reached for text in self._sentences_in(one, kind) if text})

    def _reached(self, start: Function) -> list[Function]:
        seen = {start.key: start}
        to_follow = [start]
        for function in to_follow:
            for one in self._mentioned(function):
                if one.key not in seen:
                    seen[one.key] = one
                    to_follow.append(one)
        return to_follow

    def _mentioned(self, function: Function) -> Iterator[Function]:
        """Yield what a function calls or hands on, as far as it is in a module that judges."""
        own = _bound_in(function.node)
        for node in ast.walk(function.node):
            if isinstance(node, ast.Name) and node.id in own:
                continue
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                yield from self._meant(node, function)

    def _meant(self, node: ast.expr, function: Function) -> Iterator[Function]:
        module = self.modules[function.module]
        if isinstance(node, ast.Name):
            home, name = module.imports.get(node.id, f"{module.name}.{node.id}").rpartition(".")[::2]
            yield from self._functions(home, name)
        elif isinstance(node, ast.Attribute):
            if isinstance(node.value, ast.Name) and node.value.id in module.imports:
                yield from self._functions(module.imports[node.value.id], node.attr)
                return
            named = [one for one in self._by_name.get(node.attr, []) if one.owner]
            mine = [one for one in named if (one.module, one.owner) == (function.module, function.owner)]
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                # What an earlier keyword has left: its judgement may be what this one tells.
                yield from mine or self._setting(node.attr, function)
            else:
                # Whatever the object is: a method of that name, in a judging module that this one imports from.
                near = {
                    module.name,
                    *module.imports.values(),
                    *(one.rpartition(".")[0] for one in module.imports.values()),
                }
                yield from (one for one in named if _judges(one.module) and one.module in near)

    def _setting(self, attribute: str, function: Function) -> Iterator[Function]:
        """Yield the statements of a class that give one of its attributes a value."""
        for one in self.modules[function.module].functions:
            for node in ast.walk(one.node) if one.owner == function.owner and one.owner else ():
                targets = node.targets if isinstance(node, ast.Assign) else ()
                if any(isinstance(target, ast.Attribute) and target.attr == attribute for target in targets):
                    assert isinstance(node, ast.Assign)
                    yield Function(one.module, one.owner, f"{one.name} sets {attribute}", node)

    def _functions(self, module: str, name: str) -> Iterator[Function]:
        known = self.modules.get(module)
        if known is not None and (_judges(module) or "." not in module):
            yield from (one for one in known.functions if one.name == name and not one.owner)

    def _sentences_in(self, function: Function, kind: str) -> Iterator[str]:
        for node in ast.walk(function.node):
            if isinstance(node, ast.Call):
                called = _last(node.func)
                if called == kind and node.args:
                    yield from (_classes(node) + text for text in self._texts(node.args[-1], function))
                if kind != "NotMet":
                    continue
                if called == "poll":
                    yield from self._waits(node, function)
                if called == "Finding" and len(node.args) > 1:
                    verdict = _verdict(node.args[0])
                    # Words that may be empty are none: then there is no finding.
                    yield from (f"{verdict}: {text}" for text in self._texts(node.args[1], function) if text)
                if called == "says" and node.args:
                    yield from self._texts(node, function)
                if called == "append" and node.args:
                    yield from self._worded(node.args[0])
            elif kind == "NotMet" and isinstance(node, ast.Yield) and node.value is not None:
                yield from self._worded(node.value)
            elif kind == "NotMet" and isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                yield from self._worded(node.slice)
            elif kind == "NotMet" and isinstance(node, ast.List):
                for item in node.elts:
                    yield from self._worded(item)
            elif kind == "NotMet" and isinstance(node, ast.ListComp | ast.GeneratorExp):
                yield from self._worded(node.elt)

    def _waits(self, call: ast.Call, function: Function) -> Iterator[str]:
        given = {word.arg: word.value for word in call.keywords}
        if "what" in given and "within" in given:
            within = ast.unparse(given["within"])
            yield from (
                _WAITED.format(what=what, within=f"{{{within}}}") for what in self._texts(given["what"], function)
            )

    def _worded(self, node: ast.expr) -> Iterator[str]:
        """Yield the sentences that are gathered in lists; a word or two are a name and no sentence."""
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            for text in _literal(node):
                if len(text.split()) >= _FEWEST_WORDS:
                    yield text

    def _texts(self, node: ast.expr, function: Function, deep: int = 3) -> list[str]:
        """Return what an expression says; a name is looked up where it gets its value, a call where it returns."""
        if texts := _literal(node):
            return texts
        if isinstance(node, ast.IfExp):
            return [*self._texts(node.body, function, deep), *self._texts(node.orelse, function, deep)]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._texts(node.left, function, deep), self._texts(node.right, function, deep)
            return [begin + end for begin in left for end in right]
        if deep and isinstance(node, ast.Name):
            values = [value for value in _values_of(node, function.node) if not isinstance(value, ast.Name)]
            found = [text for value in values for text in self._texts(value, function, deep - 1)]
            return found or [f"{{{node.id}}}"]
        if isinstance(node, ast.Call) and _last(node.func) == "says" and node.args:
            return [f"{_said_class(node.func)}: {text}" for text in self._texts(node.args[0], function, deep)]
        if deep and isinstance(node, ast.Call):
            if _last(node.func) in _PLAIN_CALLS:
                return [f"{{{_blank(node)}}}"]
            found = []
            for one in self._meant(node.func, function):
                for inner in ast.walk(one.node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        found += [text for text in self._texts(inner.value, one, deep - 1) if text]
            return found or [f"{{{_blank(node)}}}"]
        return [f"{{{_blank(node)}}}"]


def _literal(node: ast.expr) -> list[str]:
    """Return the text of a string, an f-string or several joined by +, with a blank for each value; else nothing."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(_part(value) for value in node.values)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _literal(node.left), _literal(node.right)
        return [left[0] + right[0]] if left and right else []
    return []


def _part(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    assert isinstance(value, ast.FormattedValue)
    inner = value.value
    if isinstance(inner, ast.Call) and _last(inner.func) == "count" and len(inner.args) > 1:
        number, noun = inner.args[:2]
        if isinstance(noun, ast.Constant):
            return f"{{{_blank(number)}}} {noun.value!s}(s)"
    return f"{{{_blank(inner)}}}"


def _blank(node: ast.expr) -> str:
    """Return a value as the source has it, without what only puts it into words."""
    if isinstance(node, ast.Call) and _last(node.func) in _PLAIN_CALLS and node.args:
        return _blank(node.args[0])
    return ast.unparse(node)


def _classes(call: ast.Call) -> str:
    """Return the verdict classes that a call is given beside its words, as they stand before these."""
    given = [*call.args, *(word.value for word in call.keywords)]
    named = [one for one in given if isinstance(one, ast.Attribute) and _last(one.value) == "VerdictClass"]
    return "".join(f"{_verdict(one)}: " for one in named)


def _said_class(says: ast.expr) -> str:
    """Return the class that ``VerdictClass.LOST.says`` names; a blank if it is decided on the way."""
    assert isinstance(says, ast.Attribute)
    named = isinstance(says.value, ast.Attribute) and _last(says.value.value) == "VerdictClass"
    return _verdict(says.value) if named else "{class}"


def _verdict(node: ast.expr) -> str:
    """Return a verdict class as the message has it: VerdictClass.LATE_REPLAY is LATE-REPLAY."""
    return node.attr.replace("_", "-") if isinstance(node, ast.Attribute) else f"{{{ast.unparse(node)}}}"


def _values_of(used: ast.Name, function: ast.AST) -> list[ast.expr]:
    """Return what a name may mean where it is used: what it was given since it was used last, else whatever it is."""
    given: list[tuple[int, ast.expr]] = []
    uses = [0]
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == used.id and isinstance(node.ctx, ast.Load):
            uses.append(node.lineno)
        elif isinstance(node, ast.NamedExpr) and node.target.id == used.id:
            given.append((node.lineno, node.value))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(one, ast.Name) and one.id == used.id for one in targets):
                given.append((node.lineno, node.value))
    last = max(line for line in uses if line < used.lineno)
    return [value for line, value in given if last < line <= used.lineno] or [value for _, value in given]


def _bound_in(function: ast.AST) -> set[str]:
    """Return the names that mean something of the function's own: its arguments and variables."""
    names = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    return names | {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _judges(module: str) -> bool:
    return module.startswith(JUDGING) or module in JUDGING_MODULES


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _module_name(path: Path, folder: Path) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read(path: Path, name: str) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [Function(name, "", one.name, one) for one in tree.body if isinstance(one, ast.FunctionDef)]
    for table in (one for one in tree.body if isinstance(one, ast.Assign | ast.AnnAssign)):
        targets = table.targets if isinstance(table, ast.Assign) else [table.target]
        functions += [Function(name, "", one.id, table) for one in targets if isinstance(one, ast.Name)]
    for kind in (one for one in tree.body if isinstance(one, ast.ClassDef)):
        functions += [Function(name, kind.name, one.name, one) for one in kind.body if isinstance(one, ast.FunctionDef)]
    imports: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            package = name.split(".")[: -node.level] if node.level else []
            base = ".".join([*package, *([node.module] if node.module else [])])
            imports |= {one.asname or one.name: f"{base}.{one.name}" for one in node.names}
    return Module(name, tuple(functions), imports)
