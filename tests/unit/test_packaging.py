"""The files that say what to install agree with each other and name nothing of one machine."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.lowest import lowest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = {canonicalize_name(r.name): r for r in map(Requirement, PROJECT["dependencies"])}
ON_CONDA = {"python-duckdb": "duckdb"}  # named otherwise there


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("this tree is no git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def conda_requirements() -> dict[str, Requirement]:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    lines: list[str] = []
    for entry in environment["dependencies"]:
        lines += entry["pip"] if isinstance(entry, dict) else [entry]
    wishes = [Requirement(line) for line in lines if line not in {"pip", "-e ."}]
    return {ON_CONDA.get(wish.name, canonicalize_name(wish.name)): wish for wish in wishes}


def test_environment_yml_has_the_ranges_of_pyproject():
    conda = {name: wish.specifier for name, wish in conda_requirements().items()}
    lab = Requirement(PROJECT["optional-dependencies"]["lab"][0])
    expected = {name: wish.specifier for name, wish in CORE.items()} | {lab.name: lab.specifier}
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda == expected


def constraints() -> list[Requirement]:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]


def test_constraints_are_names_and_exact_versions_only():
    for pin in constraints():
        assert pin.url is None
        assert not pin.extras
        assert [spec.operator for spec in pin.specifier] == ["=="], str(pin)


@pytest.mark.parametrize("python", ["3.11.0", "3.11.9", "3.12.1", "3.13.0"])
def test_constraints_give_each_direct_dependency_one_version_within_its_range(python):
    environment = {"python_full_version": python, "python_version": python.rpartition(".")[0]}

    def holds(marker: Marker | None) -> bool:
        return marker is None or marker.evaluate(environment)

    pins: dict[str, str] = {}
    for pin in constraints():
        if holds(pin.marker):
            assert pin.name not in pins, f"{pin.name} twice on Python {python}"
            pins[canonicalize_name(pin.name)] = next(iter(pin.specifier)).version
    wishes = [*PROJECT["dependencies"]]
    wishes += PROJECT["optional-dependencies"]["test"] + PROJECT["optional-dependencies"]["lab"]
    for wish in map(Requirement, wishes):
        assert wish.specifier.contains(pins[canonicalize_name(wish.name)], prereleases=True), str(wish)


def test_every_core_dependency_has_a_lower_bound_that_make_test_min_can_install():
    pins = [Requirement(lowest(line)) for line in PROJECT["dependencies"]]
    assert {canonicalize_name(pin.name) for pin in pins} == set(CORE)
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert CORE[canonicalize_name(pin.name)].specifier.contains(exact.version)


@pytest.mark.parametrize("wish", ["name", "name<3", "name==1.0"])
def test_a_requirement_without_a_lower_bound_is_refused(wish):
    with pytest.raises(ValueError, match="no lower bound"):
        lowest(wish)


def test_a_requirement_keeps_its_marker_and_loses_its_extras():
    assert lowest("thing[fast]>=1.2,<3; sys_platform == 'linux'") == "thing==1.2 ; sys_platform == 'linux'"


def test_no_lock_file_is_committed():
    locks = {
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "Pipfile.lock",
        "pylock.toml",
        "package-lock.json",
        "yarn.lock",
    }
    assert not [path.name for path in tracked() if path.name in locks or path.name.endswith("conda-lock.yml")]


def test_no_registry_host_and_no_path_of_a_machine_is_committed():
    # Written in halves, so that this file does not name them either.
    halves = [("py" + "pi", "org"), ("files.python" + "hosted", "org"), ("registry.npm" + "js", "org")]
    halves += [("registry.yarn" + "pkg", "com"), ("deb.deb" + "ian", "org"), ("conda.ana" + "conda", "org")]
    hosts = re.compile("|".join(re.escape(f"{left}.{right}") for left, right in halves))
    tops = "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me/[a-z]+", "Us" + "ers/[a-z]+"))
    paths = re.compile(rf"(?<![\w.$~}}])/(?:{tops})/[\w.]")
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in hosts.finditer(text)]
        found += [f"{path.relative_to(ROOT)}: {hit[0]}…" for hit in paths.finditer(text)]
    assert not found


def test_the_package_is_typed_and_importing_it_is_cheap():
    assert (ROOT / "kosmos_nb" / "py.typed").exists()
    heavy = ["numpy", "pandas", "pydantic", "ipywidgets", "anywidget", "duckdb", "sqlalchemy", "alembic"]
    heavy += ["scipy", "statsmodels", "anthropic", "memray", "matplotlib", "rich", "cloudpickle", "psutil"]
    code = f"import sys, kosmos_nb.execution; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_fragments_of_the_changelog_become_a_version():
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", "9.9.9"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "## 9.9.9" in done.stdout
    fragments = list((ROOT / "changelog.d").glob("*.md"))
    assert sum(line.startswith("- ") for line in done.stdout.splitlines()) >= len(fragments)
