"""Other people's text, made safe to show; see `emit.untrusted`, where the layers below find it too."""

from rules_gen.emit.untrusted import visible, visible_lines

__all__ = ["visible", "visible_lines"]
