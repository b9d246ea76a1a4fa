from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pacs_monitor.check import Counter, Gauge
from pacs_monitor.content import content_dir
from pacs_monitor.loader import LoadError, load_file, load_folders

CHECK = '''"""A check."""
from pacs_monitor.check import Check, Counter, Gauge, Histogram

{metric}

class Mine(Check):
    """Measure mine."""

    limit: int = {limit}

    def run(self):
        yield
'''


def write(path: Path, text: str = "", metric: str = "", limit: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or CHECK.format(metric=metric, limit=limit))
    return path


def complaint(path: Path) -> str:
    with pytest.raises(LoadError) as error:
        load_file(path)
    return str(error.value.complaint).replace(f"{path.parent}/", "")


def test_a_file_is_a_kind_of_its_name_with_its_class_metrics_and_summary(tmp_path: Path) -> None:
    kind = load_file(write(tmp_path / "mine.py", metric='FREE = Gauge("pacs_mine_free_ratio", "Free.", ("x",))'))
    assert (kind.kind, kind.source, kind.summary) == ("mine", tmp_path / "mine.py", "Measure mine.")
    assert kind.metrics == (Gauge("pacs_mine_free_ratio", "Free.", ("x",)),)
    assert kind.cls(interval=5).interval == 5


def test_the_built_in_checks_load_without_complaint() -> None:
    kinds, complaints = load_folders([content_dir("checks")])
    assert complaints == []
    assert kinds


def test_settings_may_be_models_of_the_same_file_under_lazy_annotations(tmp_path: Path) -> None:
    text = """from __future__ import annotations
from pydantic import BaseModel
from pacs_monitor.check import Check

class Mine(Check):
    inner: Inner | None = None
    def run(self):
        yield

class Inner(BaseModel):
    x: int = 1
"""
    kind = load_file(write(tmp_path / "mine.py", text))
    assert kind.cls.model_validate({"inner": {"x": "2"}}).model_dump()["inner"] == {"x": 2}


def test_a_changed_file_gives_a_new_class_and_an_unchanged_one_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.py", limit=1)
    first = load_file(path)
    assert load_file(path) is first
    before = path.stat()
    write(path, limit=2)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = load_file(path)
    assert second.cls.model_fields["limit"].default == 2
    assert first.cls.model_fields["limit"].default == 1
    assert second.digest != first.digest


def test_two_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    one, two = load_file(write(tmp_path / "a/json.py")), load_file(write(tmp_path / "b/json.py"))
    assert one.cls.__module__ != two.cls.__module__
    assert sys.modules[one.cls.__module__].__file__ == str(tmp_path / "a/json.py")
    assert "dumps" in dir(sys.modules["json"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Mine(:\n    pass\n", "mine.py:1: is not Python: invalid syntax; mend this line, or the one before it"),
        ("x = 1\n\nx = (\n", "mine.py:3: is not Python: '(' was never closed"),
        ("x = '\\0'\n\0", "mine.py:2: is not Python: it holds a null byte; save it as plain text"),
        (
            "import os\n\nimport nowhere\n",
            "mine.py:3: cannot be loaded: ModuleNotFoundError: No module named 'nowhere'; "
            "install it for the Python that runs pacs-monitor, or mend this line",
        ),
        (
            "def f():\n    return 1 / 0\n\nf()\n",
            "mine.py:2: cannot be loaded: ZeroDivisionError: division by zero; mend ",
        ),
        ("raise SystemExit(3)\n", "mine.py:1: cannot be loaded: SystemExit: 3"),
        ("import json\n\njson.loads('{')\n", "mine.py:3: cannot be loaded: "),
        ("x = 1\n", "mine.py:1: holds no check; write one class that is a Check or a NodeCheck"),
        (
            "from pacs_monitor.check import NodeCheck\n",
            "mine.py:1: holds no check; write one class that is a Check or a NodeCheck",
        ),
        (
            "from pacs_monitor.check import *\nclass A(Check):\n    def run(self): yield\nclass B(A): pass\n",
            "mine.py:4: holds 2 checks (A, B); give each a file of its own",
        ),
        (
            "from pacs_monitor.check import *\n\nclass A(Check): pass\n",
            "mine.py:3: A: has no run; write `async def run(self)` that yields what it measures",
        ),
        (
            "from pacs_monitor.check import *\n\nclass A(Check):\n    async def run(self): pass\n",
            "mine.py:3: A: run never yields; yield a sample, or add `return` and `yield` at its end if there is none",
        ),
        (
            "from pacs_monitor.check import *\nclass A(NodeCheck):\n    needs = ('prot',)\n    def run(self): yield\n",
            "mine.py:2: A: needs names prot, which is no setting of a node; take it out",
        ),
        (
            "from pacs_monitor.check import *\nclass A(Check):\n    thresholds = ('slow',)\n    def run(self): yield\n",
            "mine.py:2: A: thresholds names slow, which is no setting of this check; take it out",
        ),
        (
            "from pacs_monitor.check import *\nclass A(Check):\n    slow: str = '2s'\n    thresholds = ('slow',)\n"
            "    def run(self): yield\n",
            "mine.py:2: A: thresholds names slow, which is no number; rules compare with it: take it out",
        ),
        (
            "from pacs_monitor.check import *\nclass A(Check):\n    slow: tuple[Ratio, ...] = ()\n"
            "    thresholds = ('slow',)\n    def run(self): yield\n",
            "mine.py:2: A: thresholds names slow, which is no number; rules compare with it: take it out",
        ),
        (
            "from pacs_monitor.check import *\nclass A(Check):\n    interval: float = 5.0\n    def run(self): yield\n",
            "mine.py:2: A: interval has another type than in every check; "
            "write it as pacs_monitor.check does, such as Duration",
        ),
        (
            "from pacs_monitor.check import *\nclass A(Check):\n    y: Nowhere\n    def run(self): yield\n",
            "mine.py:3: cannot be loaded: NameError: name 'Nowhere' is not defined",
        ),
        (
            "from __future__ import annotations\nfrom pacs_monitor.check import *\n"
            "class A(Check):\n    y: Nowhere\n    def run(self): yield\n",
            "mine.py:3: A: there is no Nowhere; import or define it",
        ),
    ],
)
def test_a_file_that_is_no_check_is_told_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(write(tmp_path / "mine.py", text)).startswith(message)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (
            'M = Gauge("pacs_check_up", "Help.")',
            "pacs_check_up: names beginning with pacs_check_ belong to the engine; choose another",
        ),
        (
            'M = Gauge("pacs_node_x", "Help.")',
            "pacs_node_x: names beginning with pacs_node_ belong to the engine; choose another",
        ),
        (
            'M = Counter("pacs_monitor_x_total", "Help.")',
            "pacs_monitor_x_total: names beginning with pacs_monitor_ belong to the engine; choose another",
        ),
        (
            'M = Gauge("pacs-mine", "Help.")',
            "'pacs-mine' is not the name of a metric; use a-z, A-Z, 0-9 and '_', not first a digit",
        ),
        (
            'M = Gauge("pacs:mine", "Help.")',
            "'pacs:mine' is not the name of a metric; use a-z, A-Z, 0-9 and '_', not first a digit",
        ),
        (
            'M = Counter("pacs_mine", "Help.")',
            "pacs_mine is a counter, and a counter's name ends in _total; call it pacs_mine_total",
        ),
        (
            'M = Gauge("pacs_mine_total", "Help.")',
            "pacs_mine_total is a gauge, and only a counter's name ends in _total; rename it",
        ),
        (
            'M = Histogram("pacs_mine_total", "Help.", buckets=(1,))',
            "pacs_mine_total is a histogram, and only a counter's name ends in _total; rename it",
        ),
        (
            'M = Gauge("pacs_mine_count", "Help.")',
            "pacs_mine_count ends in a word that Prometheus gives to parts of other metrics; rename it",
        ),
        ('M = Gauge("pacs_mine", "")', "pacs_mine has no help; write a sentence"),
        (
            'M = Gauge("pacs_mine", "Help.", ("node",))',
            "pacs_mine: the label node belongs to the engine; choose another",
        ),
        ('M = Gauge("pacs_mine", "Help.", ("le",))', "pacs_mine: the label le belongs to the engine; choose another"),
        (
            'M = Gauge("pacs_mine", "Help.", ("a-b",))',
            "pacs_mine: 'a-b' is not the name of a label; use a-z, A-Z, 0-9 and '_', not first a digit",
        ),
        ('M = Gauge("pacs_mine", "Help.", ("a", "a"))', "pacs_mine names a label twice; take one away"),
        (
            'M = Histogram("pacs_mine", "Help.", buckets=(2, 1))',
            "pacs_mine: buckets must rise and leave infinity out; write for example (0.1, 0.5, 2.5)",
        ),
        (
            'N = Gauge("pacs_mine", "One.")\nM = Gauge("pacs_mine", "Two.")',
            "pacs_mine is declared differently in line 4; rename it",
        ),
    ],
)
def test_a_metric_that_prometheus_or_the_engine_would_not_take_is_told_with_its_line(
    tmp_path: Path, metric: str, message: str
) -> None:
    line = 5 if metric.startswith("N") else 4
    assert complaint(write(tmp_path / "mine.py", metric=metric)) == f"mine.py:{line}: {message}"


@pytest.mark.parametrize("name", ["Mine", "my-check", "1st", "größe"])
def test_a_file_whose_name_is_no_kind_is_told(tmp_path: Path, name: str) -> None:
    assert "is not a kind; name the file with a-z, 0-9 and '_', first a letter" in complaint(
        write(tmp_path / f"{name}.py")
    )


def test_a_broken_file_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path / "a.py", "class X(:\n")
    write(tmp_path / "b.py")
    write(tmp_path / "c.py", "import nowhere\n")
    kinds, complaints = load_folders([tmp_path])
    assert list(kinds) == ["b"]
    assert [(Path(told.file).name, told.line) for told in complaints] == [("a.py", 1), ("c.py", 1)]


def test_files_with_a_leading_underscore_and_other_files_are_no_checks(tmp_path: Path) -> None:
    write(tmp_path / "_helper.py", "raise RuntimeError\n")
    write(tmp_path / "notes.txt", "hello")
    write(tmp_path / "__init__.py", "x = 1\n")
    assert load_folders([tmp_path]) == ({}, [])


def test_a_second_file_for_a_kind_is_told_and_the_first_stays(tmp_path: Path) -> None:
    write(tmp_path / "a/mine.py", limit=1)
    write(tmp_path / "b/mine.py", limit=2)
    kinds, complaints = load_folders([tmp_path / "a", tmp_path / "b"])
    assert kinds["mine"].source == tmp_path / "a/mine.py"
    assert [str(told) for told in complaints] == [
        f"{tmp_path}/b/mine.py:1: {tmp_path}/a/mine.py is the kind mine already; rename this file"
    ]


def test_a_folder_given_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path / "mine.py")
    kinds, complaints = load_folders([tmp_path, tmp_path / "."])
    assert (list(kinds), complaints) == (["mine"], [])


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    _, complaints = load_folders([tmp_path / "none"])
    expected = f"{tmp_path}/none: the folder cannot be read (No such file or directory); check its rights"
    assert [str(told) for told in complaints] == [expected]


def test_a_metric_declared_differently_by_two_kinds_is_told_with_both_places(tmp_path: Path) -> None:
    write(tmp_path / "a.py", metric='M = Gauge("pacs_mine", "One.")')
    write(tmp_path / "b.py", metric='M = Gauge("pacs_mine", "Two.")')
    write(tmp_path / "c.py", metric='M = Gauge("pacs_mine", "One.")')
    kinds, complaints = load_folders([tmp_path])
    assert list(kinds) == ["a", "c"]
    assert [str(told) for told in complaints] == [
        f"{tmp_path}/b.py:4: pacs_mine is declared differently in {tmp_path}/a.py:4; rename one of the two"
    ]


def test_a_metric_that_takes_a_series_of_a_histogram_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.py", metric='M = Histogram("pacs_mine", "One.", buckets=(1,))')
    write(tmp_path / "b.py", metric='M = Counter("pacs_mine_total", "Two.")')
    write(tmp_path / "c.py", metric='M = Histogram("pacs_mine", "One.", buckets=(2,))')
    kinds, complaints = load_folders([tmp_path])
    assert list(kinds) == ["a", "b"]
    assert [told.line for told in complaints] == [4]


def test_one_metric_may_be_imported_by_many_kinds_also_through_a_base_class(tmp_path: Path) -> None:
    base = "from pacs_monitor.dicom import DicomCheck\nclass A(DicomCheck):\n    def run(self): yield\n"
    write(tmp_path / "a.py", base)
    write(tmp_path / "b.py", base)
    kinds, complaints = load_folders([tmp_path])
    assert complaints == []
    assert kinds["a"].metrics == kinds["b"].metrics
    assert {type(metric) for metric in kinds["a"].metrics} == {Gauge, Counter}


def test_a_check_may_leave_out_metrics_of_the_class_that_it_builds_on(tmp_path: Path) -> None:
    head = "from pacs_monitor.dicom import PHASE, DicomCheck\n"
    write(tmp_path / "a.py", f"{head}class A(DicomCheck):\n    leaves_out = (PHASE,)\n    def run(self): yield\n")
    assert {metric.name for metric in load_file(tmp_path / "a.py").metrics} == {
        "pacs_dicom_association_rejections_total",
        "pacs_dicom_peer_info",
    }


def test_a_file_that_changed_still_tells_what_its_settings_are_for(tmp_path: Path) -> None:
    text = CHECK.replace("limit: int = {limit}", 'limit: int = {limit}\n    """How many are too many."""')
    for limit in (1, 2, 3):
        path = write(tmp_path / "mine.py", text.format(metric="", limit=limit))
        field = load_file(path).cls.model_fields["limit"]
        assert (field.default, field.description) == (limit, "How many are too many.")
