"""Reads the YAML files of this subject under a model, and tells by line what is wrong in one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from gitpulse_assets.settings import SettingsError
from gitpulse_assets.texts.text_file import NotText, read_text
from gitpulse_assets.watch.watch_list import line_of, lower_first, repeated_keys, spelled

Model = TypeVar("Model")


class Entry(BaseModel):
    """What stands in such a file: unknown keys and values of another kind are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class YamlFile:
    """One file, kept with its lines, so that what is found wrong later can be told by line, too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Whatever loads the definitions reads such a file; the loader in Python takes ten times as long.
            loader = yaml.CSafeLoader(read_text(path))
            self.root = loader.get_single_node()
            self.content: Any = loader.construct_document(self.root) if self.root else None
        except NotText as error:
            raise SettingsError(str(error)) from None
        except OSError as error:
            raise SettingsError(f"{path} cannot be read ({error.strerror}); name a YAML file") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "it is no YAML"
            raise SettingsError(f"{path}:{mark.line + 1 if mark else 1}: {problem}") from None

    def read(self, kind: type[Model] | Any) -> Model:
        """The content as `kind`; raises SettingsError with a line for each trouble."""
        troubles = list(repeated_keys(self.root))
        try:
            found = TypeAdapter(kind).validate_python(self.content)
        except ValidationError as error:
            troubles += [(tuple(detail["loc"]), str(detail["msg"])) for detail in error.errors()]
            found = None
        if troubles or found is None:
            raise SettingsError("\n".join(self.told(place, words) for place, words in troubles))
        return found

    def told(self, place: Sequence[Any], words: str) -> str:
        """What is wrong at a place of the file, in one line that begins with the file and its line."""
        return f"{self.path}:{line_of(self.root, place)}: {spelled(place)}{lower_first(words)}"
