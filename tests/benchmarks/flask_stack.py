"""How long a hello-world request takes in djng, over Flask with what Django's default stack has.

    pip install flask flask-wtf flask-login flask-talisman
    python tests/benchmarks/flask_stack.py

Both go through the WSGI callable, with sessions, CSRF protection, the current user, security
headers and static files. As in request.py, two processes take turns. Prints the median of the
ratios; the goal is less than 0.85.
"""

import statistics
import tempfile
from pathlib import Path

from request import PROCESSES, REQUESTS, duel
from sites import write

FLASK = """
from flask import Flask
from flask_login import LoginManager
from flask_talisman import Talisman
from flask_wtf.csrf import CSRFProtect
from whitenoise import WhiteNoise

flask = Flask(__name__)
flask.config["SECRET_KEY"] = "benchmark"
CSRFProtect(flask)
Talisman(flask, force_https=False)
LoginManager(flask).user_loader(lambda pk: None)
app = WhiteNoise(flask)


@flask.route("/")
def index():
    return "hello"
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        write(folder)
        Path(folder, "flasky.py").write_text(FLASK)
        pairs = [pair for _ in range(PROCESSES) for pair in duel(folder, "one", "flasky")]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (1e6 * statistics.median(times) / REQUESTS for times in zip(*pairs, strict=True))
    print(f"djng over Flask with extensions: {ratio:.3f} ({ours:.0f} µs, Flask {theirs:.0f} µs)")


if __name__ == "__main__":
    main()
