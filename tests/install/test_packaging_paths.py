"""A newcomer's first command on a copy of the tree, with uv and without, and the built wheel."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", "__pycache__", "build", "dist", "*.egg-info"
)
pytestmark = [pytest.mark.install, pytest.mark.timeout(600)]

TOOLS = Path(sysconfig.get_path("scripts"))
SYSTEM = ["/usr/bin", "/bin"]


def run(*words: str | Path, cwd: Path, path: list[Path | str] | None = None) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KOSMOS_", "VIRTUAL_ENV"))}
    environment["KOSMOS_HOME"] = str(cwd / "home")
    if path is not None:
        environment["PATH"] = os.pathsep.join(map(str, path))
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def folder_with(folder: Path, **programs: Path) -> Path:
    folder.mkdir()
    for name, program in programs.items():
        (folder / name).symlink_to(program)
    return folder


def without_uv(directories: list[str]) -> list[str]:
    return [directory for directory in directories if not (Path(directory) / "uv").exists()]


def real_python() -> Path:
    """The interpreter that this environment was made from."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_one_make_installs_into_its_own_environment(tmp_path, installer):
    tree = tmp_path / "a clone of kosmos"  # with blanks, as people's folders have them
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    programs = {"python3": real_python()} | ({"uv": TOOLS / "uv"} if installer == "uv" else {})
    path = [folder_with(tmp_path / "bin", **programs), *without_uv(SYSTEM)]

    said = run("make", ".venv/core.stamp", cwd=tree, path=path)
    assert f"with {installer} " in said

    python = tree / ".venv" / "bin" / "python"
    assert run(tree / ".venv" / "bin" / "kosmos", "--help", cwd=tmp_path)
    where = run(python, "-P", "-c", "import kosmos_nb; print(kosmos_nb.__file__)", cwd=tmp_path).strip()
    assert Path(where) == tree / "kosmos_nb" / "__init__.py"
    packages = Path(run(python, "-c", "import numpy; print(numpy.__path__[0])", cwd=tmp_path).strip())
    assert list(packages.glob("__pycache__/*.pyc")), "not byte-compiled"
    assert list((tree / "kosmos_nb").glob("__pycache__/*.pyc")), "not byte-compiled"

    assert "Installing" not in run("make", ".venv/core.stamp", cwd=tree, path=path)
    moved = tmp_path / "moved"
    tree.rename(moved)
    assert "core.stamp" in run("make", "-n", ".venv/core.stamp", cwd=moved, path=path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--installer", "uv", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_all_that_runs_and_nothing_that_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"kosmos_nb"}
    assert "kosmos_nb/py.typed" in names
    assert any(name.startswith("kosmos_nb/history/migrations/versions/") for name in names)
    here = (ROOT / "kosmos_nb").rglob("*")
    needed = {
        file.relative_to(ROOT).as_posix()
        for file in here
        if file.is_file()
        and "__pycache__" not in file.parts
        and file.suffix in {".py", ".js", ".css", ".ipynb", ".mako"}
    }
    assert needed <= set(names)
    assert any(name.endswith(".js") and "/static/" in name for name in names)


@pytest.mark.parametrize(
    "present",
    [
        ["ipython==8.12.3", "pandas==2.2.2", "numpy==1.26.4"],
        ["ipython==7.34.0", "ipykernel==6.17.1", "pandas==2.2.2", "numpy==2.0.2"],
    ],
)
def test_installing_into_an_environment_in_use_moves_neither_ipython_nor_pandas(wheel, tmp_path, present):
    if sys.version_info >= (3, 13):
        pytest.skip("these old versions have no builds for Python 3.13")
    uv, python = TOOLS / "uv", tmp_path / "env" / "bin" / "python"
    run(uv, "venv", "--python", real_python(), tmp_path / "env", cwd=tmp_path)
    run(uv, "pip", "install", "--python", python, *present, cwd=tmp_path)
    plan = run(uv, "pip", "install", "--dry-run", "--python", python, wheel, cwd=tmp_path)
    assert " + kosmos-nb" in plan
    for name in ("ipython", "ipykernel", "pandas", "numpy"):
        if any(wish.startswith(name + "==") for wish in present):
            assert f" {name}==" not in plan, plan
