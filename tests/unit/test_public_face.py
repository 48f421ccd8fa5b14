"""What `import kosmos_nb` shows and costs."""

import subprocess
import sys

import pytest

import kosmos_nb


@pytest.mark.parametrize("name", kosmos_nb.__all__)
def test_every_name_has_its_thing_and_its_page(name):
    thing = getattr(kosmos_nb, name)
    assert thing.__doc__


def test_all_is_what_is_visible():
    visible = {name for name in dir(kosmos_nb) if not name.startswith("_")}
    modules = {name for name in visible if type(getattr(kosmos_nb, name)).__name__ == "module"}
    assert set(kosmos_nb.__all__) == visible - modules - {"annotations", "TYPE_CHECKING", "Any"}
    assert list(kosmos_nb.__all__) == sorted(kosmos_nb.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="AsyncClaudeClient"):
        kosmos_nb.AsyncClaudeClient  # noqa: B018 - comes with a later part; nothing pretends until then


def test_importing_the_package_imports_nothing_heavy():
    heavy = "numpy pandas scipy pyarrow pydantic sqlalchemy duckdb IPython ipywidgets traitlets".split()
    code = f"import sys, kosmos_nb; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
