"""Where the content is: checks, alert rules and dashboards."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def content_dir(name: str) -> Path:
    """Folder `name` of the content: inside the package once installed, beside it in a checkout.

    Raises FileNotFoundError if it is in neither place.
    """
    installed, beside = _PACKAGE / name, _PACKAGE.parent / name
    if installed.is_dir():
        return installed
    # Beside an installed package lie strangers: a folder there counts only next to our own pyproject.toml.
    if beside.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return beside
    raise FileNotFoundError(f"{name} is neither in {_PACKAGE} nor beside it: install pacs-monitor again")
