import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from pacs_monitor import content

ContentDir = Callable[[str], Path]


def content_dir_of(package: Path) -> ContentDir:
    """The function as it would be in a copy of the engine that stands at `package`."""
    package.mkdir(parents=True)
    copy = shutil.copy(content.__file__, package)
    return cast(ContentDir, runpy.run_path(str(copy))["content_dir"])


@pytest.mark.parametrize("name", ["checks", "alert_rules", "grafana"])
def test_all_three_folders_are_found_where_the_tests_run(name: str) -> None:
    assert content.content_dir(name).name == name
    assert content.content_dir(name).is_dir()


def test_once_installed_the_folder_is_inside_the_package(tmp_path: Path) -> None:
    content_dir = content_dir_of(tmp_path / "pacs_monitor")
    (tmp_path / "pacs_monitor/checks").mkdir()
    assert content_dir("checks") == tmp_path / "pacs_monitor/checks"


def test_in_a_checkout_the_folder_is_beside_the_package(tmp_path: Path) -> None:
    content_dir = content_dir_of(tmp_path / "pacs_monitor")
    (tmp_path / "checks").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert content_dir("checks") == tmp_path / "checks"


def test_a_strangers_folder_beside_an_installed_package_is_not_taken(tmp_path: Path) -> None:
    content_dir = content_dir_of(tmp_path / "site-packages/pacs_monitor")
    (tmp_path / "site-packages/checks").mkdir()
    with pytest.raises(FileNotFoundError):
        content_dir("checks")


def test_a_missing_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    package = tmp_path / "pacs_monitor"
    with pytest.raises(FileNotFoundError) as missing:
        content_dir_of(package)("checks")
    assert str(missing.value) == f"checks is neither in {package} nor beside it: install pacs-monitor again"
