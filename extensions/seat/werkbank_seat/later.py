"""Modules that are imported at their first use, for libraries that import more than they use.

While such a library loads, the modules it could do without are stood in for; as soon as it has loaded, the
stand-ins leave `sys.modules` and every later import gets the real thing. Whatever the library does with a stand-in
that it kept imports the real module then and there, so nothing is taken away: it only comes later, or never.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def load_with_later(load, module, later):
    """Call `load(module)` while the modules in `later` (name → names taken from it) are stood in for.

    Modules that are loaded already, or that are not installed, are left alone.
    """
    stand_ins = {name: StandIn(name, taken) for name, taken in later.items() if _is_to_come(name)}
    sys.modules.update(stand_ins)
    try:
        load(module)
    except ImportError:
        # Something needs one of them in a way that a stand-in cannot serve, such as a submodule of it.
        _leave(stand_ins.values())
        load(module)
    finally:
        _leave(stand_ins.values())


def _is_to_come(name):
    # Only the distribution is looked for: to find a submodule would import what is around it.
    return name not in sys.modules and find_spec(name.partition(".")[0]) is not None


def _leave(stand_ins):
    for stand_in in stand_ins:
        if sys.modules.get(stand_in.__name__) is stand_in:
            del sys.modules[stand_in.__name__]


class StandIn(ModuleType):
    """A module of which only some names are known; asked for another, it is the real one."""

    def __init__(self, name, taken):
        super().__init__(name)
        for attribute in taken:
            setattr(self, attribute, TakenName(attribute, (Exception,), {"_origin": (name, attribute)}))

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(_real(self.__name__), attribute)


class TakenName(type):
    """What was taken from a stand-in: a function or a class, whichever the real one is.

    These are classes, and exceptions, so that they may stand in `except`, `isinstance` and annotations.
    """

    def __call__(cls, *args, **kwargs):
        return cls._real()(*args, **kwargs)

    def __getattr__(cls, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(cls._real(), attribute)

    def __instancecheck__(cls, instance):
        # Nothing can be an instance of a class that was never loaded.
        module = sys.modules.get(cls._origin[0])
        return module is not None and not isinstance(module, StandIn) and isinstance(instance, cls._real())

    def _real(cls):
        # Not by __module__ and __name__: libraries rewrite those.
        module, name = cls._origin
        return getattr(_real(module), name)


def _real(name):
    """The real module, also while stand-ins are about: then all of them leave."""
    _leave([module for module in list(sys.modules.values()) if type(module) is StandIn])
    return import_module(name)
