"""How large the package is.

    python tests/benchmarks/size.py

Prints the lines of the layer (the modules directly in djng/) and of the whole package, how many of
them are code (neither blank, comment nor docstring), and the lengths of functions with their
docstrings. The goals: 2,400 lines in the layer, functions with a median of 7 lines, a 90th
percentile of 16 and at most 40.
"""

import ast
import statistics
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "djng"


def code_lines(source, nodes):
    """The lines that are neither blank, comment nor docstring."""
    written = {n for n, line in enumerate(source.splitlines(), 1) if line.split("#")[0].strip()}
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            written -= set(range(node.lineno, node.end_lineno + 1))
    return len(written)


def main():
    sources = {source: [*ast.walk(ast.parse(source))] for source in read()}
    nodes = [node for each in sources.values() for node in each]
    functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = sorted(node.end_lineno - node.lineno + 1 for node in functions)
    layer = sum(len(path.read_text().splitlines()) for path in PACKAGE.glob("*.py"))
    print(f"{layer} lines in the layer,", end=" ")
    print(f"{sum(len(source.splitlines()) for source in sources)} in all,", end=" ")
    print(f"{sum(code_lines(*each) for each in sources.items())} of them code")
    print(f"{len(lengths)} functions: median {statistics.median(lengths):.0f} lines,", end=" ")
    print(f"90th percentile {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}")


def read():
    return [path.read_text() for path in PACKAGE.rglob("*.py")]


if __name__ == "__main__":
    main()
