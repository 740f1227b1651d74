"""What `--allow-import M` opens: what M itself defines or lists, and nothing that M imports."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

import lrviz
from lrviz import ReplayError, SpecError
from lrviz.engine.build import import_target

NUMBERS = itertools.count()

SUBMODULE = """
class Shared:
    class Inner:
        def __init__(self, optimizer): pass
        def step(self): pass
    def __init__(self, optimizer): pass
    def step(self): pass

def make(optimizer): return Shared(optimizer)
def hidden(optimizer): return Shared(optimizer)
"""

MODULE = """
import abc, builtins, collections, ctypes, enum, functools, importlib, io, operator, os, os.path as alias, random
import runpy, shutil, subprocess, sys, types
import subprocess as process
from builtins import *
from builtins import __import__, compile, eval, exec, open
from functools import partial, reduce
from importlib import import_module
from os import *
from os import execv, popen, spawnv, system
from os import system as renamed
from pathlib import Path
from subprocess import Popen, call, check_output, run
import PACKAGE.parts, PACKAGE.parts as parts
from PACKAGE.parts import Shared, hidden, make

__all__ = ["Shared", "make", "shutil", "own"]

def own(optimizer): return parts.Shared(optimizer)
def _private(optimizer): return parts.Shared(optimizer)
made = partial(own)
again = own
own.helper = os.system

class Own(parts.Shared):
    class Inner(parts.Shared): pass
    Linked = Inner
    Foreign = parts.Shared
    shell = os.system
    static = staticmethod(os.system)
    bound = partial(os.spawnv, os.P_WAIT)
    launch = subprocess.Popen
    os = os
    space = types.SimpleNamespace(system=os.system)
    method = functools.partialmethod(os.system)
    cached = functools.lru_cache(os.system)
    def step(self): pass
    @classmethod
    def build(cls, optimizer): return cls(optimizer)

class Base(abc.ABC): pass
class Kind(enum.Enum): SHELL = os.system
class Callable:
    shell = os.system
    def __call__(self, optimizer): return parts.Shared(optimizer)

factory = Callable()
number = 42
table = {"system": os.system}
space = types.SimpleNamespace(system=os.system, os=os)
nested = partial(partial(os.spawnv, os.P_WAIT), "/bin/sh")
cached = functools.lru_cache(os.system)
wrapped = functools.wraps(os.system)(lambda command: os.system(command))
getter = operator.attrgetter("system")
caller = operator.methodcaller("system", "true")
lister = collections.defaultdict(os.system)
shell = os.system
environment = os.environ.get
library = ctypes.CDLL
chosen = random.choice
joined = " ".join
"""

THERE = """
    own again made _private factory Own Own.Inner Own.Linked Own.build Shared Shared.Inner make Callable
"""

MODULES = """
    abc alias builtins collections ctypes enum functools importlib io operator os parts process random runpy shutil
    subprocess sys types
"""

FOREIGN = """
    compile eval exec open print getattr setattr vars input partial reduce import_module execv popen spawnv system
    renamed remove kill fork unlink Path Popen call check_output run hidden nested cached wrapped getter caller lister
    shell environment library chosen joined number table space
"""

THROUGH = """
    os.spawnv os.system os.path.join os.sys.exit subprocess.run subprocess.Popen shutil.rmtree shutil.os.system
    process.call alias.os.system sys.exit sys.modules.get builtins.exec builtins.eval importlib.import_module
    importlib.util.find_spec io.open random._os.system functools.partial ctypes.CDLL runpy.run_path types.FunctionType
    operator.call parts.Shared parts.hidden PACKAGE.parts.Shared Path.write_text Popen.communicate partial.func
    made.func nested.func made.args own.helper factory.shell space.system space.os.system table.get environment.clear
    lister.copy Own.shell Own.static Own.bound Own.launch Own.os Own.os.system Own.space.system Own.method Own.cached
    Own.Foreign Own.mro Own.Inner.mro Own.step.os Own.build.os Base.register Callable.shell Kind.SHELL
    Kind.SHELL.value Kind.mro Shared.mro Shared.Inner.mro number.bit_length joined.split hidden.os make.os
"""

UNDER = """
    __builtins__ __builtins__.get __import__ __loader__ __loader__.get_data __spec__ __spec__.loader __dict__
    __dict__.get __class__ __class__.mro __class__.__mro__ __getattribute__ __reduce_ex__ __init__ __file__ __all__
    __name__ __doc__ own.__globals__ own.__globals__.get own.__code__ own.__call__ own.__class__ own.__builtins__
    own.__getattribute__ own.__reduce__ Own.__init__ Own.__init__.__globals__ Own.__class__ Own.__bases__ Own.__mro__
    Own.__subclasses__ Own.__dict__.get Own.__new__ Own.__init_subclass__ Own.__base__.__subclasses__ Own.__module__
    Own.build.__func__ Own.build.__self__ factory.__call__ made.__call__ wrapped.__wrapped__ cached.__wrapped__
    _Own__x Shared.__init__ Shared.Inner.__init__ Kind.__members__
"""

LIBRARIES = """
    torch:os.spawnv torch:os torch:sys.exit torch.optim.swa_utils:itertools.chain torch.optim.swa_utils:deepcopy
    torch.optim.swa_utils:torch.os.system torch.optim.lr_scheduler:warnings.sys.exit random:_os.system random:_urandom
    torch.optim.lr_scheduler:partial lrviz:import_module
"""


def words(*texts: str) -> list[str]:
    return " ".join(texts).split()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of a package that imports much, and whose author thought of no document."""
    name = f"lrviz_test_package_{next(NUMBERS)}"
    folder = tmp_path_factory.mktemp("modules") / name
    folder.mkdir()
    (folder / "parts.py").write_text(SUBMODULE)
    (folder / "__init__.py").write_text(MODULE.replace("PACKAGE", name))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder.parent), *sys.path])
        import_target(f"{name}:own")
        yield name


@pytest.mark.parametrize("attribute", words(THERE))
def test_what_a_module_defines_or_lists_is_opened(package: str, attribute: str) -> None:
    assert callable(import_target(f"{package}:{attribute}"))


@pytest.mark.parametrize("attribute", words(MODULES, FOREIGN, THROUGH, UNDER))
def test_nothing_else_is_opened(package: str, attribute: str) -> None:
    with pytest.raises(SpecError, match=f"^{package}:"):
        import_target(f"{package}:{attribute.replace('PACKAGE', package)}")


def test_there_are_more_than_a_hundred_ways_in() -> None:
    ways = words(MODULES, FOREIGN, THROUGH, UNDER)
    assert len(set(ways)) == len(ways) > 100


@pytest.mark.parametrize("target", words(LIBRARIES))
def test_a_library_does_not_open_what_it_imports(target: str) -> None:
    with pytest.raises(SpecError, match=r"only what .* itself defines, or lists in __all__, can be named"):
        import_target(target)


@pytest.mark.parametrize(
    "target", ["torch.optim.lr_scheduler:StepLR", "torch.optim.swa_utils:SWALR", "torch.optim:Adam"]
)
def test_a_library_opens_its_own(target: str) -> None:
    assert import_target(target).__name__ == target.partition(":")[2]


BARE = """
import os
import PACKAGE.parts, PACKAGE.parts as parts
import PACKAGEother
from os import system
from PACKAGE.parts import Shared, hidden, shell
from PACKAGEother import Near
"""

OTHER = """
import os
class Near: pass
shell = os.system
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the name of a package without `__all__` that takes things from a submodule of its own, and from others."""
    name = f"lrviz_test_package_{next(NUMBERS)}"
    folder = tmp_path_factory.mktemp("modules") / name
    folder.mkdir()
    (folder / "parts.py").write_text(SUBMODULE + "import os\nshell = os.system\n")
    (folder / "__init__.py").write_text(BARE.replace("PACKAGE", name))
    (folder.parent / f"{name}other.py").write_text(OTHER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder.parent), *sys.path])
        import_target(f"{name}:Shared")
        yield name


@pytest.mark.parametrize("attribute", ["Shared", "Shared.Inner", "hidden"])
def test_a_package_without_a_list_opens_what_it_has_from_its_submodules(bare: str, attribute: str) -> None:
    assert import_target(f"{bare}:{attribute}").__module__ == f"{bare}.parts"


@pytest.mark.parametrize("attribute", words("os system shell parts parts.Shared parts.os.system Near Shared.mro"))
def test_it_opens_nothing_from_elsewhere(bare: str, attribute: str) -> None:
    with pytest.raises(SpecError, match=r"only what .* itself defines, or lists in __all__, can be named"):
        import_target(f"{bare}:{attribute}")


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("os.system", "os is a module; only what {} itself defines, or lists in __all__, can be named"),
        ("hidden", "hidden is from {}.parts; only what {} itself defines, or lists in __all__, can be named"),
        ("Own.space", "Own.space is not a scheduler class or a function"),
        ("number", "number is not a scheduler class or a function"),
        ("__import__", "{} has no '__import__'"),
        ("mke", "{} has no 'mke'; did you mean 'make'?"),
    ],
)
def test_the_message_says_why(package: str, attribute: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        import_target(f"{package}:{attribute}")
    assert str(caught.value) == f"{package}:{attribute}: {message.replace('{}', package)}"


def test_a_document_runs_no_shell(package: str, tmp_path: Path) -> None:
    mark = tmp_path / "PWNED"
    args = {"file": "/bin/sh", "args": ["sh", "-c", f"touch {mark}"]}
    document = {"scheduler": {"name": f"{package}:os.spawnv", "args": args}}
    with pytest.raises(SpecError, match="os is a module"):
        lrviz.replay(lrviz.load(document, allow_import=[package]))
    assert not mark.exists()


def test_a_listed_name_that_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    name = f"lrviz_test_listed_{next(NUMBERS)}"
    Path(f"{name}.py").write_text("__all__ = ['gone']\n")
    with pytest.raises(SpecError, match=f"{name} has no 'gone'"):
        import_target(f"{name}:gone")


@pytest.mark.parametrize("allowed", ["x_os_helpers", "os", ""])
def test_a_string_for_the_list_of_modules_is_refused(allowed: str) -> None:
    with pytest.raises(SpecError, match=r"allow_import must be a list of modules, such as \['my_module'\], not"):
        lrviz.load({"scheduler": {"name": "step", "step_size": 8}}, allow_import=allowed)


def test_a_module_is_allowed_by_its_whole_name_only() -> None:
    for allowed in (["x_os"], ["os.path"], ["o"], [""]):
        with pytest.raises(SpecError, match="'os:spawnv' would run code; allow it with --allow-import os"):
            lrviz.load({"scheduler": {"name": "os:spawnv"}}, allow_import=allowed)


def test_a_listed_class_is_replayed(package: str) -> None:
    with pytest.raises(ReplayError, match="TypeError"):
        lrviz.replay(lrviz.load({"scheduler": {"name": f"{package}:Shared", "args": {"x": 1}}}, allow_import=[package]))
    document = {"scheduler": {"name": f"{package}:Shared"}}
    assert lrviz.replay(lrviz.load(document, allow_import=[package])).steps == 32
