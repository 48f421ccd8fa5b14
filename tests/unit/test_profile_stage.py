"""Which frames a tree shows: none of ours, and of the methods that `dataclass` wrote, the user's."""

from dataclasses import dataclass

from kosmos_nb.profiling.analysis.stage import Stage


@dataclass
class Point:
    x: int


def ours():
    pass


def users():
    pass


def names(*codes) -> list[str]:
    stage = Stage(hidden=("/ours/",), loop=("/loop/",))
    return [code.co_name for code, _ in stage.without([(code, 0) for code in codes])]


OURS = ours.__code__.replace(co_filename="/ours/part.py")
USERS = users.__code__.replace(co_filename="/home/part.py")
INIT = Point.__init__.__code__


def test_a_method_that_dataclass_wrote_is_whose_who_calls_it():
    assert names(USERS, OURS, INIT) == ["users"]
    assert names(USERS, INIT) == ["users", "__init__"]
    assert names(OURS, USERS, INIT) == ["users", "__init__"]


def test_other_code_without_a_file_called_by_ours_is_the_users():
    assert names(OURS, USERS.replace(co_filename="<string>")) == ["users"]
