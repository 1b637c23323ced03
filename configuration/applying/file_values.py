"""The values of an entry that lie in files beside the configuration."""

from dataclasses import replace

from configuration.applying.run import Run
from configuration.reading.entries import Entry


def with_file_values(entry: Entry, run: Run) -> Entry:
    """The entry with what its files hold, as if that stood there. What cannot be read is noted and left out."""
    values, locations = dict(entry.values), dict(entry.locations)
    for key, in_file in entry.kind.in_files.items():
        if key in entry.locations:
            locations[in_file.name] = entry.locations[key]
        if key not in entry.values:
            continue
        try:
            values[in_file.name] = in_file.read(entry.values[key], run.surroundings_of(entry))
        except ValueError as error:
            run.problems.add(entry.locations[key], f"{key}: {error}")
    return replace(entry, values=values, locations=locations)
