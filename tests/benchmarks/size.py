"""How large the package is.

    python tests/benchmarks/size.py

Prints its lines, and the lines of its functions with their docstrings: at most 1,500 lines, a
median of 8, a 90th percentile of 20 and no function over 40 are wanted.
"""

import ast
import statistics
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "djng"


def main():
    sources = [path.read_text() for path in PACKAGE.rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = sorted(node.end_lineno - node.lineno + 1 for node in functions)
    print(f"{sum(len(source.splitlines()) for source in sources)} lines")
    print(f"{len(lengths)} functions: median {statistics.median(lengths):.0f} lines,", end=" ")
    print(f"90th percentile {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}")


if __name__ == "__main__":
    main()
