"""rc files for hypothesis: well-formed ones, nearly well-formed ones, and noise made of what matters to the lexer."""

from hypothesis import strategies as st

from esmtp_py.grammar.esmtprc import ALL_KEYWORDS

blanks = st.sampled_from(
    [" ", "\n", "\t", "\r\n", "  ", " = ", "=", ";", ", ", ": ", " \\\n", "\\ \t\n", " # it's\n", "\n#\n"]
)
spaces = st.sampled_from([" ", "\n", "\t", "\r\n", " = ", " \\\n", ' # "comment\n'])
# Characters that a file can hold, those that no decoding gives left out.
text = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\\\"'=;:,# \n\0\udcff"), max_size=12)
bare = st.text(st.sampled_from("abcxyz019-@.*\\%~/#\"'é:"), min_size=1, max_size=10)
quoted = st.tuples(st.sampled_from("\"'"), text).map(
    lambda pair: pair[0] + pair[1].replace("\\", "\\\\").replace(pair[0], "\\" + pair[0]) + pair[0]
)
numbers = st.integers(-1000, 100000).map(str)
keywords = st.sampled_from(sorted(ALL_KEYWORDS))
values = st.one_of(
    bare, quoted, numbers, keywords, st.sampled_from(["me@example.org", "*@example.org", "10x", "~/x", "\\"])
)
pieces = st.one_of(keywords, values, blanks, text)

statements = st.one_of(
    st.tuples(keywords, spaces, values),
    st.tuples(st.just("identity"), spaces, values, st.just(", "), values),
    st.tuples(st.just("force"), spaces, st.sampled_from(["reverse_path", "sender"]), spaces, values),
    st.tuples(
        st.sampled_from(
            ["default", "starttls required", "message_id enabled", "timeout 30", "undo 5d", "unmatched refuse"]
        )
    ),
).map("".join)

files = st.lists(st.tuples(statements, blanks).map("".join), max_size=12).map("".join)
noise = st.lists(st.tuples(pieces, blanks | st.just("")).map("".join), max_size=20).map("".join)
anything = st.one_of(files, noise, text)
