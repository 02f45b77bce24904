"""Who helps the person at the keyboard: each assistant is a module, loaded when it is asked for."""

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from esmtp_py.cli.options import Options

# its option without the dashes: (the module in this package, the function there)
ASSISTANTS = {
    "authorize": ("authorize", "authorize"),
    "completion": ("completion", "completion"),
    "doctor": ("doctor", "doctor"),
    "explain": ("explain", "explain"),
    "forget-password": ("set_password", "forget_password"),
    "import": ("import_rc", "import_rc"),
    "serverinfo": ("serverinfo", "serverinfo"),
    "set-password": ("set_password", "set_password"),
    "setup": ("setup", "setup"),
}


def assist(options: "Options") -> int:
    """Runs the one that was asked for; returns the exit status."""
    module, function = ASSISTANTS[options.mode]
    code: int = getattr(import_module(f"esmtp_py.cli.assistant.{module}"), function)(options)
    return code
