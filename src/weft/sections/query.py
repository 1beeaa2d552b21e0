"""The section of reading: how many queries run at once, and what one of them may take."""

from __future__ import annotations

from dataclasses import dataclass

from weft.sections.forms import count, duration, memory, one_of, rows, setting, size_bytes, some, threads, timeout


@dataclass(frozen=True, slots=True)
class QuerySettings:
    """`[query]`: queries of everybody but the owner of the folder, which run in processes of their own."""

    processes: int = setting(4, "how many queries run at once", some)
    slow_processes: int = setting(2, "how many run beside them that have taken long while others waited", some)
    each: int = setting(3, "how many queries of one principal run at once", some)
    waiting: int = setting(
        56, "how many queries may wait for a process; where more do, those of whoever has the most are refused", count
    )
    patience: str = setting("30s", "how long a query waits for a process until it is refused", timeout)
    light: str = setting("2s", "how long a query may work before it lets others go first", timeout)
    time: str = setting("5m", "how long a query may take, its answer included", timeout)
    memory: str = setting("1GB", "memory of one process: a size, or a part of the machine's memory like 10%", memory)
    threads: int = setting(
        1,
        "threads of one process, 0: as many as there are cores; with several the last digits of a sum of floats hang on"
        " where rows lie, also rows that the reader does not see",
        threads,
    )
    temp: str = setting(
        "4GB", "how much one process may write to the disk for what does not fit its memory", size_bytes
    )
    rows: int = setting(0, "how many rows an answer may have; 0: no limit", rows)
    size: str = setting("10GB", "how large an answer may be, before it is compressed", size_bytes)
    workspace_size: str = setting("1GB", "how much a reader may keep in their workspace", size_bytes)
    workspace_time: str = setting("7d", "how long a table of a workspace is kept", duration)
    cache: str = setting(
        "256MB",
        "how much of what it answered a process keeps for whoever asks the same again and sees the same; 0B: nothing",
        size_bytes,
    )
    link_size: str = setting(
        "1GB", "how much is written into files for the links of one reader, who does not see all of a port", size_bytes
    )
    link_time: str = setting("7d", "how long a link to a file may last", duration)
    texts: str = setting(
        "kept",
        "what the audit keeps of a query: its text (`kept`) or a hash of it (`hashed`)",
        one_of("kept", "hashed"),
    )
