"""The slips, continued: calls and statements. See operators.py."""

import ast

from tests.mutation.operators import ARITHMETIC
from tests.mutation.slips import brief, changed, replaced, rule, swapped

SYMMETRIC = {
    "add",
    "fadd",
    "mul",
    "fmul",
    "and_",
    "max",
    "min",
    "maximum",
    "minimum",
    "result_type",
    "promote_types",
}
NEIGHBOURS = [  # functions that are taken for each other
    ("max", "min"), ("maximum", "minimum"), ("argmax", "argmin"), ("sum", "mean"), ("floor", "ceil"), ("any", "all"),
    ("zeros", "ones"), ("zeros_like", "ones_like"), ("exp", "expm1"), ("log", "log1p"), ("cos", "sin"),
]  # fmt: skip
OTHER = {a: b for pair in NEIGHBOURS for a, b in (pair, pair[::-1])}
MODULES = ("np", "math", "ops", "self", "geometry", "direct", "winograd")

# ---- calls -------------------------------------------------------------------------------------------------


@rule(ast.Call)
def arguments_swapped(node):
    """f(a, b) → f(b, a)."""
    if getattr(node.func, "attr", getattr(node.func, "id", "")) in SYMMETRIC:
        return
    for i in range(len(node.args) - 1):
        one, two = node.args[i : i + 2]
        if not isinstance(one, ast.Starred) and not isinstance(two, ast.Starred):
            text = f"{brief(node.func)}(…): {brief(one)}, {brief(two)} → {brief(two)}, {brief(one)}"
            yield text, changed(node, args=swapped(node.args, i))


@rule(ast.Call)
def a_keyword_dropped(node):
    """f(a, axis=1) → f(a)."""
    for i, keyword in enumerate(node.keywords):
        if keyword.arg:
            text = f"{brief(node.func)}(…): {keyword.arg}={brief(keyword.value)} → nothing"
            yield text, changed(node, keywords=replaced(node.keywords, i))


@rule(ast.Call)
def another_function(node):
    """np.maximum(a, b) → np.minimum(a, b)."""
    if isinstance(node.func, ast.Name) and node.func.id in OTHER:
        yield changed(node, func=ast.Name(OTHER[node.func.id], ast.Load()))
    elif isinstance(node.func, ast.Attribute) and node.func.attr in OTHER:
        yield changed(node, func=changed(node.func, attr=OTHER[node.func.attr]))


@rule(ast.Call)
def a_call_left_out(node):
    """f(x) → x;  x.copy() → x."""
    if len(node.args) == 1 and not isinstance(node.args[0], ast.Starred) and _is_plain(node.func):
        yield node.args[0]
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value):
        yield node.func.value


def _is_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id in (
        "np",
        "math",
        "ops",
        "self",
        "geometry",
        "direct",
        "winograd",
    )


def _is_plain(function: ast.AST) -> bool:
    """Tell whether a function is called by its name or through its module, so not a method."""
    return isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and _is_module(function.value)
    )


@rule(ast.Attribute)
def a_transpose_dropped(node):
    """a.T → a;  a.real → a."""
    if node.attr in ("T", "real") and isinstance(node.ctx, ast.Load):
        yield node.value


# ---- statements --------------------------------------------------------------------------------------------


@rule(ast.AugAssign)
def added_or_overwritten(node):
    """a += b → a -= b, → a = b, → nothing."""
    if type(node.op) in ARITHMETIC:
        yield changed(node, op=ARITHMETIC[type(node.op)]())
    yield ast.Assign([node.target], node.value)
    yield f"{brief(node)} → nothing", ast.Pass()


@rule(ast.Assign)
def an_assignment_left_out(node):
    """a[i] = b → nothing;  dy = f(dy) → nothing."""
    target = node.targets[0]
    known = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    if isinstance(target, ast.Subscript | ast.Attribute) or (
        isinstance(target, ast.Name) and target.id in known
    ):
        yield f"{brief(node)} → nothing", ast.Pass()


@rule(ast.Expr)
def a_call_forgotten(node):
    """f(a) → nothing."""
    if isinstance(node.value, ast.Call):
        yield f"{brief(node)} → nothing", ast.Pass()


@rule(ast.For)
def a_loop_left_early(node):
    """for …: → for … with a break, or a return, after the first time."""
    head = f"for {brief(node.target)} in {brief(node.iter)}:"
    for leave in (ast.Break(), ast.Return()):
        text = f"{head} → … {ast.unparse(leave)} at its end"
        yield text, changed(node, body=[*node.body, ast.copy_location(leave, node)])


@rule(ast.Continue, ast.Break)
def continue_break(node):
    """continue → break."""
    yield ast.Break() if isinstance(node, ast.Continue) else ast.Continue()
