import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pacs_monitor import __version__

CHECKOUT = Path(__file__).parent.parent

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]

Installed = Callable[..., str]


def run(*argv: str | Path, cwd: Path) -> str:
    """Standard output of a program that knows nothing of the checkout; AssertionError if it fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    words = [str(word) for word in argv]
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


def build(folder: Path, *options: str) -> Path:
    """The one wheel that `python -m build` makes of the checkout."""
    run(sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", folder, CHECKOUT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel made from the checkout."""
    return build(tmp_path_factory.mktemp("wheel"), "--wheel")


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Calls the command line of the wheel in a clean environment, from a folder outside the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "venv", cwd=folder)
    run("venv/bin/python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return lambda *argv: run(folder / "venv/bin/pacs-monitor", *argv, cwd=folder)


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("RECORD")}


def test_the_wheel_holds_the_content_inside_the_package(wheel: Path) -> None:
    names = contents(wheel).keys()
    assert {"pacs_monitor/alert_rules/README.md", "pacs_monitor/grafana/README.md"} <= names
    assert {f"pacs_monitor/checks/{file.name}" for file in CHECKOUT.glob("checks/*.py")} <= names
    assert {f"pacs_monitor/alert_rules/{file.name}" for file in CHECKOUT.glob("alert_rules/*.yml")} <= names
    assert {f"pacs_monitor/{file.relative_to(CHECKOUT)}" for file in CHECKOUT.glob("docs/runbooks/*.md")} <= names
    assert {name.split("/")[0] for name in names} == {"pacs_monitor", f"pacs_monitor-{__version__}.dist-info"}


def test_a_wheel_made_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    assert contents(build(tmp_path)) == contents(wheel)


def test_an_installed_agent_finds_the_built_in_checks(installed: Installed) -> None:
    listed = installed("checks")
    for check in ("c_echo", "disk", "ingest", "tcp"):
        assert check in listed.split()


def test_an_installed_agent_says_its_version(installed: Installed) -> None:
    assert __version__ in installed("version")
