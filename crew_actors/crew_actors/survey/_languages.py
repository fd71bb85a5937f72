# The table of languages. Pure.
#
# A file's language is told by its name, then its extension, then its first line.
# The kind says what is compared: shares are of code and markup only, since a data
# file of 10 MB says nothing about what a project is written in.
"""Which language a file is written in."""

import attrs

from crew_actors.survey._paths import file_name, suffix_of


@attrs.frozen
class Language:
    """A language and what it is for: `code`, `markup`, `prose` or `data`."""

    name: str
    kind: str

    @property
    def counts(self) -> bool:
        """Whether it has a share in what the project is written in."""
        return self.kind in {"code", "markup"}


_TABLE = {
    "code": """
        Python .py .pyi .pyw .pyx|JavaScript .js .mjs .cjs .jsx|TypeScript .ts .tsx .mts .cts
        C .c .h|C++ .cc .cpp .cxx .hpp .hh .hxx .inl|C# .cs|Go .go|Rust .rs|Java .java
        Kotlin .kt .kts|Swift .swift|Ruby .rb .rake .gemspec|PHP .php|Perl .pl .pm .t
        Shell .sh .bash .zsh .ksh .bats|PowerShell .ps1 .psm1|Batch .bat .cmd|Lua .lua
        Scala .scala .sc|Groovy .groovy .gradle|Dart .dart|Elixir .ex .exs|Erlang .erl .hrl
        Haskell .hs|OCaml .ml .mli|F# .fs .fsx|Clojure .clj .cljs .cljc|Julia .jl|R .r
        Zig .zig|Nim .nim|Fortran .f .f90 .f95|Assembly .s .asm|Objective-C .m .mm|SQL .sql
        Makefile .mk .mak|CMake .cmake|Nix .nix|Terraform .tf|Protocol-Buffers .proto
        GraphQL .graphql|Vim-Script .vim|Emacs-Lisp .el|Lisp .lisp .scm|Solidity .sol|M4 .m4
        Awk .awk|Tcl .tcl|CUDA .cu .cuh|Visual-Basic .vb|Pascal .pas|D .d|Crystal .cr
        ASDL .asdl|Starlark .bzl|Gherkin .feature
    """,
    "markup": """
        HTML .html .htm .xhtml|CSS .css|SCSS .scss .sass|Less .less|Vue .vue|Svelte .svelte
        Astro .astro|Jinja .j2 .jinja .jinja2|TeX .tex .sty|Handlebars .hbs .mustache|XSLT .xsl
    """,
    "prose": "Markdown .md .mdx|reStructuredText .rst|Text .txt|AsciiDoc .adoc|Org .org|Roff .1 .3 .5 .8|gettext .po .pot",
    "data": """
        JSON .json .jsonl .json5 .jsonc .webmanifest|YAML .yml .yaml|TOML .toml|INI .ini .cfg .conf .properties
        XML .xml .xsd .plist .csproj .vcxproj .props .targets|CSV .csv .tsv|SVG .svg
        Lock-file .lock|Notebook .ipynb|Diff .diff .patch|Certificate .pem .crt
    """,
}
_NAMED = {
    "Makefile": "Makefile", "GNUmakefile": "Makefile", "makefile": "Makefile",
    "CMakeLists.txt": "CMake", "Rakefile": "Ruby", "Gemfile": "Ruby", "Vagrantfile": "Ruby",
    "BUILD": "Starlark", "BUILD.bazel": "Starlark", "WORKSPACE": "Starlark",
    "configure.ac": "M4", "package-lock.json": "Lock-file", "pnpm-lock.yaml": "Lock-file",
    "go.sum": "Lock-file", "Justfile": "Makefile", "justfile": "Makefile",
}  # fmt: skip
_SHELLS = {
    "python": "Python", "pypy": "Python", "bash": "Shell", "sh": "Shell", "zsh": "Shell",
    "dash": "Shell", "ksh": "Shell", "node": "JavaScript", "deno": "TypeScript", "ruby": "Ruby",
    "perl": "Perl", "php": "PHP", "lua": "Lua", "awk": "Awk", "make": "Makefile", "tclsh": "Tcl",
}  # fmt: skip


def _read_table() -> tuple[dict[str, Language], dict[str, Language]]:
    by_suffix: dict[str, Language] = {}
    by_name: dict[str, Language] = {}
    for kind, rows in _TABLE.items():
        for row in rows.replace("\n", "|").split("|"):
            name, *suffixes = row.split() or [""]
            language = Language(
                name.replace("-", " ") if name != "Objective-C" else name, kind
            )
            by_name[name] = language
            by_suffix.update(dict.fromkeys(suffixes, language))
    return by_suffix, by_name


_BY_SUFFIX, _BY_NAME = _read_table()
_DOCKERFILE = Language("Dockerfile", "code")


def language_of(path: str, first_line: str = "") -> Language | None:
    """Return the language of the file *path* that begins with *first_line*."""
    name = file_name(path)
    if name in _NAMED:
        return _BY_NAME[_NAMED[name]]
    if name in {"Dockerfile", "Containerfile"} or name.startswith("Dockerfile."):
        return _DOCKERFILE
    suffix = suffix_of(path)
    if suffix or not first_line.startswith("#!"):
        return _BY_SUFFIX.get(suffix)
    words = [word.rpartition("/")[2] for word in first_line[2:200].split()]
    if words[:1] == ["env"]:
        words = [word for word in words[1:] if not word.startswith("-")]
    known = _SHELLS.get(words[0].rstrip("0123456789.")) if words else None
    return _BY_NAME[known] if known else None
