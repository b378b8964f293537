"""In which format the files of a table are, in the words of Databricks, and with which options it reads them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_livedata.engine.metastore.model import Storage, Table

FORMATS = frozenset({"parquet", "orc", "csv", "json", "avro", "delta"})
PROVIDER = "spark.sql.sources.provider"  # Spark tells its tables' format by this parameter
_BY_SERDE = {
    "org.apache.hadoop.hive.ql.io.parquet.serde.parquethiveserde": "parquet",
    "parquet.hive.serde.parquethiveserde": "parquet",
    "org.apache.hadoop.hive.ql.io.orc.orcserde": "orc",
    "org.apache.hadoop.hive.serde2.avro.avroserde": "avro",
    "org.apache.hive.hcatalog.data.jsonserde": "json",
    "org.apache.hadoop.hive.serde2.jsonserde": "json",
    "org.openx.data.jsonserde.jsonserde": "json",
}
_TEXT = {
    "org.apache.hadoop.hive.serde2.lazy.lazysimpleserde": "csv",
    "org.apache.hadoop.hive.serde2.opencsvserde": "csv",
}
_TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
_NOT_OPTIONS = frozenset({"path", "serialization.format"})  # of serdes that Spark has written
# What changes how text is read, and no option of Databricks does.
_UNREADABLE = {
    "escape.delim": "its texts are escaped ({})", "line.delim": "its rows end with {}", "collection.delim": "", "mapkey.delim": "",
    "serialization.last.column.takes.rest": "its last column takes the rest of a row", "input.regex": "it is read by a pattern",
}  # fmt: skip


def format_of(storage: Storage, parameters: Mapping[str, str]) -> str:
    """``parquet``, ``csv``, ...; empty where Databricks has none that reads it."""
    provider = parameters.get(PROVIDER, "").lower().removeprefix("org.apache.spark.sql.")
    library = storage.serde.library or ""
    if provider:
        return provider if provider in FORMATS else ""
    if library in FORMATS:  # it was fitted before
        return library
    if storage.input_format == _TEXT_INPUT and library.lower() in _TEXT:
        return _TEXT[library.lower()]
    return _BY_SERDE.get(library.lower(), "")


def is_of_spark(table: Table) -> bool:
    """Whether Spark made the table, so that its options are Spark's own."""
    return PROVIDER in table.parameters or (table.storage.serde.library or "") in FORMATS


def options_of(table: Table) -> dict[str, str]:
    """How the files are to be read."""
    serde = table.storage.serde
    if is_of_spark(table):
        return {name: value for name, value in serde.parameters.items() if name not in _NOT_OPTIONS}
    if format_of(table.storage, table.parameters) != "csv":
        return {}
    told = {**table.parameters, **serde.parameters}
    found = _quoted(serde.parameters) if (serde.library or "").lower().endswith("opencsvserde") else _plain(told)
    if told.get("serialization.encoding"):
        found["encoding"] = told["serialization.encoding"]
    if told.get("skip.header.line.count", "0") == "1":
        found["header"] = "true"
    return found


def unreadable(table: Table) -> str:
    """Why Databricks would read the files of a text table in another way than Hive does; empty where it does not."""
    if is_of_spark(table) or format_of(table.storage, table.parameters) != "csv":
        return ""
    told = {**table.parameters, **table.storage.serde.parameters}
    for name, text in _UNREADABLE.items():
        value = told.get(name)
        if value and text and value != "\n":
            return text.format(repr(value))
    if told.get("skip.header.line.count", "0") not in {"0", "1"} or told.get("skip.footer.line.count", "0") != "0":
        return "it has more than one line of header, or a footer"
    return ""


def _plain(told: Mapping[str, str]) -> dict[str, str]:
    """Of Hive's own text: nothing is quoted."""
    separator = told.get("field.delim") or _separator(told.get("serialization.format") or "1")
    return {"sep": separator, "nullValue": told.get("serialization.null.format", "\\N"), "quote": ""}


def _quoted(told: Mapping[str, str]) -> dict[str, str]:
    return {
        "sep": told.get("separatorChar") or ",", "quote": told.get("quoteChar") or '"', "escape": told.get("escapeChar") or "\\",
    }  # fmt: skip


def _separator(told: str) -> str:
    # Hive writes the code of a character that cannot be seen.
    return chr(int(told)) if told.isdecimal() and int(told) < 128 else told[:1]
