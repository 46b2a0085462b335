"""The slips: what may be written by mistake instead of an expression. Each rule's docstring shows what it
does."""

import ast

from tests.mutation.slips import brief, changed, plus, replaced, rule, swapped

ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.MatMult: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}  # fmt: skip
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}  # fmt: skip
COMMUTATIVE = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)


# ---- arithmetic, signs and terms ---------------------------------------------------------------------------


@rule(ast.BinOp)
def another_operator(node):
    """a + b → a - b;  a // b → its ceiling."""
    if isinstance(node.op, ast.FloorDiv):
        yield ast.UnaryOp(ast.USub(), changed(node, left=ast.UnaryOp(ast.USub(), node.left)))
    elif type(node.op) in ARITHMETIC:
        yield changed(node, op=ARITHMETIC[type(node.op)]())


@rule(ast.BinOp)
def a_term_or_factor_dropped(node):
    """a + b → a, a + b → b;  a - b → a."""
    yield node.left
    if isinstance(node.op, (*COMMUTATIVE, ast.MatMult)):
        yield node.right


@rule(ast.BinOp)
def operands_swapped(node):
    """a - b → b - a."""
    if not isinstance(node.op, COMMUTATIVE):
        yield changed(node, left=node.right, right=node.left)


@rule(ast.UnaryOp)
def sign_or_not_dropped(node):
    """-a → a;  not a → a."""
    yield node.operand


@rule(ast.Constant)
def another_number(node):
    """n → n + 1, n → n - 1;  x → 1.1·x;  True → False."""
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1)
    elif isinstance(node.value, float):
        yield ast.Constant(node.value * 1.1 or 1.0)


# ---- decisions ---------------------------------------------------------------------------------------------


@rule(ast.Compare)
def another_comparison(node):
    """a < b → a <= b, a < b → a > b."""
    for i, op in enumerate(node.ops):
        for other in COMPARISONS[type(op)]:
            yield changed(node, ops=replaced(node.ops, i, other()))


@rule(ast.BoolOp)
def and_or(node):
    """a and b → a or b, → a, → b."""
    yield changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for i in range(len(node.values)):
        rest = replaced(node.values, i)
        yield rest[0] if len(rest) == 1 else changed(node, values=rest)


@rule(ast.IfExp)
def the_wrong_branch(node):
    """a if c else b → b if c else a, → a, → b."""
    yield changed(node, body=node.orelse, orelse=node.body)
    yield node.body
    yield node.orelse


@rule(ast.If)
def a_condition_ignored(node):
    """if c: → if not c:, → if True:, → if False:."""
    old = brief(node.test)
    for new in (ast.UnaryOp(ast.Not(), node.test), ast.Constant(True), ast.Constant(False)):
        yield f"if {old}: → if {brief(new)}:", changed(node, test=new)


@rule(ast.comprehension)
def a_filter_dropped(node):
    """… for a in b if c → … for a in b."""
    for i in range(len(node.ifs)):
        yield f"if {brief(node.ifs[i])} → nothing", changed(node, ifs=replaced(node.ifs, i))


# ---- indices, axes and bounds ------------------------------------------------------------------------------


@rule(ast.Tuple, ast.List)
def neighbours_swapped(node):
    """[i, j] → [j, i]: of an index, of axes, of what is returned."""
    for i in range(len(node.elts) - 1):
        if isinstance(node.ctx, ast.Load):
            one, two = brief(node.elts[i]), brief(node.elts[i + 1])
            around = "[…]" if len(node.elts) > 2 else ""
            yield f"{one}, {two} → {two}, {one} {around}".strip(), changed(node, elts=swapped(node.elts, i))


@rule(ast.keyword)
def an_argument_dropped(node):
    """axis=(0, 1, 2) → axis=(0, 1), → axis=(1, 2)."""
    if isinstance(node.value, ast.Tuple):
        for part in (node.value.elts[:-1], node.value.elts[1:]):
            yield changed(node, value=changed(node.value, elts=part))


@rule(ast.Subscript)
def an_index_off_by_one(node):
    """a[i] → a[i - 1];  a[i:j] → a[i + 1:j], → a[i:j - 1]."""
    several = isinstance(node.slice, ast.Tuple)
    entries = node.slice.elts if several else [node.slice]
    for i, entry in enumerate(entries):
        options = []
        if isinstance(entry, ast.Name):
            options.append(plus(entry, -1))
        elif isinstance(entry, ast.Slice):
            options += [changed(entry, lower=plus(entry.lower, 1))] if entry.lower else []
            options += [changed(entry, upper=plus(entry.upper, -1))] if entry.upper else []
        for new in options:
            index = changed(node.slice, elts=replaced(entries, i, new)) if several else new
            yield changed(node, slice=index)


@rule(ast.Call)
def a_range_cut(node):
    """range(n) → range(1, n), → range(n - 1)."""
    if isinstance(node.func, ast.Name) and node.func.id in ("range", "prange"):
        first, *rest = node.args
        if not rest:
            yield changed(node, args=[ast.Constant(1), first])
            yield changed(node, args=[plus(first, -1)])
        else:
            yield changed(node, args=[plus(first, 1), *rest])
            yield changed(node, args=[first, plus(rest[0], -1), *rest[1:]])
